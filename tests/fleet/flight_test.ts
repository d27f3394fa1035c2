import { type Engine, RouterError } from "../../lib/base/mod.ts";
import { type Flight, type Leg, type Outcome, takeOff } from "../../lib/fleet/mod.ts";
import { assert, assertEquals, assertThrows } from "../support/assert.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { engine, failure } from "./support.ts";

const ENGINE = engine("a");
const PEER = engine("b");

/** A flight in the air, and what was told of its end. */
function flight(
  leg: Leg = "direct",
  peer?: Engine,
): { readonly flight: Flight; readonly clock: FakeClock; readonly told: Outcome[] } {
  const clock = new FakeClock();
  const told: Outcome[] = [];
  const parts = { clock, engine: ENGINE, leg, peer, onLanded: (one: Outcome) => told.push(one) };
  return { flight: takeOff(parts), clock, told };
}

/** Everything that can be said of an end. */
const ENDINGS: readonly (readonly [name: string, end: Outcome["end"], say: (f: Flight) => void])[] =
  [
    ["ok()", "ok", (one) => one.ok()],
    ["failed()", "failed", (one) => one.failed(failure("upstream-lost"))],
    ["failed() by a client that has gone", "left", (one) => one.failed(failure("client-gone"))],
    ["dispose", "left", (one) => one[Symbol.dispose]()],
  ];

for (const [name, end, say] of ENDINGS) {
  Deno.test(`Flight ends as ${end} by ${name}, whatever is said later`, () => {
    for (const [, , later] of ENDINGS) {
      const { flight: one, told } = flight();
      say(one);
      later(one);
      one.head(500);
      say(one);
      assertEquals(told.map((outcome) => outcome.end), [end]);
      assertEquals(told[0]?.status, undefined);
    }
  });
}

Deno.test("Flight tells its engine, its leg and the other engine of its handoff", () => {
  const { flight: one, told } = flight("prefill", PEER);
  assertEquals([one.engine, one.leg], [ENGINE, "prefill"]);
  one.ok();
  const [outcome] = told;
  assert(outcome !== undefined);
  assert(outcome.engine === ENGINE && outcome.peer === PEER);
  assertEquals(outcome.leg, "prefill");
  const alone = flight();
  alone.flight.ok();
  assertEquals(alone.told[0]?.peer, undefined);
});

Deno.test("Flight tells when its head came and when it ended, from its beginning", async () => {
  const { flight: one, clock, told } = flight();
  await clock.advance(30);
  one.head(201);
  await clock.advance(12);
  one.ok();
  assertEquals(told, [{
    engine: ENGINE,
    leg: "direct",
    peer: undefined,
    end: "ok",
    code: undefined,
    status: 201,
    headMs: 30,
    ms: 42,
  }]);
});

Deno.test("Flight.head() counts once: what comes later is another answer's", async () => {
  const { flight: one, clock, told } = flight();
  await clock.advance(5);
  one.head(200);
  await clock.advance(5);
  one.head(503);
  one.failed(failure("upstream-protocol"));
  assertEquals([told[0]?.status, told[0]?.headMs, told[0]?.ms], [200, 5, 10]);
});

Deno.test("Flight that never had an answer tells no status and no time of it", async () => {
  const { flight: one, clock, told } = flight();
  await clock.advance(2_000);
  one.failed(failure("upstream-timeout"));
  const [outcome] = told;
  assertEquals([outcome?.status, outcome?.headMs, outcome?.ms], [undefined, undefined, 2_000]);
});

Deno.test("Flight.failed() tells the error's code; what has none is the router's own", () => {
  const codes = (["kv-timeout", "upstream-unreachable", "shutting-down"] as const).map((code) => {
    const { flight: one, told } = flight();
    one.failed(failure(code));
    return [told[0]?.end, told[0]?.code];
  });
  assertEquals(codes, [
    ["failed", "kv-timeout"],
    ["failed", "upstream-unreachable"],
    ["failed", "shutting-down"],
  ]);
  for (const thrown of [new TypeError("wrong"), "text", undefined]) {
    const { flight: one, told } = flight();
    one.failed(thrown);
    assertEquals([told[0]?.end, told[0]?.code], ["failed", "internal"]);
  }
});

Deno.test("Flight that failed by a refusal within its answer tells the refusal's status", () => {
  const refusal = { status: 429, headers: [], body: new Uint8Array(0) };
  const { flight: one, told } = flight();
  one.head(200);
  one.failed(new RouterError("decode-failed", "full", { refusal }));
  assertEquals([told[0]?.end, told[0]?.code, told[0]?.status], ["failed", "decode-failed", 429]);
});

for (const [status, refused] of [[400, true], [429, true], [503, undefined]] as const) {
  Deno.test(`Flight that failed by a refusal with ${status} ${refused ? "was" : "was not"} refused`, () => {
    const { flight: one, told } = flight();
    const refusal = { status, headers: [], body: new Uint8Array(0) };
    one.failed(new RouterError("decode-failed", "no", { refusal }));
    assertEquals(told[0]?.refused, refused);
  });
}

Deno.test("Flight that failed by an answer of 404 in nobody's words was not refused", () => {
  const { flight: one, told } = flight();
  one.head(404);
  one.failed(new RouterError("decode-failed", "a page"));
  assertEquals([told[0]?.status, told[0]?.refused], [404, undefined]);
});

Deno.test("Flight that is left or has its answer tells no code", () => {
  for (const [, end, say] of ENDINGS.filter(([, end]) => end !== "failed")) {
    const { flight: one, told } = flight();
    say(one);
    assertEquals([told[0]?.end, told[0]?.code], [end, undefined]);
  }
});

Deno.test("Flight.move() hands it on: the former holder says nothing any more", async () => {
  const { flight: one, clock, told } = flight();
  one.head(200);
  const moved = ((): Flight => {
    using held = one;
    return held.move();
  })();
  one.ok();
  one.failed(failure("upstream-lost"));
  assertEquals(told, []);
  await clock.advance(7);
  moved.ok();
  assertEquals([told.length, told[0]?.end, told[0]?.status, told[0]?.ms], [1, "ok", 200, 7]);
  assertEquals([moved.engine, moved.leg], [ENGINE, "direct"]);
});

Deno.test("Flight.move() of one that has ended tells nothing again", () => {
  const { flight: one, told } = flight();
  one.ok();
  const moved = one.move();
  moved.failed(failure("upstream-lost"));
  moved[Symbol.dispose]();
  assertEquals(told.map(({ end }) => end), ["ok"]);
});

Deno.test("Flight.move() twice by one holder is a mistake", () => {
  const { flight: one, told } = flight();
  const moved = one.move();
  assertThrows(() => one.move(), TypeError, "handed on twice");
  const again = moved.move();
  again.ok();
  assertEquals(told.map(({ end }) => end), ["ok"]);
});

Deno.test("Flight tells its model, its first token and its tokens where they are known, once", async () => {
  const clock = new FakeClock();
  const told: Outcome[] = [];
  let firsts = 0;
  const one = takeOff({
    clock,
    engine: ENGINE,
    leg: "direct",
    peer: undefined,
    model: "m",
    onFirst: () => firsts++,
    onLanded: (outcome) => told.push(outcome),
  });
  await clock.advance(40);
  one.first();
  const moved = one.move();
  one.first();
  one.used({ answer: 1 });
  await clock.advance(10);
  moved.first();
  moved.used({ prompt: 1, answer: 2 });
  moved.used({ prompt: 3, answer: 4 });
  moved.ok();
  moved.first();
  const [{ model, firstMs, tokens } = {} as Outcome] = told;
  assertEquals([model, firstMs, tokens, firsts], ["m", 40, { prompt: 3, answer: 4 }, 1]);
});
