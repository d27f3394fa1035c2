import { tellVerdict } from "../../lib/fleet/tell_verdict.ts";
import type { Verdict } from "../../lib/selection/mod.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { engine, LogLines } from "./support.ts";

const VERDICTS = {
  good: { kind: "good" },
  probation: { kind: "probation", why: "upstream-lost" },
  shut: { kind: "shut", why: "upstream-lost", untilMs: 5 },
  silent: { kind: "shut", why: "upstream-unreachable" },
  leaving: { kind: "leaving" },
} satisfies Record<string, Verdict>;

type Name = keyof typeof VERDICTS;

function said(was: Name, is: Name): readonly string[] {
  const written = new LogLines(new FakeClock());
  tellVerdict(written.log, engine("a"), VERDICTS[was], VERDICTS[is]);
  return written.messages();
}

Deno.test("tellVerdict() has one line for each change that says something", () => {
  const changes: string[] = [];
  for (const was of Object.keys(VERDICTS) as Name[]) {
    for (const is of Object.keys(VERDICTS) as Name[]) {
      for (const line of said(was, is)) changes.push(`${was} ${is}: ${line}`);
    }
  }
  assertEquals(changes, [
    "good probation: warning Engine fails, and serves for want of others",
    "good shut: warning Engine is gone around",
    "probation good: info Engine serves again",
    "shut good: info Engine serves again",
  ]);
});

Deno.test("tellVerdict() says which engine it is, why, and where to look", () => {
  const written = new LogLines(new FakeClock());
  tellVerdict(written.log, engine("a"), VERDICTS.good, VERDICTS.shut);
  const { url, role, why, look } = JSON.parse(written.lines[0] ?? "{}");
  assertEquals([url, role, why], ["http://a:8000", "any", "upstream-lost"]);
  assert(look.includes("its log"), look);
});
