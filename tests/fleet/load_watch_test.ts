import { type Engine, seededRandom, sleep } from "../../lib/base/mod.ts";
import {
  type EngineReading,
  LoadWatch,
  type ReadingResult,
  staticSource,
} from "../../lib/fleet/mod.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { settle } from "../support/fake_clock.ts";
import { ScriptedSource } from "../support/scripted_source.ts";
import { cards, engine, failure, Scene } from "./support.ts";

const EVERY_MS = 30_000;
const IDLE: EngineReading = { running: 0, waiting: 0 };

/** A watch whose readings end as `reads` says, and what was seen of it. */
class Watching implements AsyncDisposable {
  /** Ids of engines that were read, and when. */
  readonly asked: (readonly [id: string, atMs: number])[] = [];
  readonly results: string[] = [];
  readonly watch: LoadWatch;
  /** Readings at this moment, and the most there have been. */
  reading = 0;
  most = 0;

  constructor(
    scene: Scene,
    reads: (engine: Engine, signal: AbortSignal) => Promise<EngineReading | undefined>,
  ) {
    const { clock, fleet, written: { log } } = scene;
    this.watch = new LoadWatch({
      clock,
      random: seededRandom(1),
      log,
      fleet,
      everyMs: EVERY_MS,
      read: async (one, signal) => {
        this.asked.push([one.id, clock.now()]);
        this.most = Math.max(this.most, ++this.reading);
        try {
          return await reads(one, signal);
        } finally {
          this.reading--;
        }
      },
      onReading: ({ id }: Engine, result: ReadingResult) =>
        void this.results.push(`${id} ${result}`),
    });
  }

  times(id: string): readonly number[] {
    return this.asked.filter(([asked]) => asked === id).map(([, atMs]) => atMs);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.watch[Symbol.asyncDispose]();
  }
}

/** What the engine `id` has said of its load. */
function statsOf(scene: Scene, id: string) {
  return [...scene.fleet.all].find(({ engine }) => engine.id === id)?.stats;
}

Deno.test("LoadWatch reads each engine soon after it came, and then about every interval", async () => {
  await using scene = new Scene({ a: cards(["m"]), b: cards(["m"]) });
  await using watching = new Watching(scene, () => Promise.resolve(IDLE));
  scene.follow(staticSource([engine("a"), engine("b")]));
  await scene.clock.advance(2_000);
  assertEquals(watching.asked.length, 2);
  await scene.clock.advance(10 * EVERY_MS);
  for (const id of ["a", "b"]) {
    const times = watching.times(id);
    assert(times.length >= 10 && times.length <= 11, `${times}`);
    for (const [at, time] of times.slice(1).entries()) {
      const gap = time - (times[at] ?? 0);
      assert(Math.abs(gap - EVERY_MS) <= EVERY_MS / 20, `${gap}`);
    }
  }
});

Deno.test("LoadWatch notes what was read, when, and what this router had there", async () => {
  await using scene = new Scene({ a: cards(["m"]) });
  const reading = { running: 5, waiting: 2, kvUse: 0.5, prefixHits: 7 };
  await using _watching = new Watching(scene, () => Promise.resolve(reading));
  scene.follow(staticSource([engine("a")]));
  await settle();
  const [live] = scene.fleet.all;
  assert(live !== undefined && live.stats === undefined);
  const flights = [1, 2].map(() => scene.fleet.take(live.engine, "direct"));
  await scene.clock.advance(1_050);
  const { readMs = NaN, ...stats } = statsOf(scene, "a") ?? {};
  assertEquals(stats, { ...reading, own: 2 });
  assert(readMs >= 1_000 && readMs <= 1_050, `${readMs}`);
  for (const flight of flights) flight.ok();
  assertEquals(statsOf(scene, "a")?.own, 2);
});

Deno.test("LoadWatch keeps what an engine said last for a while, when it gives no answer, and counts that", async () => {
  await using scene = new Scene({ a: cards(["m"]) });
  let broken = false;
  await using watching = new Watching(
    scene,
    () => broken ? Promise.reject(failure("upstream-timeout")) : Promise.resolve(IDLE),
  );
  scene.follow(staticSource([engine("a")]));
  await scene.clock.advance(1_050);
  const readMs = statsOf(scene, "a")?.readMs ?? NaN;
  broken = true;
  await scene.clock.advance(2.5 * EVERY_MS);
  assertEquals(statsOf(scene, "a")?.readMs, readMs);
  await scene.clock.advance(2 * EVERY_MS);
  assertEquals(statsOf(scene, "a"), undefined);
  assertEquals(watching.results.slice(0, 3), ["a read", "a failed", "a failed"]);
  // Health knows nothing of it.
  assertEquals(scene.direct("m"), "a");
  assertEquals(scene.ends, []);
  broken = false;
  await scene.clock.advance(1.1 * EVERY_MS);
  assertEquals(statsOf(scene, "a")?.running, 0);
});

Deno.test("LoadWatch forgets at once what an engine said that says nothing of its load any more", async () => {
  await using scene = new Scene({ a: cards(["m"]) });
  let says: EngineReading | undefined = IDLE;
  await using watching = new Watching(scene, () => Promise.resolve(says));
  scene.follow(staticSource([engine("a")]));
  await scene.clock.advance(1_050);
  assert(statsOf(scene, "a") !== undefined);
  says = undefined;
  await scene.clock.advance(1.1 * EVERY_MS);
  assertEquals([statsOf(scene, "a"), watching.results], [undefined, ["a read", "a none"]]);
});

Deno.test("LoadWatch ends with its engine, in the midst of a reading too, and notes nothing of it", async () => {
  await using scene = new Scene({ a: cards(["m"]), b: cards(["m"]) });
  const late = Promise.withResolvers<EngineReading>();
  let aborted = false;
  await using watching = new Watching(scene, (_engine, signal) => {
    signal.addEventListener("abort", () => aborted = true, { once: true });
    return late.promise;
  });
  const source = new ScriptedSource();
  scene.follow(source);
  source.upsert(engine("a"));
  await scene.clock.advance(1_050);
  assertEquals([watching.watch.size, watching.reading], [1, 1]);
  source.remove("a");
  await settle();
  assertEquals([watching.watch.size, aborted], [0, true]);
  // Another one comes under its id: what is read of the first is not of it.
  source.upsert(engine("a", [], { url: "http://other:8000" }));
  late.resolve(IDLE);
  await settle();
  assertEquals([statsOf(scene, "a"), watching.results], [undefined, []]);
});

Deno.test("LoadWatch reads a thousand engines spread over the interval, and few at once", async () => {
  const ids = Array.from({ length: 1_000 }, (_, at) => `e${at}`);
  await using scene = new Scene(Object.fromEntries(ids.map((id) => [id, cards(["m"])])));
  const { clock } = scene;
  // Each takes its time: without a bound, dozens would be under way.
  await using watching = new Watching(scene, async (_engine, signal) => {
    await sleep(clock, 5_000, signal);
    return IDLE;
  });
  scene.follow(staticSource(ids.map((id) => engine(id))));
  await clock.advance(EVERY_MS + 1_000);
  const perSecond = new Map<number, number>();
  for (const [, atMs] of watching.asked) {
    const second = Math.floor(atMs / 1_000);
    perSecond.set(second, (perSecond.get(second) ?? 0) + 1);
  }
  const most = Math.max(...perSecond.values());
  assert(most <= 100, `${most} of 1,000 in one second`);
  assert(watching.most <= 64 && watching.most > 8, `${watching.most} at once`);
});
