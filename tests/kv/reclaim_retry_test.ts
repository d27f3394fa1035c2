import { type ErrorCode, RouterError } from "../../lib/base/mod.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { type Adopted, AGAIN, ONCE, ReclaimFixture } from "./reclaim_support.ts";

/** A try's end: an answer's status, or the code of a failure. */
type End = number | ErrorCode;

function endOf(end: End): number | Error {
  return typeof end === "number" ? end : new RouterError(end, `Exchange ended with ${end}`);
}

/** Waits between tries, in milliseconds. */
const WAITS_MS = [1_000, 2_000];

/**
 * Let the tries of one transfer end so, each wait between them just as long as it is to be; fails
 * unless there are as many as ends.
 */
async function tries(fixture: ReclaimFixture, ends: readonly End[]): Promise<void> {
  for (const [at, end] of ends.entries()) {
    const waitMs = WAITS_MS[at - 1];
    if (waitMs !== undefined) {
      assert(fixture.clock.dueIn(waitMs), `no try in ${waitMs} ms`);
      await fixture.clock.advance(waitMs - 1);
      assertEquals(fixture.sent.length, at);
      await fixture.clock.advance(1);
    }
    assertEquals(fixture.sent.length, at + 1);
    await fixture.answer(at, endOf(end));
  }
  await fixture.clock.advance(60_000);
  assertEquals(fixture.sent.length, ends.length);
}

/** Failures of which an engine may have had the request. */
const ARRIVED: readonly End[] = [
  "upstream-lost",
  "upstream-protocol",
  "upstream-timeout",
  "internal",
];

/** Ends of all tries, and the result; what may be repeated. */
const REPEATED: readonly (readonly [ends: readonly End[], result: string])[] = [
  [[200], "drained"],
  [[500, 200], "drained"],
  [["upstream-unreachable", 503, 200], "drained"],
  [["upstream-lost", 200], "drained"],
  [[500, 502, 503], "failed"],
  [["upstream-unreachable", "upstream-unreachable", "upstream-unreachable"], "failed"],
  [[302, 204, 500], "failed"],
  [[500, 404], "failed"],
  ...ARRIVED.map((end) => [[end, end, end], "failed"] as const),
  ...[400, 404, 408, 422, 429, 499].map((status) => [[status], "failed"] as const),
];

/** As above, of what is good for one use. */
const ONE_USE: readonly (readonly [ends: readonly End[], result: string])[] = [
  [[200], "drained"],
  [[500], "failed"],
  [[503], "failed"],
  [[404], "failed"],
  ...ARRIVED.map((end) => [[end], "failed"] as const),
  [["upstream-unreachable", 200], "drained"],
  [["upstream-unreachable", 500], "failed"],
  [["upstream-unreachable", "upstream-lost"], "failed"],
  [["upstream-unreachable", "upstream-unreachable", 200], "drained"],
  [["upstream-unreachable", "upstream-unreachable", "upstream-unreachable"], "failed"],
];

for (
  const [kind, reclaim, table] of [
    ["that may be read again", AGAIN, REPEATED],
    ["good for one use", ONCE, ONE_USE],
  ] as const
) {
  for (const [ends, result] of table) {
    Deno.test(`Reclaimer: KV ${kind} is ${result} after ${ends.join(", ")}`, async () => {
      const fixture = new ReclaimFixture();
      const one: Adopted = await fixture.adopt({ reclaim });
      await tries(fixture, ends);
      assertEquals(fixture.results, [result]);
      assertEquals(fixture.metrics.gauged, [1, 0]);
      // Built once and sent unchanged, however often.
      assertEquals([one.asked.length, one.built.length], [1, 1]);
      const [first] = fixture.sent;
      for (const { engine, request } of fixture.sent) {
        assert(engine === first?.engine);
        assert(request.body === first.request.body && request.headers === first.request.headers);
        assertEquals(request.replayable, reclaim === AGAIN);
      }
      const last = ends.at(-1);
      const problem = typeof last === "number" ? `answered ${last}` : `Exchange ended with ${last}`;
      assertEquals(
        fixture.lines,
        result === "drained" ? [] : [
          `WARNING Cannot drain KV request=r-1 url=http://d:8000 error="${problem}"`,
        ],
      );
      fixture.assertIdle(one.landed);
    });
  }
}
