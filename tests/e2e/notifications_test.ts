import { comparable } from "../support/answers.ts";
import { assert, assertEquals, assertStringIncludes } from "../support/assert.ts";
import { type Cluster, type ClusterShape, MODEL, startCluster, total } from "../support/cluster.ts";
import { post } from "../support/router.ts";

const KV_TIMEOUT = { router: { handoff: { kvReadyTimeoutMs: 1_500 } } } as const;

async function withCluster(
  shape: ClusterShape,
  run: (cluster: Cluster) => Promise<void>,
): Promise<void> {
  await using cluster = await startCluster(shape);
  await run(cluster);
  await cluster.quiet();
  assertEquals(total(cluster.decodes, "staleReads"), 0);
}

function bodies(count: number, stream: boolean): Record<string, unknown>[] {
  return Array.from({ length: count }, (_, index) => ({
    model: MODEL,
    prompt: `Request ${index}: tell me about the river. [[sim:len 12]]`,
    max_tokens: 20,
    stream,
  }));
}

/** Every request answered as one engine would. */
async function allRight(cluster: Cluster, count: number): Promise<void> {
  await Promise.all([...bodies(count, true), ...bodies(count, false)].map(async (body) => {
    const [ours, theirs] = await Promise.all([
      post(`${cluster.url}/v1/completions`, body).then(comparable),
      post(`${cluster.single.url}/v1/completions`, body).then(comparable),
    ]);
    assertEquals(ours, theirs);
  }));
}

async function metric(cluster: Cluster, name: string): Promise<number> {
  const text = await (await fetch(`${cluster.url}/metrics`)).text();
  const line = text.split("\n").find((candidate) => candidate.startsWith(name));
  return Number(line?.split(" ").at(-1) ?? 0);
}

for (const generation of ["A", "B", "C", "D"] as const) {
  Deno.test(`notifications of generation ${generation} are understood`, async () => {
    const shape = { prefill: { generation }, decode: { generation } };
    await withCluster(shape, (cluster) => allRight(cluster, 5));
  });
}

Deno.test("notifications may come before the prefill's answer", async () => {
  await withCluster({ prefill: { notify: "before" } }, (cluster) => allRight(cluster, 20));
});

Deno.test("notifications may come long after the prefill's answer", async () => {
  await withCluster({ prefill: { notify: 150 } }, (cluster) => allRight(cluster, 20));
});

Deno.test("one rank notifies for an MLA model", async () => {
  await withCluster(
    { prefill: { mla: true }, decode: { mla: true }, notifications: 1 },
    (cluster) => allRight(cluster, 10),
  );
});

Deno.test("garbage and foreign notifications change nothing", async () => {
  await withCluster({ prefills: 1 }, async (cluster) => {
    const { Push } = await import("zeromq");
    const push = new Push({ linger: 0 });
    try {
      push.connect(`tcp://127.0.0.1:${cluster.router.notifyPort}`);
      const noise = (async () => {
        for (let round = 0; round < 300; round++) {
          await push.send(round % 2 === 0 ? new Uint8Array([0xc1, round & 255]) : "{}");
          await push.send(["two", "frames"]);
        }
      })();
      await allRight(cluster, 20);
      await noise;
    } finally {
      push.close();
    }
    assert(await metric(cluster, 'pd_router_kv_notifications_total{result="garbage"}') > 0);
  });
});

Deno.test("a lost notification is made good on another pair while nothing is out", async () => {
  await withCluster({ prefills: 2, decodes: 2, ...KV_TIMEOUT }, async (cluster) => {
    const [first] = cluster.prefills;
    assert(first);
    first.faults.dropNotification = true;
    const [body] = bodies(1, false);
    const right = await comparable(await post(`${cluster.single.url}/v1/completions`, body));
    // Prefill engines are taken in turn, by each process of the router for itself.
    const { workers } = cluster.router;
    for (let round = 0; round < workers; round++) {
      const answers = await Promise.all(
        [1, 2].map(async () => await comparable(await post(`${cluster.url}/v1/completions`, body))),
      );
      for (const answer of answers) assertEquals(answer, right);
    }
    const retries = await metric(cluster, 'pd_router_handoff_retries_total{reason="kv_timeout"}');
    assertEquals(retries, first.stats().prefills);
    assert(retries >= 1 && (workers > 1 || retries === 1), `${retries} retries`);
  });
});

for (
  const fault of ["dropNotification", "corruptNotification", "misaddressNotification"] as const
) {
  Deno.test(`a request ends cleanly without its notifications: ${fault}`, async () => {
    await withCluster(KV_TIMEOUT, async (cluster) => {
      const [prefill] = cluster.prefills;
      assert(prefill);
      prefill.faults[fault] = true;
      const [body] = bodies(1, false);
      const whole = await post(`${cluster.url}/v1/completions`, body);
      assertEquals(whole.status, 504);
      assertStringIncludes((await whole.json()).error.message, "KV-ready");
      const stream = await post(`${cluster.url}/v1/completions`, { ...body, stream: true });
      const { status, text, errors, done } = await comparable(stream);
      assertEquals([status, errors.length, done], [200, 1, 0]);
      assert(text.length > 0);
      prefill.faults[fault] = false;
      await allRight(cluster, 5);
    });
  });
}

Deno.test("late notifications release what they belong to and wake nobody else", async () => {
  await withCluster(KV_TIMEOUT, async (cluster) => {
    const [prefill] = cluster.prefills;
    assert(prefill);
    prefill.faults.delayNotification = true;
    prefill.faults.notificationDelayMs = 2_500;
    const answers = await Promise.all(
      bodies(10, false).map((body) => post(`${cluster.url}/v1/completions`, body)),
    );
    for (const answer of answers) {
      assertEquals(answer.status, 504);
      await answer.body?.cancel();
    }
    prefill.faults.delayNotification = false;
    await allRight(cluster, 5);
  });
});

Deno.test("doubled notifications are surplus or late", async () => {
  await withCluster({ ranks: 1 }, async (cluster) => {
    for (const prefill of cluster.prefills) prefill.faults.duplicateNotification = true;
    await allRight(cluster, 20);
    const result = (name: string): Promise<number> =>
      metric(cluster, `pd_router_kv_notifications_total{result="${name}"}`);
    assertEquals(await result("surplus") + await result("late"), await result("completed"));
  });
});
