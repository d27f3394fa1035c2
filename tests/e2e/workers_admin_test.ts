import { assert, assertEquals } from "../support/assert.ts";
import { ask } from "../support/admin.ts";
import { jsonl, over, results, sdk, tempFolder, upload } from "../support/batches.ts";
import { MODEL, startSim } from "../support/cluster.ts";
import { eventually } from "../support/eventually.ts";
import { type RouterProcesses, startProcesses } from "../support/router_processes.ts";

const LONG_MS = 60_000;

function staticArgs(url: string): readonly string[] {
  return [
    "--port=0",
    "--routing-logic=roundrobin",
    `--static-backends=${url}`,
    `--static-models=${MODEL}`,
    "--service-discovery=static",
    "--expose-engines",
  ];
}

/** `get` on connections of their own, so that each worker is asked. */
async function ofAll<T>(get: (client: Deno.HttpClient) => Promise<T>, times = 8): Promise<T[]> {
  const found: T[] = [];
  for (let time = 0; time < times; time++) {
    using client = Deno.createHttpClient({ poolMaxIdlePerHost: 0 });
    found.push(await get(client));
  }
  return found;
}

async function killed(router: RouterProcesses, number: number): Promise<void> {
  const before = router.workers().find((worker) => worker.number === number);
  router.send("SIGKILL", before?.pid);
  await eventually(
    () => router.workers().find((worker) => worker.number === number)?.pid !== before?.pid,
    () => router.text().slice(-2_000),
    LONG_MS,
  );
}

Deno.test("--workers 2: what the admin API changes is changed in all workers, and in later ones", async () => {
  await using configured = await startSim({ role: "any" });
  await using added = await startSim({ role: "any" }, 2);
  await using router = await startProcesses({
    args: [...staticArgs(configured.url), "--admin-listen=127.0.0.1:0"],
  });
  const admin = (): string => /Admin API on (http:\S+)/.exec(router.text())?.[1] ?? "";
  await eventually(() => admin() !== "");
  const [first, second] = [new URL(configured.url).host, new URL(added.url).host];
  const drained = (): Promise<(readonly [string, boolean, unknown])[][]> =>
    ofAll(async (client) => {
      const { engines } = await (await fetch(`${admin()}/admin/engines`, { client })).json();
      return engines.map((engine: { id: string; drained: boolean; patch: unknown }) =>
        [engine.id, engine.drained, engine.patch] as const
      );
    });

  const engine = { url: added.url, role: "any", models: [MODEL] };
  assertEquals((await ask(admin(), "POST", "/admin/engines", { body: engine })).status, 201);
  assertEquals((await ask(admin(), "POST", "/admin/engines", { body: engine })).status, 409);
  const drain = await ask(admin(), "POST", `/admin/engines/${first}/drain?wait=5`, { body: {} });
  assertEquals([drain.status, drain.json.state], [200, "drained"]);
  const patch = await ask(admin(), "PATCH", `/admin/engines/${second}`, {
    body: { max_num_seqs: 7 },
  });
  assertEquals(patch.status, 200);
  const expected = [[first, true, null], [second, false, { max_num_seqs: 7 }]] as const;
  for (const told of await drained()) assertEquals(told.toSorted(), expected.toSorted());

  // Those that are started later know of it before they serve.
  for (const number of [1, 2]) await killed(router, number);
  for (const told of await drained()) assertEquals(told.toSorted(), expected.toSorted());
  const before = configured.stats().prefills + configured.stats().decodes;
  const answers = await ofAll(async (client) => {
    const body = JSON.stringify({ model: MODEL, prompt: "a", max_tokens: 2 });
    const headers = { "content-type": "application/json" };
    const answer = await fetch(`${router.url}/v1/completions`, {
      ...{ client, method: "POST", headers, body },
    });
    await answer.text();
    return answer.status;
  });
  assertEquals(new Set(answers), new Set([200]));
  assertEquals(configured.stats().prefills + configured.stats().decodes, before);

  assertEquals(
    (await ask(admin(), "POST", `/admin/engines/${first}/undrain`, { body: {} })).status,
    200,
  );
  assertEquals((await ask(admin(), "DELETE", `/admin/engines/${second}`)).status, 200);
  assertEquals((await ask(admin(), "DELETE", `/admin/engines/${second}`)).status, 404);
  for (const told of await drained()) assertEquals(told, [[first, false, null]]);
});

Deno.test("--workers 2: requests are listed and found whichever worker has had them, and is asked", async () => {
  await using engine = await startSim({ role: "any" });
  await using router = await startProcesses({
    args: [...staticArgs(engine.url), "--admin-listen=127.0.0.1:0"],
  });
  const admin = (): string => /Admin API on (http:\S+)/.exec(router.text())?.[1] ?? "";
  await eventually(() => admin() !== "");
  const headers = { "content-type": "application/json", "x-request-id": "same" };
  const body = JSON.stringify({ model: MODEL, prompt: "a", max_tokens: 2 });
  await ofAll(async (client) => {
    const init = { client, method: "POST", headers, body };
    await (await fetch(`${router.url}/v1/completions`, init)).text();
  }, 12);
  const requestsAt = (path: string): Promise<number[][]> =>
    ofAll(async (client) => {
      const { requests } = await (await fetch(`${admin()}${path}`, { client })).json();
      return requests.map(({ seq }: { readonly seq: number }) => seq);
    });
  const [all = [], ...others] = await requestsAt("/admin/requests?id=same");
  assertEquals(all.length, 12);
  assertEquals(all, [...new Set(all)].sort((a, b) => b - a), "one after the other has come");
  for (const told of others) assertEquals(told, all);
  // Both have had some: numbers of one are even, those of the other odd.
  assertEquals(new Set(all.map((seq) => seq % 2)).size, 2);
  for (const told of await requestsAt("/admin/requests/same")) assertEquals(told, all);
  const pages: number[] = [];
  for (let before = Infinity; pages.length < all.length; before = pages.at(-1) ?? 0) {
    const from = before === Infinity ? "" : `&before=${before}`;
    const [page = []] = await requestsAt(`/admin/requests?id=same&limit=5${from}`);
    assert(page.length > 0 && page.length <= 5);
    pages.push(...page);
  }
  assertEquals(pages, all);
  for (const seq of all.slice(0, 4)) {
    for (const told of await requestsAt(`/admin/requests/${seq}`)) assertEquals(told, [seq]);
  }
});

Deno.test("--workers 2: files and batches are one worker's, whichever is asked, and outlive it", async () => {
  await using engine = await startSim({ role: "any" });
  await using folder = await tempFolder();
  await using router = await startProcesses({
    args: [
      ...staticArgs(engine.url),
      "--enable-batch-api",
      `--file-storage-path=${folder.path}`,
    ],
  });
  const client = sdk(router.url);
  const bodies = Array.from({ length: 20 }, (_, index) => ({
    model: MODEL,
    messages: [{ role: "user", content: `Say ${index}. [[sim:len 3]]` }],
    max_tokens: 5,
  }));
  // Far beyond what is on its way at once between two workers.
  const padding = "x".repeat(64 * 1024);
  const text = jsonl(bodies.map((body) => ({ ...body, user: padding })));
  const ids = await Promise.all(Array.from({ length: 4 }, () => upload(client, text)));
  for (const id of ids) assertEquals(await (await client.files.content(id)).text(), text);
  const lists = await ofAll(async (http) => {
    const answer = await fetch(`${router.url}/v1/files`, { client: http });
    return (await answer.json()).data.length;
  });
  assertEquals(new Set(lists), new Set([4]));
  const [input = ""] = ids;
  const { id } = await client.batches.create({
    input_file_id: input,
    endpoint: "/v1/chat/completions",
    completion_window: "24h",
  });
  const batch = await over(client, id);
  assertEquals([batch.status, batch.request_counts?.completed], ["completed", 20]);
  assertEquals((await results(client, batch.output_file_id)).length, 20);

  await killed(router, 1);
  const again = await ofAll(async (http) => {
    const answer = await fetch(`${router.url}/v1/batches/${id}`, { client: http });
    return (await answer.json()).status;
  });
  assertEquals(new Set(again), new Set(["completed"]));
  const missing = await fetch(`${router.url}/v1/files/file-none`);
  assertEquals(missing.status, 404);
  await missing.body?.cancel();
  assert(router.workers().length === 2);
});
