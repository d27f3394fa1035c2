import OpenAI, { toFile } from "openai";
import { assert, assertEquals, assertRejects } from "../support/assert.ts";
import { MODEL, startSim } from "../support/cluster.ts";
import { eventually } from "../support/eventually.ts";
import { engineAt, type RouterChanges, startRouter } from "../support/router.ts";

/** Several MB: no part of it is in one read. */
const CONTENT = Uint8Array.from({ length: 3 << 20 }, (_, at) => (at * 7919) >> 4);

async function withSdk(
  changes: RouterChanges,
  run: (ours: OpenAI, single: OpenAI, url: string) => Promise<void>,
): Promise<void> {
  await using engine = await startSim({ role: "any", ttftMs: 0 });
  await using router = await startRouter([engineAt(engine.url, "any")], changes);
  const client = (url: string): OpenAI =>
    new OpenAI({ baseURL: `${url}/v1`, apiKey: "any", maxRetries: 0 });
  await run(client(router.url), client(engine.url), router.url);
  await eventually(() => router.app.stats().inflight === 0);
}

Deno.test("OpenAI SDK: transcriptions and translations are those of the engine, byte for byte", async () => {
  await withSdk({ aliases: new Map([["whisper-1", MODEL]]) }, async (ours, single) => {
    const file = await toFile(CONTENT, 'ü "quoted".wav');
    const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", CONTENT)).toHex();
    const ask = { file, model: MODEL, prompt: "é世", response_format: "json" } as const;
    const right = await single.audio.transcriptions.create(ask);
    assertEquals(right.text, `${hash} é世`);
    assertEquals(await ours.audio.transcriptions.create(ask), right);
    assertEquals(await ours.audio.transcriptions.create({ ...ask, model: "whisper-1" }), right);
    assertEquals(await ours.audio.translations.create({ file, model: MODEL }), { text: hash });
    const text = await ours.audio.transcriptions.create({ ...ask, response_format: "text" });
    assertEquals(String(text), `${hash} é世\n`);
    let said = "";
    for await (const event of await ours.audio.transcriptions.create({ ...ask, stream: true })) {
      const { choices = [] } = event as { readonly choices?: { delta: { content: string } }[] };
      said += choices[0]?.delta.content ?? "";
    }
    assertEquals(said, right.text);
    await assertRejects(
      () => ours.audio.transcriptions.create({ ...ask, model: "nobody" }),
      OpenAI.NotFoundError,
    );
  });
});

Deno.test("OpenAI SDK: speech is the engine's sound, with its type", async () => {
  await withSdk({}, async (ours, single, url) => {
    for (const format of ["mp3", "wav"] as const) {
      // Longer than what is read whole, and shorter.
      for (const input of ["hi", "x".repeat(2_000)]) {
        const ask = { model: MODEL, voice: "alto", input, response_format: format };
        const right = await single.audio.speech.create(ask);
        const sound = await ours.audio.speech.create(ask);
        assertEquals(sound.headers.get("content-type"), right.headers.get("content-type"));
        const [got, wanted] = [await sound.arrayBuffer(), await right.arrayBuffer()];
        assertEquals(got.byteLength, input.length * 1_024 + 5 * 1_024);
        assertEquals(new Uint8Array(got), new Uint8Array(wanted));
      }
    }
    const voices = await fetch(`${url}/v1/audio/voices`);
    assertEquals(await voices.json(), { voices: ["alto", "bass"] });
  });
});

Deno.test("OpenAI SDK: images are the engine's, made and changed", async () => {
  await withSdk({}, async (ours, single) => {
    const ask = { model: MODEL, prompt: "a river", n: 2 };
    const right = await single.images.generate(ask);
    const made = await ours.images.generate(ask);
    assertEquals(made.data?.length, 2);
    assertEquals(made.data, right.data);
    const image = await toFile(CONTENT, "i.png");
    const edit = { model: MODEL, prompt: "a lake", image };
    const changed = await ours.images.edit(edit);
    assert(changed.data !== undefined);
    assertEquals(changed.data, (await single.images.edit(edit)).data);
  });
});
