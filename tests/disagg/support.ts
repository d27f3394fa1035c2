/** Requests as clients write them, read the way the router reads them. @module */
import { type ByteParts, concatBytes, decodeUtf8, encodeUtf8 } from "../../lib/base/mod.ts";
import {
  type GenerationForm,
  type GenerationRequest,
  readGeneration,
} from "../../lib/disagg/mod.ts";
import { parseRequest } from "../../lib/openai/mod.ts";

/** JSON text of a request, or the members to be added to a plain one of its form. */
export type Asked = string | Readonly<Record<string, unknown>>;

const PLAIN: Readonly<Record<GenerationForm, Readonly<Record<string, unknown>>>> = {
  completions: { model: "m", prompt: "hi" },
  chat: { model: "m", messages: [{ role: "user", content: "hi" }] },
  responses: { model: "m", input: "hi" },
  messages: { model: "m", max_tokens: 5, messages: [{ role: "user", content: "hi" }] },
};

/** A request of `form`: a plain one with `asked` added, or exactly the text `asked`. */
export function generation(form: GenerationForm, asked: Asked = {}): GenerationRequest {
  const text = typeof asked === "string" ? asked : JSON.stringify({ ...PLAIN[form], ...asked });
  return readGeneration(form, parseRequest(encodeUtf8(text)));
}

/** Bytes as text. */
export function textOf(parts: ByteParts): string {
  return decodeUtf8(concatBytes(parts));
}

/** Bytes as the value they are JSON of. */
export function jsonOf(parts: ByteParts): unknown {
  return JSON.parse(textOf(parts));
}
