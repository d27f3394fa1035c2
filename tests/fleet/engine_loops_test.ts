import { type EngineLoop, EngineLoops } from "../../lib/fleet/engine_loops.ts";
import { assertEquals } from "../support/assert.ts";
import { ScriptedSource } from "../support/scripted_source.ts";
import { cards, engine, Scene } from "./support.ts";

/** What loops have done: the id at each turn, and at the end. */
interface Work extends AsyncDisposable {
  readonly scene: Scene;
  readonly source: ScriptedSource;
  readonly loops: EngineLoops;
  readonly done: string[];
}

function working(until: "leaving" | "removed", wakes: "time" | "change" = "time"): Work {
  const scene = new Scene({ a: cards(["m"]), b: cards(["m"]) });
  const source = new ScriptedSource();
  const done: string[] = [];
  const run = async (loop: EngineLoop): Promise<void> => {
    do done.push(loop.id); while (await loop.pause(1_000, wakes));
    done.push(`end ${loop.id}`);
  };
  const { clock, fleet } = scene;
  const loops = new EngineLoops({ clock, fleet, run, until });
  scene.follow(source);
  return {
    scene,
    source,
    loops,
    done,
    async [Symbol.asyncDispose]() {
      await loops[Symbol.asyncDispose]();
      await scene[Symbol.asyncDispose]();
    },
  };
}

Deno.test("EngineLoops works for each engine from its coming to its going", async () => {
  await using work = working("removed");
  const { scene: { clock }, source, loops, done } = work;
  source.upsert(engine("a", ["m"]));
  await clock.advance(0);
  assertEquals([done, loops.size], [["a"], 1]);
  await clock.advance(1_000);
  source.upsert(engine("b", ["m"]));
  await clock.advance(0);
  assertEquals(done, ["a", "a", "b"]);
  source.remove("a");
  await clock.advance(0);
  assertEquals([done.at(-1), loops.size], ["end a", 1]);
});

Deno.test("EngineLoops goes on with an engine that leaves, unless work ends then", async () => {
  for (const until of ["leaving", "removed"] as const) {
    await using work = working(until);
    const { scene: { clock }, source, loops, done } = work;
    source.upsert(engine("a", ["m"]));
    source.leaving("a");
    await clock.advance(0);
    assertEquals(loops.size, until === "leaving" ? 0 : 1);
    source.upsert(engine("a", ["m"]));
    await clock.advance(0);
    assertEquals([loops.size, done.filter((id) => id === "a").length > 0], [1, true]);
  }
});

Deno.test("EngineLoop.pause() ends at a change only where that is waited for", async () => {
  for (const wakes of ["time", "change"] as const) {
    await using work = working("removed", wakes);
    const { scene: { clock }, source, done } = work;
    source.upsert(engine("a", ["m"]));
    await clock.advance(10);
    const before = done.length;
    source.upsert(engine("a", ["m", "n"]));
    await clock.advance(10);
    assertEquals(done.length > before, wakes === "change", wakes);
  }
});

Deno.test("EngineLoops[Symbol.asyncDispose]() ends all and waits for it", async () => {
  const work = working("removed");
  work.source.upsert(engine("a", ["m"]));
  work.source.upsert(engine("b", ["m"]));
  await work.scene.clock.advance(0);
  await work.loops[Symbol.asyncDispose]();
  assertEquals(work.done.filter((id) => id.startsWith("end")).sort(), ["end a", "end b"]);
  await work[Symbol.asyncDispose]();
});

Deno.test("EngineLoops works for engines that are there before it, once whoever makes it is made", async () => {
  await using work = working("removed");
  const { scene: { clock, fleet }, source, done } = work;
  source.upsert(engine("a", ["m"]));
  await clock.advance(0);
  done.length = 0;
  let made: EngineLoops | undefined;
  await using later = made = new EngineLoops({
    clock,
    fleet,
    run: async (loop) => {
      done.push(`${loop.id} of ${made?.size}`);
      await loop.pause(1_000);
    },
  });
  assertEquals(done, []);
  await clock.advance(0);
  assertEquals([done, later.size], [["a of 1"], 1]);
});
