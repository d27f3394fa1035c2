import { type Engine, seededRandom } from "../../lib/base/mod.ts";
import { type Flight, type Leg, RequestStats, takeOff } from "../../lib/fleet/mod.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { engine, failure } from "./support.ts";

const A = engine("a");
const B = engine("b");
const WINDOW_MS = 60_000;

/** Statistics that are told of real flights, as a fleet tells them. */
class Told {
  readonly clock = new FakeClock();
  readonly stats = new RequestStats(this.clock, WINDOW_MS);

  take(to: Engine, leg: Leg = "direct"): Flight {
    const { clock, stats } = this;
    const serves = leg === "direct" || leg === "decode" || leg === "prefill";
    if (serves) stats.onInflight(to, 1);
    return takeOff({
      clock,
      engine: to,
      leg,
      peer: undefined,
      onFirst: () => serves && stats.onFirst(to),
      onLanded: (outcome) => {
        if (serves) stats.onInflight(to, -1);
        stats.onOutcome(outcome);
      },
    });
  }
}

Deno.test("RequestStats tells latency, time between tokens and time of decoding", async () => {
  const told = new Told();
  const flight = told.take(A);
  await told.clock.advance(500);
  flight.first();
  flight.first();
  await told.clock.advance(2_000);
  flight.used({ prompt: 7, answer: 11 });
  flight.ok();
  const { latency, itl, decoding, inPrefill, inDecoding, finished } = told.stats.of(A.url) ?? {};
  assertEquals({ latency, itl, decoding, inPrefill, inDecoding, finished }, {
    latency: 2.5,
    itl: 0.2,
    decoding: 2,
    inPrefill: 0,
    inDecoding: 0,
    finished: 1,
  });
});

Deno.test("RequestStats takes of a handoff the tokens that the engine itself has made", async () => {
  const told = new Told();
  const flight = told.take(A, "decode");
  flight.first();
  await told.clock.advance(1_000);
  flight.used({ answer: 6, own: 5 });
  flight.ok();
  assertEquals(told.stats.of(A.url)?.itl, 0.25);
});

Deno.test("RequestStats counts requests before and behind their first token, by engine", () => {
  const told = new Told();
  const flights = [told.take(A), told.take(A), told.take(A, "prefill"), told.take(B)];
  told.take(A, "tokenize").ok();
  flights[0]?.first();
  const counts = (url: string): readonly unknown[] => {
    const { inPrefill, inDecoding, finished } = told.stats.of(url) ?? {};
    return [inPrefill, inDecoding, finished];
  };
  assertEquals([counts(A.url), counts(B.url)], [[2, 1, 0], [1, 0, 0]]);
  for (const flight of flights) flight.ok();
  assertEquals([counts(A.url), counts(B.url)], [[0, 0, 3], [0, 0, 1]]);
});

Deno.test("RequestStats knows nothing of what has not been, and no latency of what has failed", async () => {
  const told = new Told();
  assertEquals(told.stats.of(A.url), undefined);
  const flight = told.take(A);
  await told.clock.advance(100);
  flight.failed(failure("upstream-lost"));
  const left = told.take(A);
  left.first();
  left[Symbol.dispose]();
  const whole = told.take(B);
  await told.clock.advance(300);
  whole.ok();
  const { latency, itl, inDecoding, finished } = told.stats.of(A.url) ?? {};
  assertEquals([latency, itl, inDecoding, finished], [undefined, undefined, 0, 2]);
  const { latency: of, itl: none, decoding } = told.stats.of(B.url) ?? {};
  assertEquals([of, none, decoding], [0.3, undefined, undefined]);
});

Deno.test("RequestStats counts requests in a second over the window", async () => {
  const told = new Told();
  for (let at = 0; at < 400; at++) {
    told.take(A).ok();
    await told.clock.advance(250);
  }
  const { qps = 0, uptime } = told.stats.of(A.url) ?? {};
  assert(Math.abs(qps - 4) < 0.1, `${qps}`);
  assertEquals(uptime, 100);
  await told.clock.advance(WINDOW_MS);
  assertEquals([told.stats.of(A.url)?.qps, told.stats.of(A.url)?.latency], [0, undefined]);
});

Deno.test("RequestStats.forget() keeps nothing; counts come back to zero however flights end", async () => {
  const told = new Told();
  const random = seededRandom(3);
  const flights: Flight[] = [];
  for (let at = 0; at < 300; at++) {
    const flight = told.take(
      random.next() < 0.5 ? A : B,
      random.next() < 0.5 ? "decode" : "direct",
    );
    if (random.next() < 0.5) flight.first();
    flights.push(flight);
    await told.clock.advance(random.next() * 50);
    const end = random.next();
    if (end < 0.3) flight.ok();
    else if (end < 0.5) flight.failed(failure("upstream-lost"));
  }
  for (const flight of flights) flight[Symbol.dispose]();
  for (const { url } of [A, B]) {
    const { inPrefill, inDecoding } = told.stats.of(url) ?? {};
    assertEquals([inPrefill, inDecoding], [0, 0]);
    told.stats.forget(url);
  }
  assertEquals([told.stats.size, told.stats.of(A.url)], [0, undefined]);
});
