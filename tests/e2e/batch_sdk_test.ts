import OpenAI from "openai";
import type { BatchOptions } from "../../lib/config/schema.ts";
import { assert, assertEquals, assertRejects } from "../support/assert.ts";
import { jsonl, over, results, sdk, tempFolder, upload } from "../support/batches.ts";
import { MODEL, startCluster, total } from "../support/cluster.ts";

/** Enough for every test here. */
function batchesIn(folder: string): BatchOptions {
  return { folder, concurrency: 8, maxFileBytes: 1024 * 1024, maxStorageBytes: 4 * 1024 * 1024 };
}

const WINDOW = { completion_window: "24h" } as const;

function chat(text: string): Record<string, unknown> {
  return { model: MODEL, messages: [{ role: "user", content: text }], max_tokens: 12 };
}

Deno.test("OpenAI SDK: a batch of chats is answered as one engine answers them, by handoffs", async () => {
  await using folder = await tempFolder();
  await using cluster = await startCluster({ router: { batches: batchesIn(folder.path) } });
  const [ours, single] = [sdk(cluster.url), sdk(cluster.single.url)];
  const texts = Array.from({ length: 20 }, (_, index) => `Tell me about river ${index}. é世`);
  const file = await upload(ours, jsonl(texts.map(chat)));
  const begun = await ours.batches.create({
    ...WINDOW,
    input_file_id: file,
    endpoint: "/v1/chat/completions",
    metadata: { night: "1" },
  });
  assertEquals([begun.object, begun.endpoint], ["batch", "/v1/chat/completions"]);
  assertEquals(begun.metadata, { night: "1" });
  const ended = await over(ours, begun.id);
  assertEquals(ended.status, "completed");
  assertEquals(ended.request_counts, { total: 20, completed: 20, failed: 0 });
  assertEquals(
    [ended.errors, ended.error_file_id],
    [null, null] as unknown as [undefined, undefined],
  );
  const lines = await results(ours, ended.output_file_id);
  assertEquals(new Set(lines.map(({ custom_id }) => custom_id)).size, 20);
  for (const [index, text] of texts.entries()) {
    const line = lines.find(({ custom_id }) => custom_id === `line-${index + 1}`);
    const right = await single.chat.completions.create(
      chat(text) as never,
    ) as OpenAI.ChatCompletion;
    assertEquals([line?.error, line?.response?.status_code], [null, 200]);
    assert(line?.id.startsWith("batch_req_") === true);
    const body = line?.response?.body as unknown as OpenAI.ChatCompletion;
    assertEquals(body.choices[0]?.message.content, right.choices[0]?.message.content);
    assertEquals(body.usage, right.usage);
  }
  assertEquals(total(cluster.prefills, "prefills"), 20);
  await cluster.quiet();
});

Deno.test("OpenAI SDK: what fails of a batch is in its error file", async () => {
  await using folder = await tempFolder();
  await using cluster = await startCluster({ router: { batches: batchesIn(folder.path) } });
  const ours = sdk(cluster.url);
  const bodies = [
    { model: MODEL, prompt: "Once", max_tokens: 3 },
    { model: "nobody", prompt: "Once", max_tokens: 3 },
    { model: MODEL, prompt: "Once", max_tokens: -3 },
  ];
  const file = await upload(ours, jsonl(bodies, { url: "/v1/completions" }));
  const asked = { ...WINDOW, input_file_id: file, endpoint: "/v1/completions" } as const;
  const ended = await over(ours, (await ours.batches.create(asked)).id);
  assertEquals(ended.request_counts, { total: 3, completed: 1, failed: 2 });
  const good = await results(ours, ended.output_file_id);
  assertEquals(good.map(({ custom_id }) => custom_id), ["line-1"]);
  const bad = await results(ours, ended.error_file_id);
  const told = bad.map(({ custom_id, response }) => `${custom_id} ${response?.status_code}`);
  assertEquals(told.sort(), ["line-2 404", "line-3 400"]);
  assert(bad.every(({ response }) => response?.body["error"] !== undefined));
});

Deno.test("OpenAI SDK: an input that is wrong is told line by line", async () => {
  await using folder = await tempFolder();
  await using cluster = await startCluster({ router: { batches: batchesIn(folder.path) } });
  const ours = sdk(cluster.url);
  const good = jsonl([chat("hi")]);
  const input = `${good}no json\n${good}${jsonl([{ ...chat("a"), stream: true }], { name: "b" })}`;
  const file = await upload(ours, input);
  const asked = { ...WINDOW, input_file_id: file, endpoint: "/v1/chat/completions" } as const;
  const ended = await over(ours, (await ours.batches.create(asked)).id);
  assertEquals([ended.status, ended.errors?.object], ["failed", "list"]);
  assertEquals(ended.errors?.data?.map(({ code, line }) => [code, line]), [
    ["invalid_json_line", 2],
    ["duplicate_custom_id", 3],
    ["stream_not_supported", 4],
  ]);
  assertEquals(ended.request_counts?.total, 0);
  await ours.files.delete(file);
});

Deno.test("OpenAI SDK: files are stored, listed, read and deleted", async () => {
  await using folder = await tempFolder();
  await using cluster = await startCluster({ router: { batches: batchesIn(folder.path) } });
  const ours = sdk(cluster.url);
  const ids: string[] = [];
  for (const text of ["one\n", "two\n", "three\n"]) ids.push(await upload(ours, text));
  const [first = "", second = "", third = ""] = ids;
  const found = await ours.files.retrieve(second);
  assertEquals([found.id, found.bytes, found.filename, found.purpose], [
    second,
    4,
    "input.jsonl",
    "batch",
  ]);
  assertEquals(await (await ours.files.content(second)).text(), "two\n");
  const listed: string[] = [];
  for await (const { id } of ours.files.list({ limit: 2 })) listed.push(id);
  assertEquals(listed, [third, second, first]);
  const up = await ours.files.list({ order: "asc", after: first, limit: 1 });
  assertEquals([up.data.map(({ id }) => id), up.has_more], [[second], true]);
  assertEquals((await ours.files.list({ purpose: "vision" })).data, []);
  assertEquals(await ours.files.delete(second), { id: second, object: "file", deleted: true });
  await assertRejects(() => ours.files.retrieve(second), OpenAI.NotFoundError, "No such File");
  await assertRejects(() => ours.files.content(second), OpenAI.NotFoundError);
  await assertRejects(() => upload(ours, "x".repeat(1024 * 1024 + 1)), OpenAI.APIError, "413");
  assertEquals(
    [...Deno.readDirSync(`${folder.path}/files`)].map(({ name }) => name).sort(),
    [
      first,
      third,
    ].sort(),
  );
});
