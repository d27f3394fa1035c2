import { assert, assertEquals } from "../support/assert.ts";
import { get, post, startEngine } from "./support.ts";

const CONTENT = Uint8Array.from({ length: 5_000 }, (_, at) => at * 31);

async function hashOf(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).toHex();
}

async function send(url: string, fields: Readonly<Record<string, string>>): Promise<Response> {
  const form = new FormData();
  form.append("file", new File([CONTENT], "f.wav"));
  form.append("image", new File([CONTENT], "i.png"));
  for (const [name, value] of Object.entries(fields)) form.append(name, value);
  return await fetch(url, { method: "POST", body: form });
}

Deno.test("/v1/audio/transcriptions hears the hash of the file, in every format", async () => {
  await using engine = await startEngine({ ttftMs: 0 });
  const hash = await hashOf(CONTENT);
  const url = `${engine.url}/v1/audio/transcriptions`;
  assertEquals(await (await send(url, {})).json(), { text: hash });
  const verbose = await send(url, { response_format: "verbose_json", prompt: "é" });
  assertEquals(await verbose.json(), { text: `${hash} é`, task: "transcribe", duration: "5000" });
  const text = await send(url, { response_format: "text" });
  assertEquals(text.headers.get("content-type"), "text/plain; charset=utf-8");
  assertEquals(await text.text(), `${hash}\n`);
  const streamed = await (await send(url, { stream: "true" })).text();
  const events = [...streamed.matchAll(/"content":"([^"]*)"/g)].map(([, said]) => said);
  assertEquals([events.join(""), streamed.endsWith("data: [DONE]\n\n")], [hash, true]);
  const odd = await send(url, { response_format: "odd" });
  assertEquals([odd.status, (await odd.json()).error.param], [400, "response_format"]);
});

Deno.test("/v1/audio/translations is another task", async () => {
  await using engine = await startEngine({ ttftMs: 0 });
  const url = `${engine.url}/v1/audio/translations`;
  const { task } = await (await send(url, { response_format: "verbose_json" })).json();
  assertEquals(task, "translate");
});

Deno.test("forms that are none are refused", async () => {
  await using engine = await startEngine();
  const path = "/v1/audio/transcriptions";
  assertEquals((await post(engine, path, {})).status, 400);
  const form = new FormData();
  form.append("file", "no file");
  const answer = await fetch(engine.url + path, { method: "POST", body: form });
  assertEquals([answer.status, (await answer.json()).error.param], [400, "file"]);
});

Deno.test("/v1/audio/speech is sound that voice and text decide on", async () => {
  await using engine = await startEngine({ ttftMs: 0 });
  const say = async (body: object): Promise<readonly [string | null, string]> => {
    const headers = { "content-type": "application/json" };
    const init = { method: "POST", headers, body: JSON.stringify(body) };
    const answer = await fetch(`${engine.url}/v1/audio/speech`, init);
    return [answer.headers.get("content-type"), await hashOf(await answer.bytes())];
  };
  const [type, sound] = await say({ input: "hi", voice: "alto" });
  assertEquals(type, "audio/mpeg");
  assertEquals(await say({ input: "hi", voice: "alto", response_format: "wav" }), [
    "audio/wav",
    sound,
  ]);
  assert((await say({ input: "hi", voice: "bass" }))[1] !== sound);
  assertEquals((await post(engine, "/v1/audio/speech", {})).status, 400);
  assertEquals((await get(engine, "/v1/audio/voices")).json, { voices: ["alto", "bass"] });
});

Deno.test("/v1/images are of the prompt, and of the image", async () => {
  await using engine = await startEngine({ ttftMs: 0 });
  const made = await post(engine, "/v1/images/generations", { prompt: "p", n: 2 });
  const read = (data: readonly { readonly b64_json: string }[]): readonly string[] =>
    data.map(({ b64_json: image }) => atob(image));
  assertEquals(read(made.json.data), ["0 p ", "1 p "]);
  const edited = await send(`${engine.url}/v1/images/edits`, { prompt: "p", n: "1" });
  assertEquals(read((await edited.json()).data), [`0 p ${await hashOf(CONTENT)}`]);
  assertEquals((await post(engine, "/v1/images/generations", { prompt: "p", n: 11 })).status, 400);
  assertEquals((await post(engine, "/v1/images/generations", {})).status, 400);
});

Deno.test("/pooling and /classify answer for each text", async () => {
  await using engine = await startEngine();
  const pooled = await post(engine, "/pooling", { input: ["ab", "c"] });
  assertEquals(pooled.json.data.length, 2);
  const classes = await post(engine, "/classify", { input: "abc" });
  assertEquals(classes.json.data[0].num_classes, 2);
  assertEquals((await post(engine, "/pooling", { input: 1 })).status, 400);
  assertEquals((await get(engine, "/tokenizer_info")).json.tokenizer_class, "SimTokenizer");
});

Deno.test("adapters are listed and served from when they are loaded until they are unloaded", async () => {
  await using engine = await startEngine({ models: ["base"] });
  const listed = async (): Promise<unknown> =>
    (await get(engine, "/v1/models")).json.data.map((
      card: { readonly id: string; readonly parent: string | null; readonly root: string },
    ) => [card.id, card.parent, card.root]);
  const load = { lora_name: "a", lora_path: "/x" };
  assertEquals((await post(engine, "/v1/load_lora_adapter", load)).status, 200);
  assertEquals(await listed(), [["base", null, "base"], ["a", "base", "/x"]]);
  assertEquals((await post(engine, "/v1/load_lora_adapter", load)).status, 400);
  assertEquals(
    (await post(engine, "/v1/load_lora_adapter", { ...load, load_inplace: true })).status,
    200,
  );
  const ask = { model: "a", prompt: "hi", max_tokens: 1 };
  assertEquals((await post(engine, "/v1/completions", ask)).status, 200);
  assertEquals((await post(engine, "/v1/unload_lora_adapter", { lora_name: "a" })).status, 200);
  assertEquals((await post(engine, "/v1/completions", ask)).status, 404);
  assertEquals((await post(engine, "/v1/unload_lora_adapter", { lora_name: "a" })).status, 404);
  const missing = { lora_name: "b", lora_path: "/missing" };
  assertEquals((await post(engine, "/v1/load_lora_adapter", missing)).status, 404);
  assertEquals((await post(engine, "/v1/load_lora_adapter", {})).status, 400);
});
