import { type EngineTold, FactsWatch } from "../../lib/fleet/mod.ts";
import { assertEquals } from "../support/assert.ts";
import { AskedEngines, cards, engine } from "./support.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { takeOff } from "../../lib/fleet/mod.ts";

const A = engine("a", ["m"], { kv: "nixl", role: "prefill" });
const PLAIN = engine("b", ["m"]);

function watching(): {
  readonly watch: FactsWatch;
  readonly asked: string[];
  readonly restarted: string[];
  readonly tells: { told: EngineTold };
  readonly ask: (of?: typeof A) => Promise<void>;
  readonly fail: (of?: typeof A) => void;
} {
  const clock = new FakeClock();
  const asked: string[] = [];
  const restarted: string[] = [];
  const tells: { told: EngineTold } = { told: {} };
  const watch = new FactsWatch({
    ask: ({ id }) => {
      asked.push(id);
      return Promise.resolve(tells.told);
    },
    onRestart: (gone) => {
      restarted.push(gone.id);
      // As the fleet does.
      watch.follow({ kind: "removed", engine: gone, replaced: true });
    },
  });
  const engines = new AskedEngines(clock, { a: cards(["m"]), b: cards(["m"]) });
  const fetch = watch.behind(engines.fetch);
  const flight = (of: typeof A): ReturnType<typeof takeOff> =>
    takeOff({
      clock,
      engine: of,
      leg: "models",
      peer: undefined,
      onLanded: (outcome) => watch.landed(outcome),
    });
  return {
    watch,
    asked,
    restarted,
    tells,
    async ask(of = A) {
      using asking = flight(of);
      await fetch(asking, new AbortController().signal);
      asking.ok();
    },
    fail(of = A) {
      using asking = flight(of);
      asking.failed(new Error("no answer"));
    },
  };
}

Deno.test("FactsWatch asks an engine of handoffs once, and again when it has been silent", async () => {
  const { watch, asked, tells, ask, fail } = watching();
  tells.told = { version: "1", blockSize: "16" };
  await ask();
  await ask();
  await ask(PLAIN);
  assertEquals([asked, watch.of(A), watch.of(PLAIN)], [["a"], tells.told, {}]);
  fail();
  await ask();
  await ask();
  assertEquals(asked, ["a", "a"]);
  watch.follow({ kind: "removed", engine: A });
  assertEquals(watch.of(A), {});
});

Deno.test("FactsWatch finds a later start, and none where a clock was corrected or several answer", async () => {
  const { watch, restarted, tells, ask } = watching();
  tells.told = { started: 1_000 };
  await ask();
  for (const started of [1_001.5, 990, 1_001, 1_003]) watch.read(A, { started });
  assertEquals(restarted, []);
  watch.read(A, { started: 1_006 });
  assertEquals([restarted, watch.of(A).started], [["a"], 1_006]);
  watch.read(A, { started: 1_006 });
  watch.read(A, {});
  watch.read(A, { started: 1_000 });
  assertEquals(restarted, ["a"]);
});

Deno.test("FactsWatch finds any other start of an engine that was silent", async () => {
  const { restarted, tells, ask, fail } = watching();
  tells.told = { started: 1_000 };
  await ask();
  fail();
  await ask();
  assertEquals(restarted, []);
  fail();
  tells.told = { started: 1_000.2 };
  await ask();
  assertEquals(restarted, ["a"]);
});

Deno.test("FactsWatch goes by what was computed where no start is told, after silence alone", async () => {
  const { watch, restarted, tells, ask, fail } = watching();
  tells.told = { prompts: 500 };
  await ask();
  watch.read(A, { prompts: 100 });
  watch.read(A, { prompts: 700 });
  assertEquals(restarted, []);
  fail();
  tells.told = { prompts: 800 };
  await ask();
  assertEquals(restarted, []);
  fail();
  tells.told = { prompts: 0 };
  await ask();
  assertEquals(restarted, ["a"]);
});

Deno.test("FactsWatch learns the start of an engine that hands nothing off by its readings", async () => {
  const { watch, asked, restarted, tells, ask, fail } = watching();
  await ask(PLAIN);
  watch.read(PLAIN, { started: 1_000 });
  fail(PLAIN);
  tells.told = { started: 1_001 };
  await ask(PLAIN);
  assertEquals([asked, restarted], [["b"], ["b"]]);
});
