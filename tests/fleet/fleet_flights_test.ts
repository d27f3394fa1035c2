import type { Engine } from "../../lib/base/mod.ts";
import type { Health, Leg, Outcome } from "../../lib/fleet/mod.ts";
import type { Verdict } from "../../lib/selection/mod.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { settle } from "../support/fake_clock.ts";
import { ScriptedSource } from "../support/scripted_source.ts";
import { cards, engine, failure, Scene } from "./support.ts";

const SERVING = ["prefill", "decode", "direct"] as const satisfies readonly Leg[];
const OWN = ["tokenize", "reclaim", "models"] as const satisfies readonly Leg[];
const A = engine("a", ["m"]);
const B = engine("b", ["m"]);

/** A fleet of `a` and `b`, which have answered already. */
async function pairScene(
  options: ConstructorParameters<typeof Scene>[1] = {},
): Promise<{ readonly scene: Scene; readonly source: ScriptedSource }> {
  const scene = new Scene({ a: cards(["m"]), b: cards(["m"]) }, options);
  const source = ScriptedSource.of([A, B]);
  scene.follow(source);
  await scene.clock.advance(1_000);
  return { scene, source };
}

/** Requests at an engine, as policies see it. */
function inflight({ fleet }: Scene, id: string): number | undefined {
  return fleet.snapshot().group("m").direct.find(({ engine }) => engine.id === id)?.inflight;
}

/** A health that remembers what it was told, and says what a test wants. */
function toldHealth(): {
  readonly health: Health;
  readonly reports: Outcome[];
  readonly verdicts: Map<string, Verdict>;
  readonly watched: Set<(id: string) => void>;
} {
  const reports: Outcome[] = [];
  const verdicts = new Map<string, Verdict>();
  const watched = new Set<(id: string) => void>();
  const health: Health = {
    report: (outcome) => void reports.push(outcome),
    engine: (id) => verdicts.get(id) ?? { kind: "good" },
    pair: () => ({ kind: "good" }),
    forget: (id) => void verdicts.delete(id),
    watch(on) {
      watched.add(on);
      return { [Symbol.dispose]: () => void watched.delete(on) };
    },
  };
  return { health, reports, verdicts, watched };
}

Deno.test("Fleet.take() counts a request at its engine until its end is said, once", async () => {
  const { scene } = await pairScene();
  await using _scene = scene;
  const flights = SERVING.map((leg) => scene.fleet.take(A, leg, B));
  assertEquals([inflight(scene, "a"), inflight(scene, "b"), scene.fleet.inflight], [3, 0, 3]);
  flights[0]?.ok();
  flights[0]?.failed(failure("upstream-lost"));
  flights[0]?.[Symbol.dispose]();
  assertEquals([inflight(scene, "a"), scene.fleet.inflight], [2, 2]);
  flights[1]?.failed(failure("decode-failed"));
  flights[2]?.[Symbol.dispose]();
  assertEquals([inflight(scene, "a"), scene.fleet.inflight], [0, 0]);
  assertEquals(scene.ends, ["a prefill ok", "a decode failed", "a direct left"]);
});

Deno.test("Fleet.take() counts on while a flight is handed to another holder", async () => {
  const { scene } = await pairScene();
  await using _scene = scene;
  const moved = (() => {
    using flight = scene.fleet.take(A, "decode");
    return flight.move();
  })();
  assertEquals(inflight(scene, "a"), 1);
  moved.ok();
  assertEquals([inflight(scene, "a"), scene.ends], [0, ["a decode ok"]]);
});

Deno.test("Fleet.take() counts no request for what the router asks for itself", async () => {
  const { scene } = await pairScene();
  await using _scene = scene;
  const flights = OWN.map((leg) => scene.fleet.take(A, leg));
  assertEquals([inflight(scene, "a"), scene.fleet.inflight, scene.counted.size], [0, 0, 0]);
  for (const flight of flights) flight.ok();
  assertEquals(scene.fleet.inflight, 0);
});

Deno.test("Fleet.take() goes by an engine's id and URL, as records are replaced", async () => {
  const { scene, source } = await pairScene();
  await using _scene = scene;
  const flight = scene.fleet.take(A, "direct");
  source.upsert(engine("a", ["m", "n"], { role: "decode" }));
  await settle();
  assertEquals(inflight(scene, "a"), 1);
  const later = scene.fleet.take(A, "direct");
  assertEquals(inflight(scene, "a"), 2);
  for (const one of [flight, later]) one.ok();
  assertEquals(inflight(scene, "a"), 0);
});

Deno.test("Fleet tells the observer of every request that begins and ends", async () => {
  const { scene } = await pairScene();
  await using _scene = scene;
  const [prefill, direct] = [scene.fleet.take(A, "prefill", B), scene.fleet.take(B, "direct")];
  assertEquals([...scene.counted], [["a prefill", 1], ["b direct", 1]]);
  prefill.ok();
  direct.ok();
  assertEquals([...scene.counted], [["a prefill", 0], ["b direct", 0]]);
});

Deno.test("Fleet.take() of an engine that has gone counts it for the observer alone", async () => {
  const { scene, source } = await pairScene();
  await using _scene = scene;
  source.remove("a");
  await settle();
  const flight = scene.fleet.take(A, "decode");
  assertEquals([scene.fleet.inflight, scene.counted.get("a decode")], [1, 1]);
  flight.ok();
  assertEquals([scene.fleet.inflight, scene.counted.get("a decode")], [0, 0]);
  // Its URL was in use once more.
  assertEquals(scene.told.slice(-3), ["removed a", "forgotten a", "forgotten a"]);
});

Deno.test("Fleet counts requests at the very engine: one that comes again begins with none", async () => {
  const { scene, source } = await pairScene();
  await using _scene = scene;
  const former = scene.fleet.take(A, "direct");
  source.remove("a");
  source.upsert(A);
  await settle();
  const latter = scene.fleet.take(A, "direct");
  assertEquals([inflight(scene, "a"), scene.fleet.inflight], [1, 2]);
  former.ok();
  assertEquals([inflight(scene, "a"), scene.fleet.inflight], [1, 1]);
  latter.ok();
  assertEquals([inflight(scene, "a"), scene.fleet.inflight], [0, 0]);
});

Deno.test("Fleet.take() by a record of a former address counts nothing at the present one", async () => {
  const { scene, source } = await pairScene();
  await using _scene = scene;
  source.upsert({ ...A, url: "http://elsewhere:1" });
  await settle();
  const flight = scene.fleet.take(A, "direct");
  assertEquals([inflight(scene, "a"), scene.fleet.inflight], [0, 1]);
  flight.failed(failure("upstream-unreachable"));
  assertEquals([inflight(scene, "a"), scene.fleet.inflight], [0, 0]);
});

Deno.test("Fleet tells each outcome to the observer and to health, once", async () => {
  const { health, reports } = toldHealth();
  const { scene } = await pairScene({ health });
  await using _scene = scene;
  const before = reports.length;
  const flight = scene.fleet.take(A, "decode", B);
  await scene.clock.advance(20);
  flight.head(200);
  await scene.clock.advance(20);
  flight.failed(failure("upstream-protocol"));
  flight.ok();
  const expected = {
    engine: A,
    leg: "decode",
    peer: B,
    end: "failed",
    code: "upstream-protocol",
    status: 200,
    headMs: 20,
    ms: 40,
  } as const;
  assertEquals(reports.slice(before), [expected]);
  assertEquals(scene.outcomes.filter(({ leg }) => leg === "decode"), [expected]);
});

Deno.test("Fleet tells health nothing of engines that are not there any more", async () => {
  const { health, reports } = toldHealth();
  const { scene, source } = await pairScene({ health });
  await using _scene = scene;
  const flights = [scene.fleet.take(A, "direct"), scene.fleet.take(B, "direct")];
  source.remove("a");
  source.upsert({ ...B, url: "http://elsewhere:1" });
  await settle();
  const before = reports.length;
  for (const flight of flights) flight.failed(failure("upstream-lost"));
  await settle();
  assertEquals(reports.slice(before).filter(({ leg }) => leg === "direct"), []);
  assertEquals(scene.ends, ["a direct failed", "b direct failed"]);
});

Deno.test("Fleet goes around an engine as soon as an outcome has shut it", async () => {
  const { health, verdicts } = toldHealth();
  const { scene } = await pairScene({ health });
  await using _scene = scene;
  const serving = (): readonly (string | undefined)[] => {
    const chosen = Array.from({ length: 4 }, () => scene.direct("m"));
    return [...new Set(chosen)].sort();
  };
  assertEquals(serving(), ["a", "b"]);
  verdicts.set("a", { kind: "shut", why: "upstream-lost" });
  scene.fleet.take(A, "direct").failed(failure("upstream-lost"));
  assertEquals(serving(), ["b"]);
  verdicts.set("a", { kind: "probation" });
  scene.fleet.take(A, "direct").ok();
  assertEquals(serving(), ["a", "b"]);
});

Deno.test("Fleet asks health anew when it says that time has changed a verdict", async () => {
  const { health, verdicts, watched } = toldHealth();
  const { scene } = await pairScene({ health });
  verdicts.set("b", { kind: "shut", why: "internal" });
  for (const on of watched) {
    on("unknown");
    on("b");
  }
  assertEquals([scene.direct("m"), scene.direct("m")], ["a", "a"]);
  await scene.fleet[Symbol.asyncDispose]();
  assertEquals(watched.size, 0);
});

Deno.test("Fleet takes an engine that comes as health says it is, before it is asked", async () => {
  const { health, verdicts } = toldHealth();
  verdicts.set("a", { kind: "shut", why: "internal" });
  await using scene = new Scene({}, { health });
  scene.follow(ScriptedSource.of([A, B]));
  await settle();
  assertEquals([scene.direct("m"), scene.direct("m")], ["b", "b"]);
  assertEquals(scene.outcomes, []);
});

/** Legs after whose failure an engine is asked whether it is there. */
const ASKED = new Set<Leg>(["prefill", "decode", "direct", "tokenize"]);

for (const leg of [...SERVING, ...OWN] as const) {
  const asks = ASKED.has(leg);
  Deno.test(`Fleet asks an engine ${asks ? "at once" : "no sooner"} after a failed ${leg}`, async () => {
    const { scene } = await pairScene();
    await using _scene = scene;
    for (const say of ["ok", "left"] as const) {
      const flight = scene.fleet.take(A, leg, B);
      if (say === "ok") flight.ok();
      else flight[Symbol.dispose]();
    }
    scene.fleet.take(A, leg, B).failed(failure("client-gone"));
    await scene.clock.advance(0);
    assertEquals(scene.engines.times("a"), [0]);
    scene.fleet.take(A, leg, B).failed(failure("upstream-lost"));
    await scene.clock.advance(0);
    assertEquals(scene.engines.times("a"), asks ? [0, 1_000] : [0]);
    assertEquals(scene.engines.times("b"), [0]);
  });
}

Deno.test("Fleet asks both engines of a pair whose KV does not come", async () => {
  const { scene } = await pairScene();
  await using _scene = scene;
  scene.fleet.take(A, "decode", B).failed(failure("kv-timeout"));
  await scene.clock.advance(0);
  assertEquals([scene.engines.times("a"), scene.engines.times("b")], [[0, 1_000], [0, 1_000]]);
  scene.fleet.take(B, "decode").failed(failure("kv-timeout"));
  await scene.clock.advance(250);
  assertEquals(scene.engines.times("b"), [0, 1_000, 1_250]);
});

Deno.test("Fleet goes around an engine that failed a request and is not there any more", async () => {
  const { scene } = await pairScene();
  await using _scene = scene;
  scene.engines.replies.set("a", failure("upstream-unreachable"));
  scene.fleet.take(A, "direct").failed(failure("upstream-unreachable"));
  await scene.clock.advance(0);
  assertEquals([scene.direct("m"), scene.direct("m")], ["b", "b"]);
});

Deno.test('Fleet tells "forgotten" only when nothing is under way at a URL, and none is there', async () => {
  const { scene, source } = await pairScene();
  await using _scene = scene;
  const legs = [...SERVING, ...OWN];
  const flights = legs.map((leg) => scene.fleet.take(A, leg));
  source.remove("a");
  await settle();
  const forgotten = (): number => scene.told.filter((told) => told === "forgotten a").length;
  for (const flight of flights.slice(1)) flight.ok();
  assertEquals(forgotten(), 0);
  // It comes again, and goes, while one is in the air.
  source.upsert(A);
  source.remove("a");
  await settle();
  assertEquals(forgotten(), 0);
  flights[0]?.[Symbol.dispose]();
  assertEquals([forgotten(), scene.told.at(-1)], [1, "forgotten a"]);
});

Deno.test('Fleet tells nothing of "forgotten" while two engines share a URL', async () => {
  const { scene, source } = await pairScene();
  await using _scene = scene;
  const twin: Engine = { ...A, id: "twin" };
  source.upsert(twin);
  source.remove("a");
  await settle();
  assert(!scene.told.some((told) => told.startsWith("forgotten")));
  source.remove("twin");
  await settle();
  assertEquals(scene.told.slice(-2), ["removed twin", "forgotten twin"]);
});
