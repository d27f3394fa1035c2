/** The smallest request that shows that an engine serves, by the type of its model. Pure. @module */
import { encodeUtf8, type Engine } from "../base/mod.ts";
import type { ModelType } from "../config/mod.ts";
import { silentClip } from "./silent_clip.ts";
import { KEY_TAG } from "./spec.ts";

/** A request to be posted. */
export interface CheckRequest {
  readonly path: string;
  readonly contentType: string;
  readonly body: Uint8Array;
}

type Fields = Readonly<Record<string, unknown>>;

/** 32 x 32 white pixels: smaller ones are refused by some models. */
const IMAGE =
  "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAACAAAAAgCAIAAAD8GO2jAAAAJklEQVR42u3NMQ0AAAwDoPo33arYsQQMkB6LQCAQCAQCgUAg+BIMi1X0ptsIcT0AAAAASUVORK5CYII=";

const GENERATED = { max_tokens: 1, temperature: 0 };
const HELLO = [{ role: "user", content: "Hello" }];
const SEEN = [{
  role: "user",
  content: [
    { type: "text", text: "Hello" },
    { type: "image_url", image_url: { url: IMAGE } },
  ],
}];

/** What is asked beside the model; of those that generate, one token. */
const ASKS: Readonly<
  Record<Exclude<ModelType, "transcription">, { readonly path: string; readonly fields: Fields }>
> = {
  chat: { path: "/v1/chat/completions", fields: { messages: HELLO, ...GENERATED } },
  completion: { path: "/v1/completions", fields: { prompt: "Hello", ...GENERATED } },
  embeddings: { path: "/v1/embeddings", fields: { input: "Hello" } },
  rerank: { path: "/v1/rerank", fields: { query: "Hello", documents: ["Hello"] } },
  score: { path: "/v1/score", fields: { text_1: "Hello", text_2: "Hello" } },
  vision: { path: "/v1/chat/completions", fields: { messages: SEEN, ...GENERATED } },
  messages: { path: "/v1/messages", fields: { messages: HELLO, ...GENERATED } },
};

/** Types whose requests engines of a handoff can serve. */
const GENERATING: ReadonlySet<ModelType> = new Set(["chat", "completion", "vision", "messages"]);

/**
 * The request that `engine` is tried with for `model`, which is of `type`. It leaves no KV behind, and
 * takes none that waits for a decode.
 */
export function checkRequest(engine: Engine, model: string, type: ModelType): CheckRequest {
  // Another request could end a sender of LMCache's.
  const asked = engine.role === "any" || GENERATING.has(type) ? type : "completion";
  if (asked === "transcription") return silentClip(model);
  const { path, fields } = ASKS[asked];
  const body = { model, ...fields, ...kvFields(engine) };
  return { path, contentType: "application/json", body: encodeUtf8(JSON.stringify(body)) };
}

/**
 * Without `disagg_spec`, a sender of LMCache's has nowhere to write to, and can end at that. It stores
 * nothing where the request says so; `lmcache.` keys with a tag keep a receiver from KV that waits.
 *
 * Source: LMCache `lmcache/integration/vllm/vllm_v1_adapter.py` (`ReqMeta.from_request_tracker`).
 */
function kvFields({ kv, role }: Engine): Fields {
  if (kv !== "lmcache" || role === "any") return {};
  return {
    kv_transfer_params: { "lmcache.skip_save": true, [KEY_TAG]: "check" },
  };
}
