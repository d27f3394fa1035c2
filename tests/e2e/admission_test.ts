import { assert, assertEquals } from "../support/assert.ts";
import { type Cluster, MODEL, startCluster } from "../support/cluster.ts";
import { eventually } from "../support/eventually.ts";
import { heapUsed } from "../support/memory.ts";
import { post } from "../support/router.ts";
import type { EngineRows } from "../support/router_workers.ts";

/** Requests at once. */
const CROWD = 2_000;
/** Each asks for so many bytes more than its prompt needs. */
const BODY_BYTES = 2_000;
const QUEUE = { queueSize: 200, queueTimeoutMs: 20_000 } as const;
const SEATS = { maxInflight: 16, maxPrefillInflight: 8 } as const;
/** What an answer may take: the queue, its work, and a busy machine. */
const DEADLINE_MS = QUEUE.queueTimeoutMs + 60_000;

/** Two slow prefill and two slow decode engines behind a router with few seats. */
function startSlow(): Promise<Cluster> {
  return startCluster({
    prefills: 2,
    decodes: 2,
    ranks: 1,
    prefill: { ttftMs: 40 },
    decode: { itlMs: 20 },
    // Everything is in one process, which has other things to do meanwhile.
    router: { admission: { ...SEATS, ...QUEUE }, timeouts: { connectMs: 60_000 } },
  });
}

/** How one request ended. */
interface Ended {
  readonly status: number;
  readonly ms: number;
  readonly retryAfter: string | null;
  readonly text: string;
}

async function ask(url: string, index: number): Promise<Ended> {
  const began = performance.now();
  const answer = await post(`${url}/v1/completions`, {
    model: MODEL,
    prompt: [1 + (index % 500), 2, 3],
    max_tokens: 4,
    ignore_eos: true,
    stream: index % 2 === 0,
    user: "x".repeat(BODY_BYTES),
  });
  const text = await answer.text();
  const retryAfter = answer.headers.get("retry-after");
  return { status: answer.status, ms: performance.now() - began, retryAfter, text };
}

/** The most of each figure, looked at while something goes on. */
interface Peaks {
  /** Of one process: several tell of theirs at different moments, and a seat may go from one to another. */
  seats: number;
  queued: number;
  buffered: number;
}

function watch({ router }: Cluster): { readonly peaks: Peaks; readonly stop: () => void } {
  const peaks: Peaks = { seats: 0, queued: 0, buffered: 0 };
  const timer = setInterval(() => {
    peaks.seats = Math.max(peaks.seats, ...router.admissions().map(({ seats }) => seats));
    peaks.queued = Math.max(peaks.queued, router.app.admission().queued);
    peaks.buffered = Math.max(peaks.buffered, router.app.stats().buffered);
  }, 5);
  return { peaks, stop: () => clearInterval(timer) };
}

Deno.test("2,000 requests at once are served within the bounds, or told when to come again", async () => {
  await using cluster = await startSlow();
  // What is made once, or compiled for many, is not counted.
  await Promise.all(Array.from({ length: CROWD / 2 }, (_, at) => ask(cluster.url, at)));
  await cluster.quiet();
  const before = heapUsed();
  const { peaks, stop } = watch(cluster);
  const ends = await Promise.all(Array.from({ length: CROWD }, (_, at) => ask(cluster.url, at)));
  stop();
  const by = Map.groupBy(ends, ({ status }) => status);
  const served = by.get(200) ?? [];
  assertEquals([...by.keys()].filter((status) => ![200, 429, 503].includes(status)), []);
  assert(served.length >= QUEUE.queueSize, `${served.length} were served`);
  for (const { text } of served) assert(!text.includes('"error"'), text);
  for (const { status, retryAfter, text } of ends) {
    if (status === 200) continue;
    assert(Number(retryAfter) >= 1 && Number(retryAfter) <= 60, `Retry-After: ${retryAfter}`);
    assert(text.includes("have no room") && text.includes("try again"), text);
  }
  const slowest = Math.max(...ends.map(({ ms }) => ms));
  assert(slowest < DEADLINE_MS, `one took ${slowest} ms`);
  const most = 2 * (SEATS.maxInflight + SEATS.maxPrefillInflight);
  assert(peaks.seats <= most && peaks.seats >= SEATS.maxPrefillInflight, `${peaks.seats} seats`);
  assert(peaks.queued <= QUEUE.queueSize && peaks.queued > 0, `${peaks.queued} waited`);
  const held = (QUEUE.queueSize + cluster.router.workers * most) * (BODY_BYTES + 500);
  assert(peaks.buffered > 0 && peaks.buffered < 2 * held, `${peaks.buffered} bytes of bodies`);
  await cluster.quiet();
  await eventually(
    () => heapUsed() - before < 12 * 1024 * 1024,
    () => `${heapUsed() - before} more`,
  );
});

Deno.test("a second crowd finds the router as the first did, and leaves it so when it leaves", async () => {
  await using cluster = await startSlow();
  const client = new AbortController();
  const asking = Array.from({ length: 300 }, (_, at) =>
    post(`${cluster.url}/v1/completions`, {
      model: MODEL,
      prompt: [at + 1, 2],
      max_tokens: 200,
      ignore_eos: true,
      stream: true,
    }, { signal: client.signal }).then((answer) => answer.text()).catch(() => "left"));
  await eventually(() => cluster.router.app.admission().queued > 100);
  client.abort();
  await Promise.all(asking);
  await eventually(() => cluster.router.app.admission().queued === 0);
  assertEquals((await ask(cluster.url, 1)).status, 200);
  await cluster.quiet();
});

Deno.test("a list of prompts larger than all seats is answered, streamed or not, and several at once", async () => {
  await using cluster = await startCluster({
    ranks: 1,
    decode: { itlMs: 1 },
    router: { admission: { maxInflight: 2, maxPrefillInflight: 1, ...QUEUE } },
  });
  const prompts = Array.from({ length: 12 }, (_, index) => [index + 1, 7, 8]);
  const body = { model: MODEL, prompt: prompts, max_tokens: 5, temperature: 0, ignore_eos: true };
  const texts = await Promise.all([true, false, true, false].map(async (stream) => {
    const answer = await post(`${cluster.url}/v1/completions`, { ...body, stream });
    assertEquals(answer.status, 200);
    return await answer.text();
  }));
  const chosen = texts.map((text, at) => at % 2 === 0 ? streamedTexts(text) : wholeTexts(text));
  const single = await post(`${cluster.single.url}/v1/completions`, body);
  const right = wholeTexts(await single.text());
  for (const got of chosen) assertEquals(got, right);
  await cluster.quiet();
});

function wholeTexts(text: string): readonly string[] {
  const { choices } = JSON.parse(text);
  return choices.map((choice: { readonly text: string }) => choice.text);
}

function streamedTexts(text: string): readonly string[] {
  const texts: string[] = [];
  for (const line of text.split("\n")) {
    if (!line.startsWith("data: {")) continue;
    for (const { index, text: piece } of JSON.parse(line.slice(6)).choices) {
      texts[index] = (texts[index] ?? "") + piece;
    }
  }
  return texts;
}

Deno.test("a router that drains refuses at once who waits, and ends what it serves", async () => {
  await using cluster = await startCluster({
    ranks: 1,
    decode: { itlMs: 5 },
    router: { admission: { maxInflight: 1, maxPrefillInflight: 1, ...QUEUE } },
  });
  const body = { model: MODEL, prompt: [1, 2], max_tokens: 60, ignore_eos: true };
  const serving = post(`${cluster.url}/v1/completions`, { ...body, stream: true });
  const first = await serving;
  await cluster.router.agrees(isTaken);
  const waiting = post(`${cluster.url}/v1/completions`, body);
  await eventually(() => cluster.router.app.admission().queued === 1);
  const drained = cluster.router.app.drain(5_000);
  const refused = await waiting;
  assertEquals([refused.status, refused.headers.get("retry-after")], [503, "1"]);
  await refused.text();
  assert((await first.text()).includes("[DONE]"));
  await drained;
});

/** There is no seat left of the decode engine. */
function isTaken(rows: EngineRows): boolean {
  return rows.some(({ role, room }) => role === "decode" && room === 0);
}

Deno.test("/engines tells what is taken, and /metrics who waits", async () => {
  await using cluster = await startCluster({
    ranks: 1,
    decode: { itlMs: 20 },
    router: { admission: { maxInflight: 1, maxPrefillInflight: 3, ...QUEUE } },
  });
  const body = { model: MODEL, prompt: [1, 2], max_tokens: 60, ignore_eos: true };
  const { app, agrees } = cluster.router;
  const asked = [post(`${cluster.url}/v1/completions`, body)];
  await agrees(isTaken);
  asked.push(post(`${cluster.url}/v1/completions`, body));
  // The prefill has ended: what is left is the decode's.
  await eventually(() => app.admission().queued === 1 && app.admission().seats === 1);
  const engines: readonly Readonly<Record<string, unknown>>[] =
    await (await fetch(`${cluster.url}/engines`)).json();
  const told = new Map(engines.map(({ role, inflight, room }) => [role, [inflight, room]]));
  assertEquals(told.get("decode"), [1, 0]);
  assertEquals(told.get("prefill"), [0, 3]);
  const metrics = await (await fetch(`${cluster.url}/metrics`)).text();
  assert(metrics.includes("pd_router_queue_length 1\n"), "one waits");
  for (const answer of await Promise.all(asked)) {
    assertEquals(answer.status, 200);
    await answer.text();
  }
  const after = await (await fetch(`${cluster.url}/metrics`)).text();
  assert(after.includes('pd_router_queue_wait_seconds_count{end="served"} 1\n'), "it was served");
  await cluster.quiet();
});
