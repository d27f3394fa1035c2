import { RouterError } from "../../lib/base/mod.ts";
import type { AskLine, LineAnswer, LineRequest } from "../../lib/batch/asking.ts";
import { assert, assertEquals, assertThrows } from "../support/assert.ts";
import { jsonl } from "../support/batches.ts";
import { settle } from "../support/fake_clock.ts";
import { answer, bodyOf, Scene } from "./support.ts";

const DAY_MS = 24 * 60 * 60 * 1000;

/** Answers with the number that was asked with. */
const ECHO: AskLine = async (request) => answer(200, { n: (await bodyOf(request))["n"] });

/** Requests that are answered when a test says so. */
class Held {
  readonly requests: LineRequest[] = [];
  readonly #answers: ((answer: LineAnswer) => void)[] = [];

  readonly ask: AskLine = (request) => {
    this.requests.push(request);
    return new Promise((resolve) => {
      this.#answers.push(resolve);
      // As the router does: whoever leaves is answered at once.
      request.signal.addEventListener("abort", () => resolve(answer(499, {})), { once: true });
    });
  };

  /** Answer the oldest that was not. */
  next(status = 200): void {
    this.#answers.shift()?.(answer(status, { ok: status < 400 }));
  }
}

Deno.test("BatchRunner answers each line once, and its results become files", async () => {
  await using scene = new Scene();
  scene.start(ECHO);
  const batch = await scene.batch(150);
  const { outputName, errorBytes, completed, total, times } = await scene.untilStatus(
    batch,
    "completed",
  );
  assertEquals([total, completed, errorBytes], [150, 150, 0]);
  assert(times.in_progress_at !== null && times.finalizing_at !== null);
  const results = scene.results(outputName);
  assertEquals(results.map(({ custom_id }) => custom_id), results.map((_, at) => `line-${at + 1}`));
  assertEquals(
    results.map(({ response }) => response?.body),
    results.map((_, at) => ({
      n: at + 1,
    })),
  );
  const file = scene.files.get("", outputName);
  assertEquals([file.purpose, file.filename], ["batch_output", `${batch.id}_output.jsonl`]);
  await scene.until(() => scene.db.get("SELECT 1 FROM lines") === undefined, "lines are forgotten");
});

Deno.test("BatchRunner asks no more at once than it may, and owners in turn", async () => {
  await using scene = new Scene({ concurrency: 3 });
  const held = new Held();
  const batches = [await scene.batch(9, "a"), await scene.batch(9, "a"), await scene.batch(9, "b")];
  scene.start(held.ask);
  await scene.until(() => batches.every((batch) => scene.now(batch).status === "in_progress"));
  await settle();
  assertEquals(held.requests.length, 3);
  for (let more = 0; more < 5; more++) {
    held.next();
    await scene.until(() => held.requests.length === 4 + more);
  }
  // The first was there alone.
  assertEquals(held.requests.slice(3).map(({ owner }) => owner).join(""), "ababa");
});

Deno.test("BatchRunner asks again where there is no room, until there is", async () => {
  await using scene = new Scene();
  let refusals = 6;
  scene.start((request) => refusals-- > 0 ? Promise.resolve(answer(503, {})) : ECHO(request));
  const batch = await scene.batch(8);
  await scene.until(() => scene.ends.length > 0);
  for (let second = 0; second < 60 && scene.now(batch).status !== "completed"; second++) {
    await scene.clock.advance(1_000);
    await settle();
  }
  const { completed, failed } = await scene.untilStatus(batch, "completed");
  assertEquals([completed, failed], [8, 0]);
  assertEquals(scene.ends.filter((end) => end === "again").length, 6);
});

Deno.test("BatchRunner takes a failure for a result at the third time, and an absence after a while", async () => {
  await using scene = new Scene();
  const asked: unknown[] = [];
  scene.start(async (request) => {
    const { n } = await bodyOf(request);
    asked.push(n);
    if (n === 2) return answer(500, { error: { message: "broken" } });
    if (n === 3) throw new RouterError("upstream-lost", "It broke off");
    return answer(n === 4 ? 400 : 200, { n });
  });
  const batch = await scene.batch(4);
  for (let second = 0; second < 30 && scene.now(batch).failed < 2; second++) {
    await scene.clock.advance(1_000);
    await settle();
  }
  // The engines may come back.
  assertEquals([scene.now(batch).failed, scene.now(batch).status], [2, "in_progress"]);
  for (let minute = 0; minute < 12; minute++) {
    await scene.clock.advance(60_000);
    await settle();
  }
  const { completed, failed, errorName } = await scene.untilStatus(batch, "completed");
  assertEquals([completed, failed], [1, 3]);
  assertEquals(asked.filter((n) => n === 2).length, 3);
  assert(asked.filter((n) => n === 3).length > 10);
  assertEquals(asked.filter((n) => n === 4).length, 1);
  const told = scene.results(errorName).map(({ response }) => response?.status_code);
  assertEquals(told, [500, 502, 400]);
});

Deno.test("BatchRunner ends a batch that is cancelled, with what it has", async () => {
  await using scene = new Scene({ concurrency: 2 });
  const held = new Held();
  scene.start(held.ask);
  const batch = await scene.batch(5);
  await scene.until(() => held.requests.length === 2);
  held.next();
  await scene.until(() => scene.now(batch).completed === 1);
  assertEquals(scene.service.cancel("", batch.id).status, "cancelling");
  const ended = await scene.untilStatus(batch, "cancelled");
  assertEquals([ended.completed, ended.failed], [1, 4]);
  const told = scene.results(ended.errorName);
  assertEquals(told.map(({ error }) => error?.code), Array(4).fill("batch_cancelled"));
  assert(held.requests.every(({ signal }, index) => index === 0 || signal.aborted));
  assertEquals(scene.service.cancel("", batch.id).status, "cancelled");
});

Deno.test("BatchRunner expires what is not answered in time", async () => {
  await using scene = new Scene({ concurrency: 2 });
  const held = new Held();
  scene.start(held.ask);
  const batch = await scene.batch(3);
  await scene.until(() => held.requests.length === 2);
  held.next();
  await scene.until(() => scene.now(batch).completed === 1);
  await scene.clock.advance(DAY_MS);
  const ended = await scene.untilStatus(batch, "expired");
  assertEquals([ended.completed, ended.failed], [1, 2]);
  assertEquals(
    scene.results(ended.errorName).map(({ error }) => error?.code),
    ["batch_expired", "batch_expired"],
  );
  assertEquals(ended.times.expired_at, ended.expiresAt);
});

Deno.test("BatchRunner goes on where another was cut off, and asks nothing that is settled", async () => {
  await using scene = new Scene({ concurrency: 2 });
  const held = new Held();
  const first = scene.start(held.ask);
  const batch = await scene.batch(6);
  await scene.until(() => held.requests.length === 2);
  held.next();
  await scene.until(() => scene.now(batch).completed === 1);
  await first[Symbol.asyncDispose]();
  assertEquals(scene.now(batch).status, "in_progress");
  // What a write that was cut off has left.
  const { outputName, outputBytes } = scene.now(batch);
  await scene.disk.append(outputName, outputBytes, [new TextEncoder().encode('{"id":"torn')]);
  const asked: unknown[] = [];
  scene.start(async (request) => {
    asked.push((await bodyOf(request))["n"]);
    return ECHO(request);
  });
  const ended = await scene.untilStatus(batch, "completed");
  assertEquals(asked, [2, 3, 4, 5, 6]);
  assertEquals([ended.completed, scene.results(outputName).length], [6, 6]);
});

Deno.test("BatchRunner.rest() waits for what was asked, and asks no more", async () => {
  await using scene = new Scene({ concurrency: 2 });
  const held = new Held();
  const runner = scene.start(held.ask);
  const batch = await scene.batch(5);
  await scene.until(() => held.requests.length === 2);
  let rested = false;
  const resting = runner.rest().then(() => rested = true);
  held.next();
  await settle();
  assertEquals(rested, false);
  held.next();
  await scene.until(() => rested);
  await resting;
  assertEquals([held.requests.length, scene.now(batch).completed], [2, 2]);
  assertEquals(scene.now(batch).status, "in_progress");
});

Deno.test("BatchRunner waits while nothing can be written, and loses nothing", async () => {
  await using scene = new Scene();
  scene.start(ECHO);
  scene.disk.faults.push(...["first", "second"].map((name) => new Error(`No space: ${name}`)));
  const id = await scene.store(jsonl([{ n: 1 }])).catch(() => undefined);
  assertEquals(id, undefined);
  const batch = await scene.batchOf(jsonl([{ n: 1 }, { n: 2 }])).catch(() => undefined);
  assertEquals(batch, undefined);
  const whole = await scene.batch(3);
  scene.disk.faults.push(new Error("No space: third"));
  await scene.until(() => scene.disk.faults.length === 0);
  assertEquals(scene.now(whole).completed, 0);
  await scene.clock.advance(1_000);
  const { completed, outputName } = await scene.untilStatus(whole, "completed");
  assertEquals([completed, scene.results(outputName).length], [3, 3]);
});

Deno.test("BatchRunner asks nothing while there is no room for results", async () => {
  await using scene = new Scene();
  let asked = 0;
  scene.start((request) => {
    asked++;
    return ECHO(request);
  });
  const batch = await scene.batch(2);
  scene.files.grow(1_000_000);
  await scene.untilStatus(batch, "in_progress");
  await scene.clock.advance(10_000);
  assertEquals([asked, scene.now(batch).status], [0, "in_progress"]);
  const refused = await scene.store("text").catch((error: unknown) => error);
  assert(refused instanceof RouterError && refused.code === "body-too-large");
  scene.files.grow(-1_000_000);
  await scene.clock.advance(1_000);
  await scene.untilStatus(batch, "completed");
  assertEquals(asked, 2);
});

Deno.test("BatchService refuses what is no batch, and knows whose one is", async () => {
  await using scene = new Scene();
  const file = await scene.store(jsonl([{ n: 1 }]), "a");
  const right = {
    input_file_id: file,
    endpoint: "/v1/chat/completions",
    completion_window: "24h",
  };
  const wrong: readonly (readonly [string, Record<string, unknown>])[] = [
    ["input_file_id", { ...right, input_file_id: 1 }],
    ["id", { ...right, input_file_id: "file-none" }],
    ["endpoint", { ...right, endpoint: "/v1/moderations" }],
    ["completion_window", { ...right, completion_window: "1h" }],
    ["output_expires_after", { ...right, output_expires_after: { anchor: "created_at" } }],
    ["metadata", { ...right, metadata: { a: 1 } }],
    ["metadata", { ...right, metadata: ["a"] }],
    ["metadata", { ...right, metadata: { a: "x".repeat(513) } }],
    ["metadata", { ...right, metadata: "text" }],
  ];
  for (const [param, body] of wrong) {
    const error = assertThrows(() => scene.service.create("a", body), RouterError);
    assertEquals(error.param, param);
  }
  assertThrows(() => scene.service.create("b", right), RouterError, "No such File");
  const { id } = scene.service.create("a", { ...right, metadata: { a: "b" } });
  assertThrows(() => scene.service.get("b", id), RouterError, "No such Batch");
  assertThrows(() => scene.service.cancel("b", id), RouterError, "No such Batch");
  assertEquals(scene.service.list("b", { limit: 10 }).items, []);
  assertEquals(scene.service.list("a", { limit: 10 }).items.map((batch) => batch.id), [id]);
  const error = await scene.files.remove("a", file).catch((error: unknown) => error);
  assert(error instanceof RouterError && error.code === "bad-request");
});
