import { type Engine, type ErrorCode, seededRandom } from "../../lib/base/mod.ts";
import { ModelWatcher, NoModelList, type Outcome, takeOff } from "../../lib/fleet/mod.ts";
import type { ModelCard } from "../../lib/openai/mod.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { FakeClock, settle } from "../support/fake_clock.ts";
import { AskedEngines, cards, engine, failure, LogLines, type Reply } from "./support.ts";

const REFRESH_MS = 30_000;
const DOWN = new Error("refused");

/** A watcher of one made-up engine, `a`. */
class Watched implements AsyncDisposable {
  readonly clock = new FakeClock();
  readonly written = new LogLines(this.clock);
  readonly engines: AskedEngines;
  readonly learnt: (readonly ModelCard[])[] = [];
  readonly outcomes: Outcome[] = [];
  record: Engine;
  readonly watcher: ModelWatcher;
  /** The first question has ended. */
  asked = false;

  constructor(reply?: Reply, record = engine("a")) {
    this.record = record;
    this.engines = new AskedEngines(this.clock, reply === undefined ? {} : { a: reply });
    this.watcher = new ModelWatcher({
      clock: this.clock,
      random: seededRandom(7),
      log: this.written.log,
      fetchCards: this.engines.fetch,
      engine: () => this.record,
      take: () =>
        takeOff({
          clock: this.clock,
          engine: this.record,
          leg: "models",
          peer: undefined,
          onLanded: (outcome) => void this.outcomes.push(outcome),
        }),
      onCards: (cards) => void this.learnt.push(cards),
    });
    this.watcher.asked.then(() => this.asked = true);
  }

  /** When the engine was asked, in milliseconds from the start. */
  get times(): readonly number[] {
    return this.engines.times("a");
  }

  /** What the engine is to answer from here on. */
  reply(reply: Reply): void {
    this.engines.replies.set("a", reply);
  }

  get ends(): readonly string[] {
    return this.outcomes.map(({ end }) => end);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.watcher[Symbol.asyncDispose]();
    assertEquals(this.clock.pending, 0);
  }
}

Deno.test("ModelWatcher asks at once, and tells the cards that came", async () => {
  const said = [{ id: "m", max_model_len: 4096 }, { id: "lora", parent: "m" }];
  await using watched = new Watched(said);
  assertEquals([watched.times, watched.asked], [[0], false]);
  await settle();
  assertEquals([watched.asked, watched.learnt], [true, [said]]);
  assertEquals(watched.written.messages(), ["info Engine answers: m,lora"]);
  assertEquals(watched.outcomes.map(({ leg, end }) => [leg, end]), [["models", "ok"]]);
});

Deno.test("ModelWatcher.asked resolves when the engine gives no answer too", async () => {
  await using watched = new Watched(DOWN);
  await watched.watcher.asked;
  assertEquals([watched.learnt, watched.ends], [[], ["failed"]]);
});

Deno.test("ModelWatcher.asked waits for the answer, however long it takes", async () => {
  await using watched = new Watched();
  await watched.clock.advance(60_000);
  assertEquals([watched.asked, watched.times], [false, [0]]);
  watched.engines.waiting[0]?.answer.resolve([]);
  await settle();
  assertEquals([watched.asked, watched.learnt], [true, [[]]]);
});

Deno.test("ModelWatcher asks a silent engine again after waits that double up to a limit", async () => {
  await using watched = new Watched(DOWN);
  await watched.clock.advance(60_000);
  const { times } = watched;
  const waits = times.slice(1).map((atMs, index) => atMs - (times[index] ?? 0));
  const expected = [250, 500, 1_000, 2_000, 4_000, 5_000, 5_000, 5_000];
  assert(waits.length >= expected.length, waits.join());
  for (const [index, wait] of waits.entries()) {
    const middle = expected[index] ?? 5_000;
    assert(wait >= Math.max(250, middle * 0.5) && wait < middle * 1.5, `wait ${index}: ${wait}`);
  }
  // Chance keeps engines that fail together from being asked together.
  assert(new Set(waits.slice(5)).size > 1, waits.join());
  assertEquals(watched.written.messages(), ["warning Cannot read an engine's models"]);
  assert(watched.written.lines[0]?.includes("refused"));
});

Deno.test("ModelWatcher begins with short waits again after a success", async () => {
  await using watched = new Watched(DOWN);
  await watched.clock.advance(30_000);
  watched.reply(cards(["m"]));
  await watched.clock.advance(7_500);
  assertEquals(watched.learnt, [cards(["m"])]);
  const answered = watched.times.at(-1) ?? 0;
  watched.reply(DOWN);
  await watched.clock.advance(REFRESH_MS + 1_000);
  const [failed, again] = watched.times.filter((atMs) => atMs > answered);
  assert(failed !== undefined && again !== undefined);
  assertEquals(failed - answered, REFRESH_MS);
  assert(again - failed >= 125 && again - failed < 375, `waited ${again - failed}`);
  assertEquals(watched.learnt.length, 1);
});

Deno.test("ModelWatcher asks again now and then, and says nothing when nothing is new", async () => {
  await using watched = new Watched();
  // As vLLM makes them: times and permission ids are of the answer, not of the model.
  const saidIn = (round: number): readonly ModelCard[] => [{
    id: "m",
    created: round,
    permission: [{ id: `modelperm-${round}`, created: round }],
  }];
  for (let refresh = 0; refresh < 4; refresh++) {
    watched.engines.waiting.at(-1)?.answer.resolve(saidIn(refresh));
    await watched.clock.advance(REFRESH_MS);
  }
  assertEquals(watched.times, [0, 1, 2, 3, 4].map((count) => count * REFRESH_MS));
  assertEquals(watched.written.messages(), ["info Engine answers: m"]);
  assertEquals(watched.learnt, [saidIn(0)]);
});

Deno.test("ModelWatcher notices that an engine was restarted with another model", async () => {
  await using watched = new Watched(cards(["m"]));
  await watched.clock.advance(0);
  watched.reply(cards(["n"], 16));
  await watched.clock.advance(REFRESH_MS - 1);
  assertEquals(watched.learnt.length, 1);
  await watched.clock.advance(1);
  assertEquals(watched.learnt.at(-1), cards(["n"], 16));
  assertEquals(watched.written.messages(), ["info Engine answers: m", "info Engine answers: n"]);
});

Deno.test("ModelWatcher compares only the cards of configured models", async () => {
  await using watched = new Watched(cards(["m", "x"]), engine("a", ["m"]));
  await watched.clock.advance(0);
  watched.reply(cards(["m", "y"]));
  await watched.clock.advance(REFRESH_MS);
  assertEquals(watched.learnt.length, 1);
  assertEquals(watched.written.messages(), ["info Engine answers: m"]);
});

Deno.test("ModelWatcher says once that an engine fails, and once that it answers again", async () => {
  await using watched = new Watched(cards(["m"]));
  await watched.clock.advance(0);
  watched.reply(DOWN);
  await watched.clock.advance(REFRESH_MS * 2);
  watched.reply(cards(["m"]));
  await watched.clock.advance(REFRESH_MS);
  assertEquals(watched.written.messages(), [
    "info Engine answers: m",
    "warning Cannot read an engine's models",
    "info Engine answers again",
  ]);
});

const FAILURES: readonly (readonly [code: ErrorCode | undefined, end: Outcome["end"]])[] = [
  ["upstream-unreachable", "failed"],
  ["upstream-timeout", "failed"],
  ["upstream-lost", "failed"],
  ["upstream-protocol", "failed"],
  [undefined, "ok"],
];

for (const [code, end] of FAILURES) {
  Deno.test(`ModelWatcher tells ${end} of a question that ends in ${code ?? "another answer"}`, async () => {
    await using watched = new Watched(cards(["m"]));
    await watched.clock.advance(0);
    watched.reply(code === undefined ? new NoModelList("status 404") : failure(code));
    await watched.clock.advance(REFRESH_MS);
    assertEquals([watched.ends, watched.outcomes.at(-1)?.code], [["ok", end], code]);
    watched.reply(cards(["m"]));
    await watched.clock.advance(500);
    assertEquals(watched.ends, ["ok", end, "ok"]);
    // What it served stays known meanwhile.
    assertEquals(watched.learnt.length, 1);
  });
}

Deno.test("ModelWatcher.askSoon() has an engine asked at once, but not too often", async () => {
  await using watched = new Watched(cards(["m"]));
  await watched.clock.advance(100);
  watched.watcher.askSoon();
  watched.watcher.askSoon();
  await watched.clock.advance(149);
  assertEquals(watched.times, [0]);
  await watched.clock.advance(1);
  assertEquals(watched.times, [0, 250]);
  await watched.clock.advance(10_000);
  watched.reply(DOWN);
  watched.watcher.askSoon();
  await watched.clock.advance(0);
  assertEquals(watched.times, [0, 250, 10_250]);
});

Deno.test("ModelWatcher.askSoon() while it asks already asks no second time", async () => {
  await using watched = new Watched();
  await watched.clock.advance(1_000);
  watched.watcher.askSoon();
  watched.engines.waiting[0]?.answer.resolve([]);
  await watched.clock.advance(REFRESH_MS - 1);
  assertEquals(watched.times, [0]);
});

Deno.test("ModelWatcher.askAnew() takes the next answer as news, even if it says the same", async () => {
  await using watched = new Watched(cards(["m"]));
  await watched.clock.advance(1_000);
  watched.record = engine("a", ["m"], { role: "decode" });
  watched.watcher.askAnew();
  await watched.clock.advance(0);
  assertEquals([watched.times, watched.learnt.length], [[0, 1_000], 2]);
  assertEquals(watched.outcomes.map(({ engine: { role } }) => role), ["any", "decode"]);
});

Deno.test("ModelWatcher.askAnew() while it asks already takes the answer by the new record", async () => {
  await using watched = new Watched();
  await watched.clock.advance(1_000);
  watched.record = engine("a", ["m"]);
  watched.watcher.askAnew();
  watched.engines.waiting[0]?.answer.resolve(cards(["m", "n"]));
  await settle();
  assertEquals(watched.learnt, [cards(["m", "n"])]);
  assertEquals(watched.written.messages(), ["info Engine answers: m"]);
});

Deno.test("ModelWatcher leaves no timer behind when it stops between questions", async () => {
  for (const reply of [cards(["m"]), DOWN]) {
    const watched = new Watched(reply);
    await watched.clock.advance(10);
    assertEquals(watched.clock.pending, 1);
    await watched[Symbol.asyncDispose]();
    await watched.clock.advance(REFRESH_MS * 2);
    assertEquals(watched.times, [0]);
  }
});

Deno.test("ModelWatcher ends what is being asked when it stops, and reports no failure", async () => {
  const watched = new Watched();
  await settle();
  const stopped = watched[Symbol.asyncDispose]();
  assertEquals(watched.engines.waiting.map(({ signal }) => signal.aborted), [true]);
  await stopped;
  await watched.watcher.asked;
  assertEquals([watched.written.messages(), watched.ends], [[], ["left"]]);
});

Deno.test("ModelWatcher changes nothing by an answer that comes after the stop", async () => {
  const watched = new Watched();
  await settle();
  // Answered and stopped in one turn: the answer is read when the watcher has stopped already.
  watched.engines.waiting[0]?.answer.resolve(cards(["m"]));
  await watched[Symbol.asyncDispose]();
  assertEquals([watched.learnt, watched.written.messages(), watched.ends], [[], [], ["left"]]);
});

Deno.test("ModelWatcher may be stopped more than once", async () => {
  const watched = new Watched(cards(["m"]));
  const both = [watched.watcher[Symbol.asyncDispose](), watched.watcher[Symbol.asyncDispose]()];
  await Promise.all(both);
  await watched[Symbol.asyncDispose]();
  assertEquals(watched.times, [0]);
});

Deno.test("ModelWatcher.askUrgently() asks at once, and waits for a second", async () => {
  await using watched = new Watched(cards(["m"]));
  await watched.clock.advance(10_000);
  watched.engines.replies.delete("a");
  watched.watcher.askUrgently();
  watched.watcher.askUrgently();
  await watched.clock.advance(999);
  assertEquals([watched.times, watched.ends], [[0, 10_000], ["ok"]]);
  await watched.clock.advance(1);
  assertEquals(watched.outcomes.map(({ code }) => code), [undefined, "upstream-timeout"]);
});

Deno.test("ModelWatcher.askUrgently() ends a question under way a second later", async () => {
  await using watched = new Watched();
  await watched.clock.advance(3_000);
  watched.watcher.askUrgently();
  await watched.clock.advance(1_000);
  assertEquals(watched.outcomes.map(({ code, ms }) => [code, ms]), [["upstream-timeout", 4_000]]);
  // The next question has all its time.
  await watched.clock.advance(60_000);
  assertEquals([watched.outcomes.length, watched.times.length], [1, 2]);
});

Deno.test("ModelWatcher.askUrgently() leaves nothing behind when it is answered, or stopped", async () => {
  const answered = new Watched();
  await settle();
  answered.watcher.askUrgently();
  answered.engines.waiting[0]?.answer.resolve(cards(["m"]));
  await answered.clock.advance(2_000);
  assertEquals([answered.ends, answered.clock.pending], [["ok"], 1]);
  await answered[Symbol.asyncDispose]();
  const stopped = new Watched();
  await settle();
  stopped.watcher.askUrgently();
  await stopped[Symbol.asyncDispose]();
  assertEquals([stopped.ends, stopped.clock.pending], [["left"], 0]);
});

/** Whether `promise` has ended. */
async function isOver(promise: Promise<void>): Promise<boolean> {
  let over = false;
  promise.then(() => over = true);
  await settle();
  return over;
}

Deno.test("ModelWatcher.ask() resolves when a question has been asked that began after it", async () => {
  await using watched = new Watched();
  const [one, other] = [watched.watcher.ask(), watched.watcher.ask()];
  watched.engines.waiting[0]?.answer.resolve(cards(["m"]));
  assertEquals(await isOver(one), false);
  await watched.clock.advance(250);
  assertEquals([watched.times, await isOver(one)], [[0, 250], false]);
  watched.engines.waiting[1]?.answer.reject(DOWN);
  assertEquals([await isOver(one), await isOver(other)], [true, true]);
  assertEquals(watched.learnt, [cards(["m"])]);
});

Deno.test("ModelWatcher.ask() ends a rest, and resolves when watching ends", async () => {
  await using watched = new Watched(cards(["m"]));
  await watched.clock.advance(1_000);
  const first = watched.watcher.ask();
  await watched.clock.advance(0);
  assertEquals([await isOver(first), watched.times], [true, [0, 1_000]]);
  const asked = watched.watcher.ask();
  await watched.watcher[Symbol.asyncDispose]();
  assertEquals([await isOver(asked), await isOver(watched.watcher.ask())], [true, true]);
  assertEquals(watched.times, [0, 1_000]);
});
