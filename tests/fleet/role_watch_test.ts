import { createLogger, type Engine } from "../../lib/base/mod.ts";
import { type EngineEntry, FleetView, RoleWatch } from "../../lib/fleet/mod.ts";
import { assertEquals } from "../support/assert.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { engineOf } from "../support/flow_fakes.ts";

const PREFILL = engineOf("p", "prefill", "lmcache");
const DECODE = engineOf("d", "decode", "lmcache");

function entryOf(engine: Engine, maxModelLen: number): EngineEntry {
  return { engine, cards: [{ id: "m", max_model_len: maxModelLen }], created: 1 };
}

function setting(versions: Readonly<Record<string, string>>): {
  readonly watch: RoleWatch;
  readonly clock: FakeClock;
  readonly lines: Readonly<Record<string, unknown>>[];
  readonly asked: string[];
  readonly there: { entries: readonly EngineEntry[] };
} {
  const clock = new FakeClock();
  const lines: Readonly<Record<string, unknown>>[] = [];
  const log = createLogger(clock, (line) => void lines.push(JSON.parse(line)), {
    level: "info",
    format: "json",
  });
  const asked: string[] = [];
  const there = { entries: [entryOf(PREFILL, 1), entryOf(DECODE, 1)] };
  const watch = new RoleWatch({
    clock,
    log,
    snapshot: () => new FleetView(there.entries, []),
    fetchVersion: ({ id }) => {
      asked.push(id);
      return Promise.resolve(versions[id]);
    },
  });
  return { watch, clock, lines, asked, there };
}

Deno.test("RoleWatch asks engines for their versions, and tells once of what differs", async () => {
  const { watch, clock, lines, asked } = setting({ p: "1", d: "2" });
  using _watch = watch;
  for (let round = 0; round < 3; round++) {
    for (const engine of [PREFILL, DECODE]) watch.follow({ kind: "changed", engine });
    await clock.advance(1_000);
  }
  assertEquals(asked.slice(0, 2), ["p", "d"]);
  assertEquals(lines.map((line) => [line["property"], line["prefill"], line["decode"]]), [
    ["version", "1", "2"],
  ]);
  assertEquals(watch.differences.map(({ property }) => property), ["version"]);
});

Deno.test("RoleWatch tells again when the difference is another, and forgets who has gone", async () => {
  const { watch, clock, lines, there } = setting({});
  using _watch = watch;
  for (const length of [2, 3]) {
    there.entries = [entryOf(PREFILL, 1), entryOf(DECODE, length)];
    watch.follow({ kind: "changed", engine: DECODE });
    await clock.advance(1_000);
  }
  assertEquals(lines.map((line) => line["decode"]), ["2", "3"]);
  there.entries = [entryOf(PREFILL, 1)];
  watch.follow({ kind: "removed", engine: DECODE });
  await clock.advance(1_000);
  assertEquals(watch.differences, []);
});

Deno.test("RoleWatch leaves no timer behind", () => {
  const { watch, clock } = setting({});
  watch.follow({ kind: "added", engine: PREFILL });
  assertEquals(clock.pending, 1);
  watch[Symbol.dispose]();
  watch.follow({ kind: "added", engine: DECODE });
  assertEquals(clock.pending, 0);
});
