/** Sound and images: answers that depend on every byte of what came, and on nothing else. @module */
import { encodeUtf8 } from "../base/mod.ts";
import { badRequest } from "./api_error.ts";
import { fileField } from "./form_data.ts";
import { SSE_TYPE } from "./http_reply.ts";
import { answer, type Call, createdAt, wait } from "./inference.ts";
import { stringField } from "./sampling.ts";

/** `/v1/audio/transcriptions`, `/v1/audio/translations`: the file's SHA-256 is what was said. */
export async function transcriptions(call: Call): Promise<void> {
  const { body, core, reply, request } = call;
  const { bytes, content } = fileField(body, "file");
  const task = request.path.endsWith("translations") ? "translate" : "transcribe";
  const said = `${await hashOf(content)} ${body["prompt"] ?? ""}`.trim();
  await wait(call, core.options.ttftMs);
  core.stats.add("finished");
  const format = stringField(body, "response_format") ?? "json";
  if (body["stream"] === "true") {
    reply.startStream(200, SSE_TYPE);
    for (const content of said.match(/.{1,16}/g) ?? []) {
      const choices = [{ delta: { content } }];
      await reply.write(`data: ${JSON.stringify({ object: "transcription.chunk", choices })}\n\n`);
    }
    await reply.write("data: [DONE]\n\n");
    return await reply.end();
  }
  switch (format) {
    case "json":
      return await answer(call, JSON.stringify({ text: said }));
    case "verbose_json":
      return await answer(call, JSON.stringify({ text: said, task, duration: String(bytes) }));
    case "text":
      return await reply.send(200, "text/plain; charset=utf-8", `${said}\n`);
    default:
      throw badRequest(`response_format: not supported: ${format}`, "response_format");
  }
}

const SOUNDS: Readonly<Record<string, string>> = {
  mp3: "audio/mpeg",
  wav: "audio/wav",
  pcm: "audio/pcm",
};

/** Bytes of sound for each character of a text. */
const BYTES_PER_CHARACTER = 1_024;

/** `/v1/audio/speech`: bytes that the text decides on. */
export async function speech(call: Call): Promise<void> {
  const { body, core, reply } = call;
  const input = stringField(body, "input");
  if (input === undefined) throw badRequest("input: Field required", "input");
  const type = SOUNDS[stringField(body, "response_format") ?? "mp3"];
  if (type === undefined) throw badRequest("response_format: not supported", "response_format");
  await wait(call, core.options.ttftMs);
  core.stats.add("finished");
  await reply.send(200, type, soundOf(`${stringField(body, "voice") ?? ""}:${input}`));
}

/** What a text sounds like. */
export function soundOf(text: string): Uint8Array {
  const sound = new Uint8Array(text.length * BYTES_PER_CHARACTER);
  const seed = encodeUtf8(text);
  for (let at = 0; at < sound.length; at++) {
    sound[at] = (seed[at % seed.length] ?? 0) * 31 + (at >> 3);
  }
  return sound;
}

const MAX_IMAGES = 10;

/** `/v1/images/generations`, and `/v1/images/edits` of a file: images of a few bytes each. */
export async function images(call: Call): Promise<void> {
  const { body, core } = call;
  const prompt = stringField(body, "prompt");
  if (prompt === undefined) throw badRequest("prompt: Field required", "prompt");
  const source = body["image"] === undefined ? "" : await hashOf(fileField(body, "image").content);
  // In a form, numbers are texts.
  const count = Number(body["n"] ?? 1);
  if (!Number.isSafeInteger(count) || count < 1 || count > MAX_IMAGES) {
    throw badRequest(`n must be in [1, ${MAX_IMAGES}]`, "n");
  }
  await wait(call, core.options.ttftMs);
  core.stats.add("finished");
  const data = Array.from({ length: count }, (_, index) => ({
    b64_json: encodeUtf8(`${index} ${prompt} ${source}`).toBase64(),
  }));
  await answer(call, JSON.stringify({ created: createdAt(core), data }));
}

async function hashOf(content: Uint8Array): Promise<string> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", content.slice())).toHex();
}
