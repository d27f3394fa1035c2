import { FleetView, ModelLookup } from "../../lib/fleet/mod.ts";
import { assertEquals } from "../support/assert.ts";
import { FakeClock, settle } from "../support/fake_clock.ts";
import { engineOf } from "../support/flow_fakes.ts";

/** A fleet whose rounds end when a test says so. */
class Setting implements Disposable {
  readonly clock = new FakeClock();
  /** When each round began. */
  readonly rounds: number[] = [];
  readonly lookup: ModelLookup;
  answer = Promise.withResolvers<void>();
  /** Names that have been looked for, in the order in which that ended. */
  readonly ended: string[] = [];

  constructor(engines = 1) {
    const entries = Array.from({ length: engines }, (_, index) => ({
      engine: engineOf(`e${index}`, "any"),
      cards: [],
      created: 1,
    }));
    const view = new FleetView(entries, []);
    const ask = (): Promise<void> => {
      this.rounds.push(this.clock.now());
      return this.answer.promise;
    };
    this.lookup = new ModelLookup({
      clock: this.clock,
      fleet: { snapshot: () => view, ask },
    });
  }

  look(model: string, signal = new AbortController().signal): void {
    this.lookup.look(model, signal).then(() => this.ended.push(model));
  }

  [Symbol.dispose](): void {
    this.lookup[Symbol.dispose]();
  }
}

Deno.test("ModelLookup asks once for all who come meanwhile, whatever they look for", async () => {
  using setting = new Setting();
  for (const name of ["a", "b", "a"]) setting.look(name);
  await settle();
  assertEquals([setting.rounds, setting.ended], [[0], []]);
  setting.answer.resolve();
  await settle();
  assertEquals(setting.ended, ["a", "b", "a"]);
});

Deno.test("ModelLookup does not ask again for a name that it has just asked for", async () => {
  using setting = new Setting();
  setting.answer.resolve();
  setting.look("a");
  await settle();
  await setting.clock.advance(1_999);
  setting.look("a");
  await settle();
  assertEquals([setting.rounds, setting.ended], [[0], ["a", "a"]]);
  await setting.clock.advance(1);
  setting.look("a");
  await settle();
  assertEquals([setting.rounds, setting.ended], [[0, 2_000], ["a", "a", "a"]]);
});

Deno.test("ModelLookup begins one round a second, however many names are made up", async () => {
  using setting = new Setting();
  setting.answer.resolve();
  for (let at = 0; at < 100; at++) {
    for (let name = 0; name < 10; name++) setting.look(`${at}-${name}`);
    await setting.clock.advance(100);
  }
  assertEquals(setting.rounds, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10].map((second) => second * 1_000));
});

Deno.test("ModelLookup rests longer where there are many engines", async () => {
  using setting = new Setting(900);
  setting.answer.resolve();
  setting.look("a");
  await settle();
  setting.look("b");
  await setting.clock.advance(1_799);
  assertEquals(setting.rounds, [0]);
  await setting.clock.advance(1);
  assertEquals([setting.rounds, setting.ended], [[0, 1_800], ["a", "b"]]);
});

Deno.test("ModelLookup waits no longer than two seconds for engines that say nothing", async () => {
  using setting = new Setting();
  setting.look("a");
  await setting.clock.advance(1_999);
  assertEquals(setting.ended, []);
  await setting.clock.advance(1);
  assertEquals(setting.ended, ["a"]);
});

Deno.test("ModelLookup keeps nobody who has gone, nor too many, nor anybody when it ends", async () => {
  using setting = new Setting();
  const gone = new AbortController();
  setting.look("gone", gone.signal);
  for (let name = 0; name < 255; name++) setting.look(`${name}`);
  setting.look("too many");
  await settle();
  assertEquals(setting.ended, ["too many"]);
  gone.abort();
  await settle();
  assertEquals(setting.ended, ["too many", "gone"]);
  setting.lookup[Symbol.dispose]();
  await settle();
  assertEquals(setting.ended.length, 257);
  setting.look("late");
  await settle();
  assertEquals([setting.ended.length, setting.clock.pending], [258, 0]);
});
