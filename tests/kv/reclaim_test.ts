import { encodeUtf8, RouterError } from "../../lib/base/mod.ts";
import type { PrefillFate } from "../../lib/kv/mod.ts";
import { assert, assertEquals, assertStringIncludes } from "../support/assert.ts";
import { settle } from "../support/fake_clock.ts";
import { AGAIN, GRACE_MS, NEWS, ONCE, ReclaimFixture } from "./reclaim_support.ts";
import { engine, FakeLanding } from "./support.ts";

/** Every end of a prefill, by a name. */
const FATES = {
  ok: { kind: "ok", result: NEWS },
  refused: { kind: "refused" },
  unsent: { kind: "failed", sent: false, told: false },
  lost: { kind: "failed", sent: true, told: false },
  told: { kind: "failed", sent: true, told: true },
} as const satisfies Readonly<Record<string, PrefillFate>>;

/** Ways in which the news of a transfer can end; each makes it so. */
const LANDINGS = {
  "ready": (landed) => {
    landed.notified = 2;
    landed.end("ready");
  },
  "timed out": (landed) => landed.end("timed-out"),
  "timed out, one rank there": (landed) => {
    landed.notified = 1;
    landed.end("timed-out");
  },
  "cancelled": (landed) => {
    landed.cancelled = true;
    landed.end("timed-out");
  },
  "aborted": (landed) => landed.end("aborted"),
} as const satisfies Readonly<Record<string, (landed: FakeLanding) => void>>;

type LandingEnd = keyof typeof LANDINGS;

/** What KV that may have moved comes to. */
const MOVED: Readonly<Record<LandingEnd, string>> = {
  "ready": "drained",
  "timed out": "drained",
  "timed out, one rank there": "drained",
  "cancelled": "nothing_moved",
  "aborted": "stopped",
};

/** What is counted; undefined where nothing has moved, and no news are waited for. */
const RESULTS: Readonly<
  Record<keyof typeof FATES, Readonly<Record<LandingEnd, string>> | undefined>
> = {
  ok: MOVED,
  refused: undefined,
  unsent: undefined,
  lost: MOVED,
  told: { ...MOVED, "timed out": "nothing_moved" },
};

for (const name of Object.keys(FATES) as (keyof typeof FATES)[]) {
  for (const end of Object.keys(LANDINGS) as LandingEnd[]) {
    const fate = FATES[name];
    const waits = RESULTS[name] !== undefined;
    const result = RESULTS[name]?.[end] ?? "nothing_moved";
    Deno.test(`Reclaimer counts ${result} for a prefill ${name}, landing ${end}`, async () => {
      const fixture = new ReclaimFixture();
      const prefill = Promise.withResolvers<PrefillFate>();
      const landed = new FakeLanding();
      const one = await fixture.adopt({ landed, prefill: prefill.promise });
      assertEquals([fixture.reclaimer.pending, landed.waits.length], [1, 0]);
      prefill.resolve(fate);
      await settle();
      if (waits) {
        assertEquals(landed.waits.map(({ timeoutMs }) => timeoutMs), [GRACE_MS]);
        assertEquals([fixture.reclaimer.pending, landed.disposals], [1, 0]);
      } else assertEquals(landed.waits, []);
      LANDINGS[end](landed);
      await settle();
      assertEquals(fixture.sent.length, result === "drained" ? 1 : 0);
      if (result === "drained") {
        assertEquals(one.asked, [name === "ok" ? NEWS : undefined]);
        assertEquals(fixture.metrics.gauged, [1]);
        await fixture.answer(0, 200);
      }
      assertEquals(fixture.results, [result]);
      assertEquals(fixture.metrics.gauged, [1, 0]);
      assertEquals(fixture.lines, []);
      fixture.assertIdle(landed);
    });
  }
}

Deno.test("Reclaimer sends what reads the KV to the decode engine, as the protocol says it", async () => {
  const fixture = new ReclaimFixture();
  const body = [encodeUtf8('{"prompt":'), encodeUtf8("[1]}")];
  const headers = [["authorization", "a"], ["x-request-id", "r"]] as const;
  for (const [reclaim, params] of [[AGAIN, undefined], [ONCE, NEWS.kvParams]] as const) {
    const decode = engine(`d-${reclaim.singleUse}`);
    const path = `/v1/${reclaim.singleUse}`;
    const one = await fixture.adopt({ reclaim, decode, path, headers, body: () => body });
    const sent = fixture.sent.at(-1);
    assert(sent?.engine === decode);
    assertEquals(sent.request, { path, headers, body, replayable: !reclaim.singleUse });
    assertEquals([one.asked, one.built], [[NEWS], [params]]);
    sent.answer(200);
    await settle();
    fixture.assertIdle(one.landed);
  }
  assertEquals(fixture.results, ["drained", "drained"]);
});

Deno.test("Reclaimer takes a prefill that is over already, and a body that is promised", async () => {
  const fixture = new ReclaimFixture();
  const body = Promise.withResolvers<readonly Uint8Array[]>();
  const one = await fixture.adopt({
    prefill: { kind: "ok", result: NEWS },
    body: () => body.promise,
  });
  assertEquals(fixture.sent, []);
  body.resolve([encodeUtf8("{}")]);
  await settle();
  assertEquals(fixture.sent[0]?.request.body, [encodeUtf8("{}")]);
  await fixture.answer(0, 200);
  fixture.assertIdle(one.landed);
});

Deno.test("Reclaimer sends nothing where the protocol says that nothing has moved", async () => {
  const fixture = new ReclaimFixture();
  for (const fate of [FATES.lost, { kind: "ok", result: { kvParams: undefined } }] as const) {
    const one = await fixture.adopt({ reclaim: ONCE, prefill: fate });
    assertEquals([one.asked.length, one.built], [1, []]);
    fixture.assertIdle(one.landed);
  }
  assertEquals(fixture.results, ["nothing_moved", "nothing_moved"]);
  assertEquals(fixture.sent, []);
});

Deno.test("Reclaimer disposes KV that ages by itself, and neither waits nor counts", async () => {
  const fixture = new ReclaimFixture();
  const { promise: prefill } = Promise.withResolvers<PrefillFate>();
  const one = await fixture.adopt({ reclaim: "none", prefill });
  assertEquals([fixture.results, fixture.metrics.gauged, one.landed.waits], [[], [], []]);
  fixture.assertIdle(one.landed);
});

Deno.test("Reclaimer sends nothing where it cannot be known what was moved", async () => {
  const fixture = new ReclaimFixture();
  for (const body of [() => undefined, () => Promise.resolve(undefined)]) {
    const one = await fixture.adopt({ body });
    fixture.assertIdle(one.landed);
  }
  assertEquals(fixture.results, ["nothing_moved", "nothing_moved"]);
  assertEquals([fixture.sent, fixture.lines], [[], []]);
});

Deno.test("Reclaimer says which request's KV it cannot release, and why", async () => {
  const fixture = new ReclaimFixture();
  const cause = new RouterError("upstream-unreachable", "Connection refused");
  const failure = new RouterError("tokenize-failed", "Cannot tell the ids", { cause });
  for (
    const body of [() => Promise.reject(failure), () => {
      throw failure;
    }]
  ) {
    const one = await fixture.adopt({ body });
    fixture.assertIdle(one.landed);
  }
  assertEquals(fixture.results, ["failed", "failed"]);
  assertEquals(fixture.sent, []);
  const line =
    'WARNING Cannot drain KV request=r-1 url=http://d:8000 error="Cannot tell the ids: ' +
    'Connection refused"';
  assertEquals(fixture.lines, [line, line]);
});

Deno.test("Reclaimer tells of a request without an id, and nothing of other fields", async () => {
  const fixture = new ReclaimFixture();
  await fixture.adopt({ headers: [["authorization", "secret"]] });
  await fixture.answer(0, 404);
  assertEquals(fixture.lines, ['WARNING Cannot drain KV url=http://d:8000 error="answered 404"']);
});

Deno.test("Reclaimer gives back what it took of a transfer whose parts break", async () => {
  const fixture = new ReclaimFixture();
  const params = (): never => {
    throw new TypeError("no such news");
  };
  const one = await fixture.adopt({ reclaim: { singleUse: false, params } });
  fixture.assertIdle(one.landed);
  assertEquals(fixture.sent, []);
  assertStringIncludes(fixture.lines.join(), "no such news");
});
