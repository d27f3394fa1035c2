import { assert, assertEquals, assertStringIncludes } from "../support/assert.ts";
import { freePort, MODEL, startSim } from "../support/cluster.ts";
import { eventually } from "../support/eventually.ts";
import { type RouterProcesses, startProcesses } from "../support/router_processes.ts";

const LONG_MS = 60_000;

/** A prefill and a decode engine of two ranks, and a router of several processes between them. */
async function startPair(
  more: readonly string[] = [],
  { launched = false, itlMs = 0 }: { readonly launched?: boolean; readonly itlMs?: number } = {},
): Promise<{ readonly router: RouterProcesses } & AsyncDisposable> {
  await using stack = new AsyncDisposableStack();
  const proxyPort = freePort();
  const prefill = stack.use(
    await startSim({ role: "prefill", ranks: 2, proxyHost: "127.0.0.1", proxyPort }),
  );
  const decode = stack.use(await startSim({ role: "decode", ranks: 2, itlMs }, 2));
  const ports = `init=${decode.initPorts.join()};alloc=${decode.allocPorts.join()}`;
  const router = stack.use(
    await startProcesses({
      launched,
      args: [
        "--port=0",
        `--prefill=${prefill.url}`,
        `--decode=${decode.url};${ports}`,
        "--nixl-proxy-host=127.0.0.1",
        `--nixl-proxy-port=${proxyPort}`,
        ...more,
      ],
    }),
  );
  const held = stack.move();
  return { router, [Symbol.asyncDispose]: () => held.disposeAsync() };
}

/** One engine that serves alone, and a router of several processes in front of it. */
async function startOne(
  more: readonly string[] = [],
  itlMs = 0,
): Promise<{ readonly router: RouterProcesses } & AsyncDisposable> {
  await using stack = new AsyncDisposableStack();
  const engine = stack.use(await startSim({ role: "any", itlMs }));
  const router = stack.use(
    await startProcesses({
      args: [
        "--port=0",
        "--routing-logic=roundrobin",
        `--static-backends=${engine.url}`,
        `--static-models=${MODEL}`,
        "--service-discovery=static",
        ...more,
      ],
    }),
  );
  const held = stack.move();
  return { router, [Symbol.asyncDispose]: () => held.disposeAsync() };
}

interface Asked {
  readonly id: string;
  readonly answer: Promise<{ readonly status: number; readonly whole: boolean }>;
}

let count = 0;

/** A streamed request on a connection of its own; `whole` says whether it came to its end. */
function ask(url: string, tokens: number): Asked {
  const id = `request-${++count}`;
  const client = Deno.createHttpClient({ poolMaxIdlePerHost: 0 });
  const body = {
    model: MODEL,
    prompt: `Tell me about the river. [[sim:len ${tokens}]]`,
    max_tokens: tokens + 5,
    stream: true,
  };
  const answer = (async () => {
    try {
      const response = await fetch(`${url}/v1/completions`, {
        client,
        method: "POST",
        headers: { "content-type": "application/json", "x-request-id": id, connection: "close" },
        body: JSON.stringify(body),
      });
      const text = await response.text();
      return {
        status: response.status,
        whole: text.includes("data: [DONE]") && !text.includes('"error"'),
      };
    } catch {
      return { status: 0, whole: false };
    } finally {
      client.close();
    }
  })();
  return { id, answer };
}

/** Which worker has which of them, once all of them are on their way. */
async function placed(
  router: RouterProcesses,
  all: readonly Asked[],
): Promise<Map<number, Asked[]>> {
  const workerOf = ({ id }: Asked): number | undefined => router.workerOf(id);
  await eventually(
    () => all.every((asked) => workerOf(asked) !== undefined),
    () => `not all under way: ${router.text().slice(-2_000)}`,
    LONG_MS,
  );
  return Map.groupBy(all, (asked) => workerOf(asked) ?? 0);
}

async function metric(url: string, series: string): Promise<number> {
  const text = await (await fetch(`${url}/metrics`)).text();
  const line = text.split("\n").find((each) => each.startsWith(`${series} `));
  return Number(line?.slice(series.length + 1) ?? NaN);
}

async function isReady(url: string): Promise<boolean> {
  const answer = await fetch(`${url}/ready`);
  return (await answer.json()).status === "ready";
}

async function answersWell(url: string): Promise<void> {
  assertEquals(await ask(url, 3).answer, { status: 200, whole: true });
}

Deno.test("--workers 2 warms each of them up before it is ready, by whole handoffs in memory", async () => {
  await using pair = await startPair(["--log-level=debug"]);
  const { router } = pair;
  const warmed = (): readonly string[] => {
    const lines = router.text().split("\n").filter((line) => line.includes("Warmed up"));
    return lines.map((line) => / failed=0 .*(worker=\d)/.exec(line)?.[1] ?? line).toSorted();
  };
  await eventually(() => warmed().length === 2, () => router.text(), LONG_MS);
  assertEquals(warmed(), ["worker=1", "worker=2"]);
  await eventually(() => isReady(router.url));
  // What it took for that is not counted.
  assertEquals(
    await metric(router.url, 'pd_router_kv_notifications_total{result="completed"}'),
    NaN,
  );
  await answersWell(router.url);
  assertEquals(await metric(router.url, 'pd_router_kv_notifications_total{result="completed"}'), 1);
});

Deno.test("--workers 2 spreads clients, and hands each notification to the worker that waits", async () => {
  await using pair = await startPair([], { launched: true });
  const { router } = pair;
  const all = Array.from({ length: 24 }, () => ask(router.url, 4));
  const answers = await Promise.all(all.map(({ answer }) => answer));
  assert(answers.every(({ status, whole }) => status === 200 && whole), JSON.stringify(answers));
  const byWorker = await placed(router, all);
  assertEquals([...byWorker.keys()].sort(), [1, 2]);
  const completed = 'pd_router_kv_notifications_total{result="completed"}';
  assertEquals(await metric(router.url, completed), 24);
  const ok = 'pd_router_requests_total{endpoint="/v1/completions",route="handoff_p1",outcome="ok"}';
  // Whichever worker is asked, it tells of all.
  for (let time = 0; time < 6; time++) assertEquals(await metric(router.url, ok), 24);
  assertEquals(await metric(router.url, 'pd_router_workers{state="serving"}'), 2);
  const engines = await (await fetch(`${router.url}/engines`)).json();
  assertEquals(engines.length, 2);
  await eventually(() => isReady(router.url), () => router.text(), LONG_MS);
});

Deno.test("--workers 2: kill -9 of each worker under load loses its own requests alone", async () => {
  await using pair = await startPair([], { itlMs: 10 });
  const { router } = pair;
  for (const victim of [1, 2]) {
    const all = Array.from({ length: 16 }, () => ask(router.url, 300));
    const byWorker = await placed(router, all);
    const lost = byWorker.get(victim) ?? [];
    const kept = all.filter((asked) => !lost.includes(asked));
    assert(lost.length > 0 && kept.length > 0);
    const before = router.workers().find(({ number }) => number === victim);
    router.send("SIGKILL", before?.pid);
    for (const { answer } of kept) assertEquals(await answer, { status: 200, whole: true });
    for (const { answer } of lost) assertEquals((await answer).whole, false);
    await eventually(
      () => router.workers().find(({ number }) => number === victim)?.pid !== before?.pid,
      () => router.text().slice(-2_000),
      LONG_MS,
    );
    for (let time = 0; time < 6; time++) await answersWell(router.url);
  }
  const restarts = [1, 2].map((worker) => `pd_router_worker_restarts_total{worker="${worker}"}`);
  for (const series of restarts) assertEquals(await metric(router.url, series), 1);
});

Deno.test("--workers 2: a frozen worker is ended and started again, the other goes on", async () => {
  await using pair = await startOne([], 10);
  const { router } = pair;
  const all = Array.from({ length: 12 }, () => ask(router.url, 100));
  const byWorker = await placed(router, all);
  const frozen = router.workers().find(({ number }) => number === 2);
  router.send("SIGSTOP", frozen?.pid);
  for (const { answer } of byWorker.get(1) ?? []) {
    assertEquals(await answer, { status: 200, whole: true });
  }
  await eventually(
    () => router.workers().find(({ number }) => number === 2)?.pid !== frozen?.pid,
    () => router.text().slice(-2_000),
    LONG_MS,
  );
  assertStringIncludes(router.text(), "gives no sign of life");
  for (let time = 0; time < 6; time++) await answersWell(router.url);
});

Deno.test("--workers 2: workers whose supervisor was killed end what they have, and then themselves", async () => {
  await using pair = await startOne([], 10);
  const { router } = pair;
  const all = Array.from({ length: 8 }, () => ask(router.url, 60));
  await placed(router, all);
  const workers = router.workers();
  router.send("SIGKILL");
  for (const { answer } of all) assertEquals(await answer, { status: 200, whole: true });
  await eventually(
    () => workers.every(({ pid }) => !isThere(pid)),
    () => "workers stay",
    LONG_MS,
  );
});

Deno.test("--workers 2: a worker that is told to end drains, and another takes its place", async () => {
  await using pair = await startOne([], 10);
  const { router } = pair;
  for (const number of [1, 2]) {
    const all = Array.from({ length: 8 }, () => ask(router.url, 60));
    await placed(router, all);
    const before = router.workers().find((worker) => worker.number === number);
    router.send("SIGTERM", before?.pid);
    for (const { answer } of all) assertEquals(await answer, { status: 200, whole: true });
    await eventually(
      () => router.workers().find((worker) => worker.number === number)?.pid !== before?.pid,
      () => router.text().slice(-2_000),
      LONG_MS,
    );
  }
  await answersWell(router.url);
  const health = await fetch(`${router.url}/health`);
  assertEquals([health.status, await health.json()], [200, { status: "healthy" }]);
});

Deno.test("--workers 2: SIGTERM has all drain together, a second one ends all at once", async () => {
  await using first = await startOne([], 10);
  const all = Array.from({ length: 6 }, () => ask(first.router.url, 50));
  await placed(first.router, all);
  first.router.send("SIGTERM");
  for (const { answer } of all) assertEquals(await answer, { status: 200, whole: true });
  assertEquals((await first.router.ended).code, 0);
  assert(first.router.workers().every(({ pid }) => !isThere(pid)));

  await using second = await startOne([], 10);
  const long = Array.from({ length: 6 }, () => ask(second.router.url, 2_000));
  await placed(second.router, long);
  second.router.send("SIGTERM");
  await eventually(() => second.router.text().includes("workers drain"));
  second.router.send("SIGTERM");
  assertEquals((await second.router.ended).code, 130);
  for (const { answer } of long) assertEquals((await answer).whole, false);
  assert(second.router.workers().every(({ pid }) => !isThere(pid)));
});

Deno.test("--workers 2: a port in use is told once, and nothing is started", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr as Deno.NetAddr;
  await using router = await startProcesses({
    args: [`--port=${port}`, "--decode=http://127.0.0.1:9", "--routing-logic=roundrobin"],
    unserved: true,
  });
  assertEquals((await router.ended).code, 1);
  await eventually(() => router.text().includes("\n"));
  const told = router.text().split("\n").filter((line) => line.includes("Cannot listen on"));
  assertEquals(told.length, 1, router.text());
  assertEquals(router.workers(), []);
});

Deno.test("--workers 2: where none can start, it ends with a worker's words and code", async () => {
  await using router = await startProcesses({
    args: [
      "--port=0",
      "--decode=http://127.0.0.1:9",
      "--routing-logic=roundrobin",
      "--callbacks=/nowhere/hooks.ts:callbacks",
    ],
    unserved: true,
  });
  assertEquals((await router.ended).code, 2);
  await eventually(() => router.text().includes("pd-router: Cannot start"));
  const told = router.text().split("\n").filter((line) => line.startsWith("pd-router: "));
  assertEquals(told.length, 1, router.text());
  assertStringIncludes(told[0] ?? "", "/nowhere/hooks.ts");
});

/** Whether a process runs; one that has ended and that nobody has waited for does not. */
function isThere(pid: number): boolean {
  try {
    return !/^State:\s+Z/m.test(Deno.readTextFileSync(`/proc/${pid}/status`));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
