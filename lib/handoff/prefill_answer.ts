/** What the answer of a prefill leg says. @module */
import {
  type Breather,
  copying,
  decodeUtf8,
  giveBackBuffer,
  inSlices,
  type Mode,
  recordOf,
  type Sliced,
} from "../base/mod.ts";
import {
  asideOf,
  asUsage,
  JsonObject,
  logprobsIn,
  setAside,
  SMALL_JSON_BYTES,
  splitPromptIds,
  type TokenLogprobs,
  type Usage,
} from "../openai/mod.ts";
import { MAX_JSON_BYTES, readWhole } from "../request/mod.ts";
import type { HeaderField, UpstreamResponse } from "../upstream/mod.ts";

/** What a finished prefill told. */
export interface PrefillResult {
  /** Id of the first token; undefined in mode D1, where nobody needs it. */
  readonly firstToken: number | undefined;
  /**
   * Text of the first token; undefined when a parser of the chat endpoint has taken it out of the
   * content, as reasoning or as the beginning of a tool call.
   */
  readonly text: string | undefined;
  /** What the answer gives for the prompt's ids, from `[` to `]`, unchecked; if it does. */
  readonly promptIds: Uint8Array | undefined;
  /** Of the first token, when asked for. */
  readonly logprobs: TokenLogprobs | undefined;
  /**
   * `stop` when the first token ended the answer. Anything else lets it go on: mostly `length`, as
   * the leg asks for one token, but engines have reasons of their own.
   */
  readonly finishReason: string;
  readonly stopReason: unknown;
  readonly usage: Usage | undefined;
  /** The whole answer but for the prompt's ids, for its unknown fields. */
  readonly body: Readonly<Record<string, unknown>>;
  /** `kv_transfer_params` as they stand in the answer; undefined when absent or `null`. */
  readonly kvParams: Uint8Array | undefined;
  readonly headers: readonly HeaderField[];
}

/** A finished prefill whose first token the client gets. */
export type FirstTokenResult = PrefillResult & { readonly firstToken: number };

/** Whether `result` tells the first token: in mode P1 it does. */
export function tellsFirstToken(result: PrefillResult): result is FirstTokenResult {
  return result.firstToken !== undefined;
}

/** An answer of a prefill engine, parted from what is large in it. */
export interface PrefillAnswer {
  readonly body: Readonly<Record<string, unknown>>;
  /** `body` as it stands. */
  readonly json: Uint8Array;
  readonly promptIds: Uint8Array | undefined;
  readonly kvParams: Uint8Array | undefined;
}

/**
 * Read an answer to its end and part it. One that was not asked to tell ids of its prompt, as `tells` says,
 * is not searched for them, if it is small. Throws `SyntaxError` where it is no JSON object, and rejects
 * as reading the response does, and with `upstream-protocol` beyond 256 MiB.
 */
export async function readPrefillAnswer(
  breather: Breather | undefined,
  response: UpstreamResponse,
  tells = true,
): Promise<PrefillAnswer> {
  const bytes = await readWhole(response, MAX_JSON_BYTES);
  if (bytes.length > SMALL_JSON_BYTES) return await inSlices(parting(bytes), breather);
  const { promptIds, rest } = tells
    ? splitPromptIds(bytes)
    : { promptIds: undefined, rest: new JsonObject(bytes) };
  return {
    body: JSON.parse(decodeUtf8(rest.bytes)),
    json: rest.bytes,
    promptIds,
    kvParams: rest.raw("kv_transfer_params"),
  };
}

/** Ids that are this share of an answer keep all of it. */
const LARGE_SHARE = 0.75;

function* parting(bytes: Uint8Array<ArrayBuffer>): Sliced<PrefillAnswer> {
  const { rest, aside } = yield* setAside(bytes);
  const valueOf = (key: string): Uint8Array | undefined =>
    aside.findLast((one) => one.key === key)?.value;
  const promptIds = valueOf("prompt_token_ids");
  const params = valueOf("kv_transfer_params");
  // Nearly all of an answer may as well be kept where it is, unless it cannot be sent from there.
  const stays = promptIds !== undefined && !bytes.buffer.resizable &&
    promptIds.length >= bytes.length * LARGE_SHARE;
  const parted = {
    promptIds: stays || promptIds === undefined ? promptIds : yield* copying(promptIds),
    kvParams: params === undefined
      ? new JsonObject(rest).raw("kv_transfer_params")
      : yield* copying(params),
  };
  // What else is large concerns nobody.
  const withoutAside = (_key: string, value: unknown): unknown =>
    asideOf(value, aside) === undefined ? value : null;
  const body = JSON.parse(decodeUtf8(rest), withoutAside);
  if (!stays && rest.buffer !== bytes.buffer) giveBackBuffer(bytes);
  return { body, json: rest, ...parted };
}

/** What a leg is asked for. */
export interface PrefillWish {
  readonly mode: Mode;
  /** Whether the body asks for log-probabilities. */
  readonly logprobs?: boolean;
}

/** Reasons for which an answer ended that say that it has failed. */
const FAILED = new Set(["abort", "error"]);

/** What `answer` tells, or in words why that is not what was asked for. */
export function resultIn(
  wish: PrefillWish,
  answer: PrefillAnswer,
  headers: readonly HeaderField[],
): PrefillResult | string {
  const { body, json, promptIds, kvParams } = answer;
  const choices = body["choices"];
  const fields = recordOf(Array.isArray(choices) ? choices[0] : undefined) ?? {};
  const { finish_reason: finish, stop_reason: stop } = fields;
  // Other endpoints than the two with choices tell their end in other ways; it concerns nobody.
  if (wish.mode === "p1" && typeof finish !== "string") {
    return "answered 200 without a finished choice";
  }
  if (typeof finish === "string" && FAILED.has(finish)) {
    return `ended with finish_reason '${finish}'`;
  }
  const firstToken = firstTokenOf(body["kv_transfer_params"], fields["token_ids"]);
  if (wish.mode === "p1" && firstToken === undefined) {
    return "answered without kv_transfer_params.first_tok: does it run LMCache as a PD sender?";
  }
  const logprobs = wish.logprobs === true ? logprobsIn(json) : undefined;
  if (wish.logprobs === true && logprobs === undefined) {
    return "answered without the log-probabilities it was asked for";
  }
  return {
    firstToken,
    logprobs,
    text: textOf(fields),
    promptIds,
    finishReason: reasonOf(finish),
    stopReason: stop ?? null,
    usage: asUsage(body["usage"]),
    body,
    kvParams,
    headers,
  };
}

/** Reasons that a client knows; others are an engine's for having generated one token. */
const KNOWN = ["length", "stop", "tool_calls"];

function reasonOf(finish: unknown): string {
  return typeof finish === "string" && KNOWN.includes(finish) ? finish : "length";
}

/**
 * LMCache says it (`lmcache/integration/vllm/vllm_v1_adapter.py`, `request_finished`), and so does
 * vLLM where `return_token_ids` is asked for.
 */
function firstTokenOf(params: unknown, ids: unknown): number | undefined {
  const said = recordOf(params)?.["first_tok"];
  const token: unknown = said ?? (Array.isArray(ids) ? ids[0] : undefined);
  return typeof token === "number" && Number.isSafeInteger(token) && token >= 0 ? token : undefined;
}

/** What parsers of the chat endpoint make of a text; the older name of reasoning too. */
const PARSED = ["reasoning", "reasoning_content", "tool_calls"] as const;

/** The text of a completion's choice, or of a chat's. */
function textOf(
  { text, message }: Readonly<Record<string, unknown>>,
): PrefillResult["text"] {
  if (typeof text === "string") return text;
  const said = recordOf(message);
  if (said === undefined) return "";
  const { content } = said;
  if (typeof content !== "string") return undefined;
  const taken = content === "" && PARSED.some((key) => {
    const value = said[key];
    return Array.isArray(value) ? value.length > 0 : Boolean(value);
  });
  return taken ? undefined : content;
}
