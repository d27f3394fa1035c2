import { RouterError, seededRandom } from "../../lib/base/mod.ts";
import {
  type Asking,
  type Begun,
  EngineHealth,
  type Health,
  type LandingFacts,
  type SeatLimits,
  UNBOUNDED,
} from "../../lib/fleet/mod.ts";
import type { PairAsk, Verdict } from "../../lib/selection/mod.ts";
import { assertEquals } from "../support/assert.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { ScriptedSource } from "../support/scripted_source.ts";
import { cards, engine, failure, LogLines, Scene } from "./support.ts";

const A = engine("a", ["m"]);
const B = engine("b", ["m"]);
const P = engine("p", ["m"], { role: "prefill", kv: "lmcache" });
const D = engine("d", ["m"], { role: "decode", kv: "lmcache" });
const ASK: Asking<PairAsk> = { model: "m", attempt: 1, takes: () => true };

/** What a fleet told. */
interface Noted {
  readonly health: Health;
  readonly lines: string[];
  /** What holds for every pair. */
  pair: Verdict;
}

/** A health that remembers what a fleet tells it, one line each. */
function noted(): Noted {
  const lines: string[] = [];
  const began = ({ engine: { id }, leg, peer, beganMs }: Begun): string =>
    `${leg} ${id} ${peer?.id ?? "-"} ${beganMs}`;
  const told: Noted = {
    lines,
    pair: { kind: "good" },
    health: {
      report: ({ leg, engine: { id }, end }, landing?: LandingFacts) => {
        if (leg !== "models") {
          lines.push(`landed ${leg} ${id} ${end} ${landing?.beganMs} ${landing?.root ?? "-"}`);
        }
      },
      know: ({ id, role }) => void lines.push(`know ${id} ${role}`),
      chose: (prefill, decode) => void lines.push(`chose ${prefill.id} ${decode.id}`),
      began: (flight) => {
        if (flight.leg !== "models") lines.push(`began ${began(flight)}`);
      },
      answering: (flight) => {
        if (flight.leg !== "models") lines.push(`answering ${began(flight)}`);
      },
      engine: () => ({ kind: "good" }),
      pair: () => told.pair,
      forget: (id) => void lines.push(`forget ${id}`),
    },
  };
  return told;
}

async function sceneOf(engines: readonly (typeof A)[], health: Health): Promise<{
  readonly scene: Scene;
  readonly source: ScriptedSource;
}> {
  const replies = Object.fromEntries(engines.map(({ id }) => [id, cards(["m"])]));
  const scene = new Scene(replies, { health });
  const source = ScriptedSource.of(engines);
  scene.follow(source);
  await scene.clock.advance(1_000);
  return { scene, source };
}

/** A health that goes by outcomes, on the clock of a fleet that is made with it. */
class Judged implements AsyncDisposable {
  readonly health: EngineHealth;
  readonly scene: Scene;
  readonly #clock = new FakeClock();

  constructor(engines: readonly (typeof A)[], seats: SeatLimits = UNBOUNDED) {
    const replies = Object.fromEntries(engines.map(({ id }) => [id, cards(["m"])]));
    const clock = this.#clock;
    this.health = new EngineHealth({
      // The scene has a clock of its own, which is not there yet.
      clock: {
        now: () => this.scene.clock.now(),
        unixMs: () => this.scene.clock.unixMs(),
        after: (ms, run) => this.scene.clock.after(ms, run),
      },
      random: seededRandom(5),
      log: new LogLines(clock).log,
      rules: {
        engine: { failures: 3, pauseMs: 1_000, maxPauseMs: 8_000 },
        pair: { failures: 2, pauseMs: 1_000, maxPauseMs: 8_000 },
        maxShutShare: 0.5,
      },
    });
    this.scene = new Scene(replies, { health: this.health, seats });
    this.scene.follow(ScriptedSource.of(engines));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.scene[Symbol.asyncDispose]();
    this.health[Symbol.dispose]();
    assertEquals(this.scene.clock.pending, 0);
  }
}

Deno.test("Fleet tells health of a flight when it begins, when it is answered well, and why it failed", async () => {
  const { health, lines } = noted();
  const { scene } = await sceneOf([A, B], health);
  await using _scene = scene;
  lines.length = 0;
  const flight = scene.fleet.take(A, "decode", B);
  await scene.clock.advance(20);
  flight.head(200);
  const cause = failure("upstream-unreachable");
  flight.failed(new RouterError("decode-failed", "It failed", { cause }));
  const refused = scene.fleet.take(B, "direct");
  refused.head(429);
  refused.ok();
  assertEquals(lines, [
    "began decode a b 1000",
    "answering decode a b 1000",
    "landed decode a failed 1000 upstream-unreachable",
    "began direct b - 1020",
    "landed direct b ok 1020 -",
  ]);
});

Deno.test("Fleet tells health of no flight of an engine that is not there", async () => {
  const { health, lines } = noted();
  const { scene, source } = await sceneOf([A], health);
  await using _scene = scene;
  lines.length = 0;
  const before = scene.fleet.take(A, "direct");
  source.remove("a");
  await scene.clock.advance(0);
  before.head(200);
  before.ok();
  scene.fleet.take(A, "direct").ok();
  assertEquals(lines, ["began direct a - 1000", "forget a"]);
});

Deno.test("Fleet tells health of engines as they come and as their records change", async () => {
  const { health, lines } = noted();
  const { scene, source } = await sceneOf([A], health);
  await using _scene = scene;
  source.upsert({ ...A, role: "decode" });
  source.upsert({ ...A, url: "http://elsewhere:1" });
  await scene.clock.advance(0);
  assertEquals(lines, ["know a any", "know a decode", "forget a", "know a any"]);
});

Deno.test("Fleet.choosePair() tells health of the request that tries a pair", async () => {
  const told = noted();
  const { scene } = await sceneOf([P, D], told.health);
  await using _scene = scene;
  for (const kind of ["good", "shut", "probation"] as const) {
    told.lines.length = 0;
    told.pair = kind === "shut" ? { kind, why: "kv-timeout" } : { kind };
    const choice = scene.fleet.choosePair(ASK);
    assertEquals(choice.kind === "pair" && choice.trial === true, kind === "probation");
    assertEquals(told.lines, kind === "probation" ? ["chose p d"] : []);
  }
});

Deno.test("Fleet has one request try an engine, and others once that is answered", async () => {
  await using judged = new Judged([A, B]);
  const { scene } = judged;
  await scene.clock.advance(1_000);
  const fleet = scene.fleet;
  for (let time = 0; time < 3; time++) fleet.take(A, "direct").failed(failure("upstream-lost"));
  const serving = (): readonly string[] =>
    [...new Set([1, 2, 3, 4].map(() => scene.direct("m") ?? ""))].sort();
  assertEquals(serving(), ["b"]);
  await scene.clock.advance(1_200);
  assertEquals(serving(), ["a", "b"]);
  const trial = fleet.take(A, "direct");
  assertEquals(serving(), ["b"]);
  trial.head(200);
  assertEquals(serving(), ["a", "b"], "a long answer keeps nobody away");
  trial.ok();
  assertEquals(fleet.verdict(A), { kind: "good" });
  assertEquals(scene.verdicts.filter((line) => line.startsWith("a")), [
    "a shut",
    "a probation",
    "a shut",
    "a probation",
    "a good",
  ]);
  const lines = scene.written.messages().filter((line) => !line.includes("Engine answers"));
  assertEquals(lines, ["warning Engine is gone around", "info Engine serves again"]);
});

Deno.test("Fleet is taught nothing by refusals, want of room and clients that leave", async () => {
  await using judged = new Judged([A, B]);
  const { scene } = judged;
  await scene.clock.advance(1_000);
  for (const status of [400, 404, 422, 429, 501, 503]) {
    for (const end of ["ok", "failed"] as const) {
      for (let time = 0; time < 5; time++) {
        const flight = scene.fleet.take(A, "decode", B);
        flight.head(status);
        if (end === "ok") flight.ok();
        else flight.failed(failure("decode-failed"));
      }
    }
  }
  for (let time = 0; time < 5; time++) {
    scene.fleet.take(A, "direct").failed(failure("client-gone"));
    scene.fleet.take(A, "direct")[Symbol.dispose]();
  }
  assertEquals([scene.fleet.verdict(A).kind, scene.fleet.doubtedPairs()], ["good", []]);
  for (let time = 0; time < 3; time++) {
    const flight = scene.fleet.take(A, "direct");
    flight.head(500);
    flight.ok();
  }
  assertEquals(scene.fleet.verdict(A).kind, "shut");
});

Deno.test("Fleet.verdict() is of engines that are there, and says when they leave", async () => {
  const { scene, source } = await sceneOf([A], noted().health);
  await using _scene = scene;
  source.leaving("a");
  await scene.clock.advance(0);
  assertEquals(scene.fleet.verdict(A), { kind: "leaving" });
  assertEquals(scene.fleet.verdict(B), { kind: "good" });
  assertEquals(scene.verdicts, [], "that is no verdict of health");
});

Deno.test("Fleet.doubtedPairs() are those that fail together", async () => {
  await using judged = new Judged([P, D]);
  const { scene } = judged;
  await scene.clock.advance(1_000);
  for (let time = 0; time < 2; time++) {
    scene.fleet.take(D, "decode", P).failed(failure("kv-timeout"));
  }
  assertEquals(
    scene.fleet.doubtedPairs().map(({ prefill, decode, verdict: { kind } }) => [
      prefill.id,
      decode.id,
      kind,
    ]),
    [["p", "d", "shut"]],
  );
  const choice = scene.fleet.choosePair(ASK);
  assertEquals(choice.kind === "pair" ? choice.shut : choice, "kv-timeout");
});

Deno.test("Fleet.seatPair() tells health of the request that tries a pair, where room was looked at", async () => {
  const told = noted();
  const { scene } = await sceneOf([P, D], told.health);
  await using _scene = scene;
  told.lines.length = 0;
  told.pair = { kind: "probation" };
  const choice = scene.fleet.choosePair({ ...ASK, tokens: 0 });
  assertEquals(choice.kind === "pair" && choice.trial, true);
  assertEquals(told.lines, []);
  using _seats = scene.fleet.seatPair({ prefill: P, decode: D }, 0);
  assertEquals(told.lines, ["chose p d"]);
});

Deno.test("Fleet.seat() has one request try an engine, and tells who waits only when it is taken", async () => {
  await using judged = new Judged([A, B], { prefill: 9, serving: 9 });
  const { fleet, clock } = judged.scene;
  await clock.advance(1_000);
  for (let time = 0; time < 3; time++) fleet.take(A, "direct").failed(failure("upstream-lost"));
  await clock.advance(1_200);
  assertEquals(fleet.verdict(A).kind, "probation");
  const seen: (readonly [verdict: string, seats: number])[] = [];
  using _watch = fleet.watchRoom(() => seen.push([fleet.verdict(A).kind, fleet.seated.seats]));
  const seat = fleet.seat(A);
  assertEquals(seen, [["shut", 1]]);
  fleet.take(A, "direct", undefined, seat).ok();
  assertEquals([fleet.verdict(A).kind, fleet.seated.seats], ["good", 0]);
});
