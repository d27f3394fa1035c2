import {
  createLogger,
  type Engine,
  type ErrorCode,
  RouterError,
  seededRandom,
} from "../../lib/base/mod.ts";
import { EngineDirectory, NoModelList, startModelProbe } from "../../lib/discovery/mod.ts";
import type { ModelCard } from "../../lib/openai/mod.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { FakeClock, settle } from "../support/fake_clock.ts";
import { engine } from "./support.ts";

const REFRESH_MS = 30_000;

/** What an engine answers when it is asked for its models; an error when it does not. */
type Reply = readonly ModelCard[] | Error;

/** A probe over made-up engines. */
class Scene implements AsyncDisposable {
  readonly clock = new FakeClock();
  readonly directory = new EngineDirectory();
  readonly lines: string[] = [];
  /** When each engine was asked, in milliseconds from the start. */
  readonly asked: (readonly [id: string, atMs: number])[] = [];
  readonly replies = new Map<string, Reply>();
  /** What was told of each question's end. */
  readonly told: string[] = [];
  readonly probe: ReturnType<typeof startModelProbe>;
  /** Asked, and not answered until told to: `replies` has nothing for them. */
  readonly waiting: {
    readonly signal: AbortSignal;
    readonly answer: PromiseWithResolvers<readonly ModelCard[]>;
  }[] = [];

  constructor(engines: readonly Engine[], replies: Readonly<Record<string, Reply>> = {}) {
    for (const [id, reply] of Object.entries(replies)) this.replies.set(id, reply);
    this.probe = startModelProbe(engines, {
      clock: this.clock,
      random: seededRandom(7),
      log: createLogger(this.clock, (line) => this.lines.push(line), {
        level: "info",
        format: "json",
      }),
      directory: this.directory,
      fetchCards: (one, signal) => this.#fetch(one, signal),
      onAsked: ({ id }, answered) => this.told.push(`${id} ${answered}`),
    });
  }

  #fetch({ id }: Engine, signal: AbortSignal): Promise<readonly ModelCard[]> {
    this.asked.push([id, this.clock.now()]);
    const reply = this.replies.get(id);
    if (reply instanceof Error) return Promise.reject(reply);
    if (reply !== undefined) return Promise.resolve(reply);
    const answer = Promise.withResolvers<readonly ModelCard[]>();
    signal.addEventListener("abort", () => answer.reject(new Error("aborted")), { once: true });
    this.waiting.push({ signal, answer });
    return answer.promise;
  }

  models(id: string): readonly string[] | undefined {
    return this.directory.snapshot().engines.find((one) => one.id === id)?.models;
  }

  cards(id: string): readonly ModelCard[] | undefined {
    return this.directory.snapshot().entries.find(({ engine }) => engine.id === id)?.cards;
  }

  messages(): readonly string[] {
    return this.lines.map((line) => {
      const { level, message, models } = JSON.parse(line);
      return models === undefined ? `${level} ${message}` : `${level} ${message}: ${models}`;
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.probe[Symbol.asyncDispose]();
  }
}

const DOWN = new Error("refused");

Deno.test("startModelProbe() lists engines at once, with the models they are configured with", async () => {
  await using scene = new Scene([engine("a"), engine("b", ["m"])]);
  assertEquals([scene.models("a"), scene.models("b")], [[], ["m"]]);
  assertEquals(scene.cards("b"), [{
    id: "m",
    object: "model",
    created: 1_700_000_000,
    owned_by: "vllm",
    root: "m",
    parent: null,
  }]);
  assertEquals(scene.directory.snapshot().entries[0]?.created, 1_700_000_000);
});

Deno.test("startModelProbe() adds the models that an engine says it serves", async () => {
  const cards = [{ id: "m", max_model_len: 4096 }, { id: "lora", parent: "m" }];
  await using scene = new Scene([engine("a")], { a: cards });
  await scene.probe.firstRound;
  assertEquals(scene.models("a"), ["m", "lora"]);
  assertEquals(scene.cards("a"), cards);
  assertEquals(scene.directory.maxModelLen("m"), 4096);
  assertEquals(scene.messages(), ["info Engine answers: m,lora"]);
});

Deno.test("startModelProbe() keeps to configured models, and takes only their cards", async () => {
  await using scene = new Scene([engine("a", ["m"])], {
    a: [{ id: "m", max_model_len: 8 }, { id: "other" }],
  });
  await scene.probe.firstRound;
  assertEquals(scene.models("a"), ["m"]);
  assertEquals(scene.cards("a"), [{ id: "m", max_model_len: 8 }]);
});

Deno.test("startModelProbe() keeps a configured model's own card when the engine has none", async () => {
  await using scene = new Scene([engine("a", ["m"])], { a: [{ id: "other" }] });
  await scene.probe.firstRound;
  assertEquals(scene.models("a"), ["m"]);
  assertEquals(scene.cards("a")?.map(({ id }) => id), ["m"]);
});

Deno.test("startModelProbe().firstRound waits for every engine, and for none twice", async () => {
  await using scene = new Scene([engine("a"), engine("b"), engine("c")], { a: [], b: DOWN });
  let done = false;
  scene.probe.firstRound.then(() => done = true);
  await scene.clock.advance(0);
  assertEquals(done, false);
  scene.waiting[0]?.answer.resolve([{ id: "m" }]);
  await settle();
  assertEquals(done, true);
  assertEquals(scene.asked.map(([id]) => id), ["a", "b", "c"]);
});

Deno.test("startModelProbe().firstRound waits 5 s for a silent engine, and no longer", async () => {
  await using scene = new Scene([engine("a"), engine("b")], { a: [{ id: "m" }] });
  let done = false;
  scene.probe.firstRound.then(() => done = true);
  await scene.clock.advance(4_999);
  assertEquals([done, scene.models("a")], [false, ["m"]]);
  await scene.clock.advance(1);
  assertEquals(done, true);
});

Deno.test("startModelProbe().firstRound resolves without engines", async () => {
  await using scene = new Scene([]);
  await scene.probe.firstRound;
  assertEquals(scene.clock.pending, 0);
});

Deno.test("startModelProbe() asks a silent engine again after waits that double up to a limit", async () => {
  await using scene = new Scene([engine("a")], { a: DOWN });
  await scene.clock.advance(60_000);
  const times = scene.asked.map(([, atMs]) => atMs);
  const waits = times.slice(1).map((atMs, index) => atMs - (times[index] ?? 0));
  const expected = [250, 500, 1_000, 2_000, 4_000, 5_000, 5_000, 5_000];
  assert(waits.length >= expected.length, waits.join());
  for (const [index, wait] of waits.entries()) {
    const middle = expected[index] ?? 5_000;
    assert(wait >= middle * 0.5 && wait < middle * 1.5, `wait ${index}: ${wait}`);
  }
  // Chance keeps engines that fail together from being asked together.
  assert(new Set(waits.slice(5)).size > 1, waits.join());
  assertEquals(scene.messages(), ["warning Cannot read an engine's models"]);
  assert(scene.lines[0]?.includes("refused"));
});

Deno.test("startModelProbe() begins with short waits again after a success", async () => {
  await using scene = new Scene([engine("a")], { a: DOWN });
  await scene.clock.advance(30_000);
  scene.replies.set("a", [{ id: "m" }]);
  await scene.clock.advance(7_500);
  assertEquals(scene.models("a"), ["m"]);
  const answered = scene.asked.at(-1)?.[1] ?? 0;
  scene.replies.set("a", DOWN);
  await scene.clock.advance(REFRESH_MS + 1_000);
  const [failed, again] = scene.asked.map(([, atMs]) => atMs).filter((atMs) => atMs > answered);
  assert(failed !== undefined && again !== undefined);
  assertEquals(failed - answered, REFRESH_MS);
  assert(again - failed >= 125 && again - failed < 375, `waited ${again - failed}`);
  // What it served stays known while it is silent.
  assertEquals(scene.models("a"), ["m"]);
});

Deno.test("startModelProbe() asks again now and then, and says nothing when nothing is new", async () => {
  let round = 0;
  await using scene = new Scene([engine("a")]);
  // As vLLM makes them: times and permission ids are of the answer, not of the model.
  const cards = (): readonly ModelCard[] => [{
    id: "m",
    created: round,
    permission: [{ id: `modelperm-${round++}`, created: round }],
  }];
  for (let refresh = 0; refresh < 4; refresh++) {
    scene.waiting.at(-1)?.answer.resolve(cards());
    await scene.clock.advance(REFRESH_MS);
  }
  assertEquals(scene.asked.map(([, atMs]) => atMs), [0, 1, 2, 3, 4].map((n) => n * REFRESH_MS));
  assertEquals(scene.messages(), ["info Engine answers: m"]);
});

Deno.test("startModelProbe() notices that an engine was restarted with another model", async () => {
  await using scene = new Scene([engine("a")], { a: [{ id: "m" }] });
  await scene.clock.advance(0);
  scene.replies.set("a", [{ id: "n", max_model_len: 16 }]);
  await scene.clock.advance(REFRESH_MS - 1);
  assertEquals(scene.models("a"), ["m"]);
  await scene.clock.advance(1);
  assertEquals(scene.models("a"), ["n"]);
  assertEquals(scene.directory.maxModelLen("n"), 16);
  assertEquals(scene.directory.hasSeen("m"), true);
  assertEquals(scene.messages(), ["info Engine answers: m", "info Engine answers: n"]);
});

Deno.test("startModelProbe() says once that an engine fails, and once that it answers again", async () => {
  await using scene = new Scene([engine("a")], { a: [{ id: "m" }] });
  await scene.clock.advance(0);
  scene.replies.set("a", DOWN);
  await scene.clock.advance(REFRESH_MS * 2);
  scene.replies.set("a", [{ id: "m" }]);
  await scene.clock.advance(REFRESH_MS);
  assertEquals(scene.messages(), [
    "info Engine answers: m",
    "warning Cannot read an engine's models",
    "info Engine answers again",
  ]);
});

const FAILURES: readonly (readonly [code: ErrorCode | undefined, silent: boolean])[] = [
  ["upstream-unreachable", true],
  ["upstream-timeout", true],
  ["upstream-lost", true],
  ["upstream-protocol", true],
  [undefined, false],
];

for (const [code, silent] of FAILURES) {
  const what = silent ? "is silent" : "answers";
  Deno.test(`startModelProbe() takes it that an engine ${what} after ${code ?? "another answer"}`, async () => {
    await using scene = new Scene([engine("a"), engine("b")], { a: [{ id: "m" }], b: [] });
    const marked = (): readonly string[] => [...scene.directory.snapshot().silent];
    await scene.clock.advance(0);
    const failure = code === undefined
      ? new NoModelList("status 404")
      : new RouterError(code, "It failed");
    scene.replies.set("a", failure);
    await scene.clock.advance(REFRESH_MS);
    assertEquals(marked(), silent ? ["a"] : []);
    assertEquals(scene.told, ["a true", "b true", `a ${!silent}`, "b true"]);
    scene.replies.set("a", [{ id: "m" }]);
    await scene.clock.advance(500);
    assertEquals([marked(), scene.told.at(-1)], [[], "a true"]);
  });
}

Deno.test("ModelProbe.doubt() has an engine asked at once, but not too often", async () => {
  await using scene = new Scene([engine("a"), engine("b")], { a: [{ id: "m" }], b: [] });
  const times = (): readonly number[] =>
    scene.asked.filter(([id]) => id === "a").map(([, atMs]) => atMs);
  await scene.clock.advance(100);
  scene.probe.doubt("a");
  scene.probe.doubt("a");
  scene.probe.doubt("unknown");
  await scene.clock.advance(149);
  assertEquals(times(), [0]);
  await scene.clock.advance(1);
  assertEquals(times(), [0, 250]);
  await scene.clock.advance(10_000);
  scene.replies.set("a", DOWN);
  scene.probe.doubt("a");
  await scene.clock.advance(0);
  assertEquals(times(), [0, 250, 10_250]);
  assertEquals(scene.asked.filter(([id]) => id === "b").length, 1);
});

Deno.test("startModelProbe() does not let one engine hold up another", async () => {
  await using scene = new Scene([engine("hangs"), engine("b")], { b: [{ id: "m" }] });
  await scene.clock.advance(REFRESH_MS);
  assertEquals(scene.models("b"), ["m"]);
  assertEquals(scene.asked.filter(([id]) => id === "b").length, 2);
});

Deno.test("startModelProbe() leaves no timer behind when it stops between rounds", async () => {
  const scene = new Scene([engine("a"), engine("b")], { a: [{ id: "m" }], b: DOWN });
  await scene.clock.advance(10);
  assertEquals(scene.clock.pending, 2);
  await scene.probe[Symbol.asyncDispose]();
  assertEquals(scene.clock.pending, 0);
  const { length } = scene.asked;
  await scene.clock.advance(REFRESH_MS * 2);
  assertEquals(scene.asked.length, length);
});

Deno.test("startModelProbe() ends what is being asked when it stops, and reports no failure", async () => {
  const scene = new Scene([engine("a"), engine("b")]);
  await settle();
  const stopped = scene.probe[Symbol.asyncDispose]();
  assertEquals(scene.waiting.map(({ signal }) => signal.aborted), [true, true]);
  await stopped;
  await scene.probe.firstRound;
  assertEquals(scene.clock.pending, 0);
  assertEquals(scene.messages(), []);
});

Deno.test("startModelProbe() changes nothing by an answer that comes after the stop", async () => {
  const scene = new Scene([engine("a")]);
  await settle();
  // Answered and stopped in one turn: the answer is read when the probe has stopped already.
  scene.waiting[0]?.answer.resolve([{ id: "m" }]);
  await scene.probe[Symbol.asyncDispose]();
  assertEquals(scene.models("a"), []);
  assertEquals([scene.messages(), scene.clock.pending], [[], 0]);
});
