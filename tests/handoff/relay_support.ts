/** One attempt of a relay, driven from outside. @module */
import { concatBytes, decodeUtf8 } from "../../lib/base/mod.ts";
import type { AttemptEnd, RelayAsk } from "../../lib/handoff/mod.ts";
import { attemptRelay } from "../../lib/handoff/mod.ts";
import type { KvProtocol } from "../../lib/kv/mod.ts";
import type { ByteSource } from "../../lib/request/mod.ts";
import { assert } from "../support/assert.ts";
import { type FakeResponse, jsonResponse, type SentRequest } from "../support/fake_upstream.ts";
import { data, event } from "../support/scripted_pair.ts";
import {
  DECODE,
  handoffParts,
  PAIR,
  type Parts,
  type PartsChanges,
  PREFILL,
  prefillAnswer,
  textRequest,
} from "./support.ts";

/** An attempt under way. */
export interface Attempt {
  readonly parts: Parts;
  readonly end: Promise<AttemptEnd>;
  /** The leg that was sent to each engine, once. */
  readonly prefill: () => SentRequest;
  readonly decode: () => SentRequest;
}

/** What a test says of an attempt. */
export interface AttemptAsk extends PartsChanges {
  readonly request?: Readonly<Record<string, unknown>>;
}

/** Try once by `protocol`. */
export function attempt(protocol: KvProtocol, asked: AttemptAsk = {}): Attempt {
  const parts = handoffParts(asked);
  const ask: RelayAsk = {
    request: textRequest({ stream: true, ...asked.request }),
    path: "/v1/completions",
    pair: PAIR,
  };
  const end = attemptRelay(parts.deps, parts.context, ask, protocol);
  // Some tests look at it after it has rejected.
  end.catch(() => {});
  return {
    parts,
    end,
    prefill: () => parts.upstream.to(PREFILL.url),
    decode: () => parts.upstream.to(DECODE.url),
  };
}

/** What the prefill engine says of KV that a decode engine is to fetch. */
export const KV_PARAMS = { do_remote_prefill: true, remote_engine_id: "e" };

/** The prefill engine's whole answer. */
export function prefilled(more: Readonly<Record<string, unknown>> = {}): FakeResponse {
  return jsonResponse(prefillAnswer({ kv_transfer_params: KV_PARAMS, ...more }));
}

/** The decode engine's stream, with its count of cached tokens. */
export function decoded(cached: number): readonly string[] {
  return [
    event(" one"),
    event(" two", { finish_reason: "stop" }),
    data({
      choices: [],
      usage: {
        prompt_tokens: 3,
        completion_tokens: 2,
        total_tokens: 5,
        prompt_tokens_details: { cached_tokens: cached },
      },
    }),
    data("[DONE]"),
  ];
}

/** The source of an attempt's streamed answer. */
export function sourceOf(end: AttemptEnd): ByteSource {
  assert(end.kind === "answer", `an answer, received ${JSON.stringify(end)}`);
  assert(!(end.answer.body instanceof Uint8Array), "a stream");
  return end.answer.body;
}

/** An answer's body to its end, as text. */
export async function bodyOf(end: AttemptEnd): Promise<string> {
  assert(end.kind === "answer", `an answer, received ${JSON.stringify(end)}`);
  const { body } = end.answer;
  if (body instanceof Uint8Array) return decodeUtf8(body);
  const parts: Uint8Array[] = [];
  for (let bytes = await body.read(); bytes !== undefined; bytes = await body.read()) {
    parts.push(bytes.slice());
  }
  return decodeUtf8(concatBytes(parts));
}
