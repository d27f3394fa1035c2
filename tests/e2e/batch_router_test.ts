/** Files and batches of a router with keys, one that is drained, and one that is full. */
import OpenAI from "openai";
import { sha256 } from "../../lib/base/mod.ts";
import type { BatchOptions } from "../../lib/config/schema.ts";
import { assert, assertEquals, assertRejects } from "../support/assert.ts";
import { jsonl, over, results, sdk, tempFolder, upload } from "../support/batches.ts";
import { eventually } from "../support/eventually.ts";
import { engineAt, post, type RouterChanges, startRouter } from "../support/router.ts";
import { startScripted } from "../support/scripted_engine.ts";

const ENDPOINT = "/v1/completions";
const ASK = { endpoint: ENDPOINT, completion_window: "24h" } as const;

function batchesIn(folder: string, concurrency = 4): BatchOptions {
  return { folder, concurrency, maxFileBytes: 1_000_000, maxStorageBytes: 10_000_000 };
}

function input(count: number): string {
  const bodies = Array.from({ length: count }, (_, index) => ({ model: "m", prompt: `p${index}` }));
  return jsonl(bodies, { url: ENDPOINT });
}

function answered(): Response {
  return Response.json({ id: "x", choices: [], usage: { prompt_tokens: 1, total_tokens: 1 } });
}

function promptOf(text: string): string {
  return String(JSON.parse(text).prompt);
}

/** What opens once. */
function gate(): { readonly wait: Promise<void>; readonly open: () => void } {
  const { promise, resolve } = Promise.withResolvers<void>();
  return { wait: promise, open: () => resolve() };
}

Deno.test("what a key has stored is there for that key alone, and its batches count to it", async () => {
  await using folder = await tempFolder();
  const file = `${folder.path}/keys.yaml`;
  await Deno.writeTextFile(
    file,
    "- {name: a, key: sk-a}\n- {name: b, key: sk-b, models: [other]}\n",
  );
  await using engine = startScripted(answered);
  const keys = { given: [], open: ["/metrics"] as const, file };
  await using router = await startRouter([engineAt(engine.url, "any")], {
    batches: batchesIn(`${folder.path}/store`),
    doors: { keys: { ...keys, open: [...keys.open] } },
    apiKey: "sk-engine",
  });
  const [a, b] = [sdk(router.url, "sk-a"), sdk(router.url, "sk-b")];
  await assertRejects(() => upload(sdk(router.url, "sk-none"), "x"), OpenAI.AuthenticationError);
  const mine = await upload(a, input(3));
  const batch = await a.batches.create({ ...ASK, input_file_id: mine });
  const ended = await over(a, batch.id);
  assertEquals(ended.request_counts, { total: 3, completed: 3, failed: 0 });
  const others: readonly (() => Promise<unknown>)[] = [
    () => b.files.retrieve(mine),
    () => b.files.content(mine),
    () => b.files.delete(mine),
    () => b.files.content(ended.output_file_id ?? ""),
    () => b.batches.retrieve(batch.id),
    () => b.batches.cancel(batch.id),
    () => b.batches.create({ ...ASK, input_file_id: mine }),
  ];
  for (const other of others) await assertRejects(other, OpenAI.NotFoundError);
  assertEquals([(await b.files.list()).data, (await b.batches.list()).data], [[], []]);
  const told = await (await fetch(`${router.url}/metrics`)).text();
  // An upload, a batch, its requests, and the looks at it.
  const counted = Number(/pd_router_api_key_requests_total\{key="a"\} (\d+)/.exec(told)?.[1]);
  assert(counted >= 6, String(counted));
  const shown = engine.asked.filter(({ path }) => path === ENDPOINT)
    .map(({ headers }) => headers.get("authorization"));
  assertEquals(shown, Array(3).fill("Bearer sk-engine"));
  // A key's models are those of its batches too.
  const its = await b.batches.create({ ...ASK, input_file_id: await upload(b, input(1)) });
  const refused = await results(b, (await over(b, its.id)).error_file_id);
  assertEquals(refused.map(({ response }) => response?.status_code), [403]);
});

Deno.test("requests of a key that is gone are answered with 401", async () => {
  await using folder = await tempFolder();
  await using engine = startScripted(answered);
  const changes = (given: readonly string[]): RouterChanges => ({
    batches: batchesIn(folder.path, 1),
    doors: { keys: { given: given.map(sha256), open: [] } },
  });
  const held = gate();
  await using slow = startScripted(async () => {
    await held.wait;
    return answered();
  });
  let id = "";
  {
    await using router = await startRouter([engineAt(slow.url, "any")], changes(["one", "two"]));
    const client = sdk(router.url, "two");
    id =
      (await client.batches.create({ ...ASK, input_file_id: await upload(client, input(2)) })).id;
    await eventually(() => slow.asked.some(({ path }) => path === ENDPOINT));
  }
  held.open();
  {
    await using router = await startRouter([engineAt(engine.url, "any")], changes(["one"]));
    await eventually(async () => {
      const text = await (await fetch(`${router.url}/metrics`, {
        headers: { authorization: "Bearer one" },
      })).text();
      return /^pd_router_batches_open 0$/m.test(text);
    });
  }
  await using router = await startRouter([engineAt(engine.url, "any")], changes(["one", "two"]));
  const ended = await over(sdk(router.url, "two"), id);
  const told = await results(sdk(router.url, "two"), ended.error_file_id);
  assertEquals(told.map(({ response }) => response?.status_code), [401, 401]);
});

Deno.test("a router that is drained finishes what it asked, and the next goes on", async () => {
  await using folder = await tempFolder();
  const held = gate();
  const asked: string[] = [];
  await using engine = startScripted(async ({ text }) => {
    asked.push(promptOf(text));
    await held.wait;
    return answered();
  });
  const changes = { batches: batchesIn(folder.path, 2) };
  let id = "";
  {
    await using router = await startRouter([engineAt(engine.url, "any")], changes);
    const client = sdk(router.url);
    id =
      (await client.batches.create({ ...ASK, input_file_id: await upload(client, input(5)) })).id;
    await eventually(() => asked.length === 2);
    const drained = router.app.drain(20_000);
    held.open();
    await drained;
    assertEquals(asked.length, 2);
  }
  await using router = await startRouter([engineAt(engine.url, "any")], changes);
  const ended = await over(sdk(router.url), id);
  assertEquals(ended.request_counts, { total: 5, completed: 5, failed: 0 });
  assertEquals(asked.toSorted(), ["p0", "p1", "p2", "p3", "p4"]);
});

Deno.test("requests of batches wait behind those of clients", async () => {
  await using folder = await tempFolder();
  const gates = [gate(), gate(), gate(), gate()];
  const asked: string[] = [];
  await using engine = startScripted(async ({ text }) => {
    const place = asked.push(promptOf(text)) - 1;
    await gates[place]?.wait;
    return answered();
  });
  await using router = await startRouter([engineAt(engine.url, "any")], {
    batches: batchesIn(folder.path, 2),
    admission: { maxInflight: 1, queueSize: 8, queueTimeoutMs: 30_000 },
  });
  const client = sdk(router.url);
  const { id } = await client.batches.create({
    ...ASK,
    input_file_id: await upload(client, input(2)),
  });
  await eventually(() => asked.length === 1);
  await router.agrees(([row]) => row?.["room"] === 0);
  const sent = ["client-1", "client-2"].map((prompt) =>
    post(`${router.url}${ENDPOINT}`, { model: "m", prompt }).then((answer) => answer.text())
  );
  // A seat that is free before every process knows that others' clients wait is anybody's.
  await eventually(() => {
    const all = router.admissions();
    const queued = all.reduce((sum, one) => sum + one.queued, 0);
    return queued === 2 &&
      all.every((one) => one.elsewhere === Number(queued > one.queued));
  });
  for (const [place, { open }] of gates.entries()) {
    open();
    if (place < 3) await eventually(() => asked.length === place + 2);
  }
  await Promise.all(sent);
  await over(client, id);
  // Which of the batch's two is asked first is not said.
  assertEquals([asked[0], asked[3]].toSorted(), ["p0", "p1"]);
  assertEquals(asked.slice(1, 3).toSorted(), ["client-1", "client-2"]);
});

Deno.test("files and batches are not there unless they are asked for", async () => {
  await using engine = startScripted(answered);
  await using router = await startRouter([engineAt(engine.url, "any")]);
  for (const path of ["/v1/files", "/v1/batches", "/v1/files/x/content"]) {
    const answer = await fetch(router.url + path);
    assertEquals([answer.status, (await answer.json()).error.code], [404, 404], path);
  }
});

Deno.test("requests about files and batches that are wrong are told so", async () => {
  await using folder = await tempFolder();
  await using engine = startScripted(answered);
  await using router = await startRouter([engineAt(engine.url, "any")], {
    batches: batchesIn(folder.path),
  });
  const form = (fields: Record<string, string | Blob>): RequestInit => {
    const body = new FormData();
    for (const [name, value] of Object.entries(fields)) body.set(name, value);
    return { method: "POST", body };
  };
  const file = new Blob(["x"]);
  const json = (body: string): RequestInit => ({ method: "POST", body });
  const rows: readonly (readonly [string, RequestInit, number, string | null])[] = [
    ["/v1/files", form({ file }), 400, "purpose"],
    ["/v1/files", form({ purpose: "batch" }), 400, "file"],
    ["/v1/files", form({ file, purpose: "other" }), 400, "purpose"],
    ["/v1/files", form({ file, purpose: "batch", more: "x" }), 400, "more"],
    ["/v1/files", form({ file, purpose: "x".repeat(9_000) }), 400, "purpose"],
    [
      "/v1/files",
      form({ file, purpose: "batch", "expires_after[anchor]": "x" }),
      400,
      "expires_after[anchor]",
    ],
    ["/v1/files", json("{}"), 400, null],
    ["/v1/files?limit=0", {}, 400, "limit"],
    ["/v1/files?order=up", {}, 400, "order"],
    ["/v1/files?after=file-x", {}, 400, "after"],
    ["/v1/files/file-x", {}, 404, "id"],
    ["/v1/files/..%2Fbatches.sqlite/content", {}, 400, null],
    ["/v1/files/batches.sqlite/content", {}, 404, "id"],
    ["/v1/files/file-x", { method: "PUT" }, 405, null],
    ["/v1/batches", json("[]"), 400, null],
    ["/v1/batches", json("{}"), 400, "input_file_id"],
    ["/v1/batches?limit=101", {}, 400, "limit"],
    ["/v1/batches/batch_x", { method: "DELETE" }, 404, "id"],
    ["/v1/batches/batch_x/cancel", {}, 405, null],
  ];
  for (const [path, init, status, param] of rows) {
    const answer = await fetch(router.url + path, init);
    const { error } = await answer.json();
    assertEquals([answer.status, error.param], [status, param], path);
  }
  assertEquals([...Deno.readDirSync(`${folder.path}/files`)], []);
});
