import type { PrefillFate } from "../../lib/kv/mod.ts";
import { assertEquals } from "../support/assert.ts";
import { settle } from "../support/fake_clock.ts";
import { type Adopted, NEWS, ReclaimFixture } from "./reclaim_support.ts";
import { engine, FakeLanding } from "./support.ts";

/** Transfers kept at once. */
const MAX_PENDING = 4_096;

/** Ids of the requests that were sent, in order. */
function sentFor({ sent }: ReclaimFixture): readonly (string | undefined)[] {
  return sent.map(({ request }) => request.headers[0]?.[1]);
}

function adopt(fixture: ReclaimFixture, id: string, at: string): Promise<Adopted> {
  return fixture.adopt({ headers: [["x-request-id", id]], decode: engine(at) });
}

Deno.test("Reclaimer sends two requests at once to an engine, the others in order", async () => {
  const fixture = new ReclaimFixture();
  const all: Adopted[] = [];
  for (const id of ["a", "b", "c", "d"]) all.push(await adopt(fixture, id, "d"));
  assertEquals(sentFor(fixture), ["a", "b"]);
  assertEquals([fixture.reclaimer.pending, fixture.reclaimer.gates], [4, 1]);
  await fixture.answer(1, 200);
  assertEquals(sentFor(fixture), ["a", "b", "c"]);
  await fixture.answer(0, 404);
  assertEquals(sentFor(fixture), ["a", "b", "c", "d"]);
  for (const at of [2, 3]) await fixture.answer(at, 200);
  assertEquals(fixture.metrics.gauged, [1, 2, 3, 4, 3, 2, 1, 0]);
  assertEquals(fixture.results, ["drained", "failed", "drained", "drained"]);
  fixture.assertIdle(...all.map(({ landed }) => landed));
});

Deno.test("Reclaimer does not let one engine's requests wait for another's", async () => {
  const fixture = new ReclaimFixture();
  for (const id of ["a", "b", "c"]) await adopt(fixture, id, "d1");
  await adopt(fixture, "x", "d2");
  assertEquals(sentFor(fixture), ["a", "b", "x"]);
  assertEquals(fixture.reclaimer.gates, 2);
  await fixture.answer(2, 200);
  assertEquals(fixture.reclaimer.gates, 1);
  for (const at of [0, 1, 3]) await fixture.answer(at, 200);
  assertEquals(sentFor(fixture), ["a", "b", "x", "c"]);
  fixture.assertIdle();
});

Deno.test("Reclaimer lets nobody pass one that waits for its next try", async () => {
  const fixture = new ReclaimFixture();
  for (const id of ["a", "b", "c"]) await adopt(fixture, id, "d");
  for (const at of [0, 1]) await fixture.answer(at, 500);
  await fixture.clock.advance(999);
  assertEquals(sentFor(fixture), ["a", "b"]);
  await fixture.clock.advance(1);
  assertEquals(sentFor(fixture), ["a", "b", "a", "b"]);
  await fixture.answer(2, 200);
  assertEquals(sentFor(fixture), ["a", "b", "a", "b", "c"]);
  for (const at of [3, 4]) await fixture.answer(at, 200);
  fixture.assertIdle();
});

Deno.test("Reclaimer takes no place for KV whose news or body are still to come", async () => {
  const fixture = new ReclaimFixture();
  const landed = new FakeLanding();
  await fixture.adopt({ landed });
  await fixture.adopt({ landed: new FakeLanding() });
  const body = Promise.withResolvers<undefined>();
  await fixture.adopt({ body: () => body.promise });
  assertEquals([fixture.reclaimer.pending, fixture.reclaimer.gates], [3, 0]);
  await adopt(fixture, "a", "d");
  assertEquals(sentFor(fixture), ["a"]);
});

Deno.test("Reclaimer lets transfers go, and counts them, beyond its bound", async () => {
  const fixture = new ReclaimFixture();
  const prefill = Promise.withResolvers<PrefillFate>();
  const first = Promise.withResolvers<PrefillFate>();
  const kept = await fixture.adopt({ landed: new FakeLanding(), prefill: first.promise });
  for (let count = 1; count < MAX_PENDING; count++) {
    fixture.reclaimer.adopt({
      transfer: {
        landed: new FakeLanding(),
        reclaim: { singleUse: false, params: () => undefined },
      },
      decode: engine("d"),
      prefill: prefill.promise,
      path: "/",
      headers: [],
      body: () => undefined,
    });
  }
  assertEquals([fixture.reclaimer.pending, fixture.results], [MAX_PENDING, []]);
  const surplus = await fixture.adopt({ landed: new FakeLanding() });
  assertEquals([surplus.landed.disposals, surplus.landed.waits, surplus.built], [1, [], []]);
  assertEquals([fixture.reclaimer.pending, fixture.results], [MAX_PENDING, ["too_many"]]);
  // What ages by itself needs no place, and is not missed.
  const aging = await fixture.adopt({ reclaim: "none" });
  assertEquals([aging.landed.disposals, fixture.results], [1, ["too_many"]]);
  first.resolve({ kind: "refused" });
  await settle();
  assertEquals([kept.landed.disposals, fixture.reclaimer.pending], [1, MAX_PENDING - 1]);
  const next = await fixture.adopt({ prefill: { kind: "ok", result: NEWS } });
  assertEquals([next.built.length, fixture.sent.length], [1, 1]);
  await fixture.answer(0, 200);
  prefill.resolve({ kind: "failed", sent: false, told: false });
  await fixture.background.idle();
  fixture.assertIdle(kept.landed, surplus.landed, aging.landed, next.landed);
  assertEquals(Math.max(...fixture.metrics.gauged), MAX_PENDING);
});
