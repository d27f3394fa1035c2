import type { Engine } from "../../lib/base/mod.ts";
import { type Flight, GroupWatch, type SplitRules, staticSource } from "../../lib/fleet/mod.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { engine, Scene } from "./support.ts";

/** A prompt that takes a step of its own. */
const PROMPT = { tokens: 8_000, chunks: () => new Float64Array(0), cachedAt: () => undefined };

const RULES: SplitRules = { intervalMs: 30_000, minPrefill: 1, minDecode: 1 };

function elastic(id: string, more: Partial<Engine> = {}): Engine {
  return engine(id, ["m"], { role: "both", kv: "nixl", ...more });
}

/** A fleet whose engines can move, watched. */
class Watched extends Scene {
  readonly moves: string[] = [];
  watch!: GroupWatch;

  static async of(
    engines: readonly Engine[],
    rules: Partial<SplitRules> = {},
    options: ConstructorParameters<typeof Scene>[1] = {},
  ): Promise<Watched> {
    const scene = new Watched({}, { seats: { prefill: 64, serving: 10 }, ...options });
    scene.watch = new GroupWatch({
      clock: scene.clock,
      log: scene.written.log,
      fleet: scene.fleet,
      rules: { ...RULES, ...rules },
      onMove: ({ id }, to) => void scene.moves.push(`${id} ${to}`),
    });
    scene.follow(staticSource(engines));
    await scene.clock.advance(0);
    return scene;
  }

  /** Each engine's role in order. */
  get roles(): string {
    return this.fleet.snapshot().engines.map(({ role }) => role[0]).join("");
  }

  find(id: string): Engine {
    const found = this.fleet.snapshot().find(id);
    assert(found !== undefined, id);
    return found;
  }

  /** So many requests at an engine, until they are said to have ended. */
  busy(id: string, leg: "prefill" | "decode", count: number): readonly Flight[] {
    const prompt = leg === "prefill" ? PROMPT : undefined;
    return Array.from(
      { length: count },
      () => this.fleet.take(this.find(id), leg, undefined, undefined, prompt && { prompt }),
    );
  }

  override async [Symbol.asyncDispose](): Promise<void> {
    this.watch[Symbol.dispose]();
    await super[Symbol.asyncDispose]();
  }
}

const FOUR = ["a", "b", "c", "d"].map((id) => elastic(id));

Deno.test("GroupWatch begins with sides of one size; one engine alone serves whole requests", async () => {
  await using four = await Watched.of(FOUR);
  assertEquals([four.roles, four.moves], ["dpdp", []]);
  await using one = await Watched.of([elastic("a")]);
  assertEquals([one.roles, one.direct("m")], ["d", "a"]);
  const lone = elastic("y");
  await using fixed = await Watched.of([
    engine("x", ["m"], { role: "decode", kv: "nixl" }),
    lone,
  ]);
  assertEquals(fixed.roles, "dp");
});

Deno.test("GroupWatch gives engines their sides when they have told their models", async () => {
  const engines = ["a", "b"].map((id) => elastic(id, { models: [] }));
  await using scene = await Watched.of(engines);
  assertEquals(scene.roles, "dd");
  for (const { answer } of scene.engines.waiting) answer.resolve([{ id: "m" }]);
  await scene.clock.advance(0);
  assertEquals(scene.roles, "dp");
});

Deno.test("GroupWatch moves one engine at a time to the side that has more to do", async () => {
  await using scene = await Watched.of(FOUR);
  const flights = ["b", "d"].flatMap((id) => scene.busy(id, "prefill", 40));
  await scene.clock.advance(29_000);
  // The first look may move one; after it, none for an interval.
  assertEquals(scene.moves.length, 1);
  assertEquals([...scene.roles].filter((role) => role === "p").length, 3);
  await scene.clock.advance(120_000);
  // The decode side keeps one.
  assertEquals([scene.moves.length, scene.roles.replaceAll("p", "")], [1, "d"]);
  const lines = scene.written.messages().filter((line) => line.includes("another side"));
  assertEquals(lines.length, 1);
  for (const flight of flights) flight.ok();
});

Deno.test("GroupWatch moves at most one engine in an interval, and comes to rest", async () => {
  const eight = [..."abcdefgh"].map((id) => elastic(id));
  await using scene = await Watched.of(eight);
  const flights = scene.fleet.snapshot().engines
    .flatMap(({ id, role }) => role === "prefill" ? scene.busy(id, "prefill", 200) : []);
  const times: number[] = [];
  for (let second = 0; second < 600; second++) {
    const before = scene.moves.length;
    await scene.clock.advance(1_000);
    if (scene.moves.length > before) times.push(second);
    assert(scene.moves.length - before <= 1);
  }
  assert(times.length >= 2, String(times));
  for (let at = 1; at < times.length; at++) {
    assert((times[at] ?? 0) - (times[at - 1] ?? 0) >= 30, String(times));
  }
  assert((times.at(-1) ?? 0) < 300, String(times));
  for (const flight of flights) flight.ok();
});

Deno.test("GroupWatch moves none where both sides have little to do, or none can", async () => {
  await using idle = await Watched.of(FOUR);
  await idle.clock.advance(600_000);
  assertEquals(idle.moves, []);
  const side = (id: string, role: "prefill" | "decode"): Engine =>
    engine(id, ["m"], { role, kv: "nixl" });
  await using fixed = await Watched.of([
    side("p", "prefill"),
    side("d", "decode"),
    side("e", "decode"),
  ]);
  const flights = fixed.busy("p", "prefill", 60);
  await fixed.clock.advance(600_000);
  assertEquals([fixed.moves, fixed.roles], [[], "ddp"]);
  for (const flight of flights) flight.ok();
});

Deno.test("GroupWatch leaves what an engine has under way where it is", async () => {
  await using scene = await Watched.of(FOUR);
  const decodes = scene.busy("a", "decode", 1);
  const more = scene.busy("c", "decode", 2);
  const prefills = ["b", "d"].flatMap((id) => scene.busy(id, "prefill", 40));
  await scene.clock.advance(40_000);
  // The one with less to do has moved, and its request is counted on.
  assertEquals(scene.moves, ["a prefill"]);
  assertEquals(scene.counted.get("a decode"), 1);
  assertEquals(scene.ends, []);
  for (const flight of [...decodes, ...more, ...prefills]) flight.ok();
  assertEquals(scene.counted.get("a decode"), 0);
  assertEquals(scene.ends[0], "a decode ok");
});

Deno.test("GroupWatch makes up for a side that has no engine left", async () => {
  const shut = new Set<string>();
  await using scene = await Watched.of(FOUR.slice(0, 3), {}, {
    health: {
      report: () => {},
      engine: (id) => shut.has(id) ? { kind: "shut", why: "upstream-lost" } : { kind: "good" },
      pair: () => ({ kind: "good" }),
      forget: () => {},
    },
  });
  assertEquals(scene.roles, "dpd");
  shut.add("b");
  // Health is asked again with the next outcome.
  scene.fleet.take(scene.find("b"), "direct").ok();
  await scene.clock.advance(2_000);
  assertEquals(scene.moves.map((move) => move.slice(2)), ["prefill"]);
});

Deno.test("GroupWatch tells how many engines are wanted, by model and role", async () => {
  await using scene = await Watched.of([
    ...FOUR,
    engine("x", ["other"], { kv: "none" }),
  ], { intervalMs: 1_000_000 });
  assertEquals(scene.watch.wanted, []);
  await scene.clock.advance(1_000);
  const told = (): readonly string[] =>
    scene.watch.wanted.map(({ model, role, engines }) => `${model} ${role} ${engines}`).sort();
  assertEquals(told(), ["m decode 1", "m prefill 1", "other any 1"]);
  const flights = ["a", "c"].flatMap((id) => scene.busy(id, "decode", 20));
  await scene.clock.advance(3_000_000);
  // Twice what they have seats for, and bounded by the engines there are.
  assertEquals(told(), ["m decode 5", "m prefill 1", "other any 1"]);
  for (const flight of flights) flight.ok();
});

Deno.test("Fleet.turn() leaves engines alone that have one side", async () => {
  await using scene = await Watched.of([engine("x", ["m"]), elastic("a")]);
  scene.fleet.turn("x", "prefill");
  scene.fleet.turn("nobody", "prefill");
  assertEquals(scene.fleet.snapshot().find("x")?.role, "any");
});
