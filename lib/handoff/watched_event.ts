/** What one event of an endpoint that a client asked tells of its stream. @module */
import {
  type Breather,
  type ByteParts,
  encodeUtf8,
  inSlices,
  jsonOf,
  recordOf,
} from "../base/mod.ts";
import {
  asideOf,
  logprobsIn,
  putBack,
  setAside,
  SMALL_JSON_BYTES,
  type TokenLogprobs,
  withoutTokenIds,
} from "../openai/mod.ts";
import { countingIds } from "../tokenization/mod.ts";

/** One event, looked into. */
export interface WatchedEvent {
  /** Its members but for choices. */
  readonly envelope: Readonly<Record<string, unknown>>;
  /** JSON text of the prompt's ids, where it tells them. */
  readonly promptIds: Uint8Array | undefined;
  readonly tokenIds: readonly number[];
  readonly text: string;
  readonly finishReason: string | undefined;
  readonly logprobs: TokenLogprobs | undefined;
  /** It tells the usage alone. */
  readonly usageOnly: boolean;
  /** It says something that text and ids alone do not tell: a tool call, reasoning, other choices. */
  readonly more: boolean;
  /** Its data as it goes out. */
  readonly out: ByteParts;
}

/** What to look for. */
export interface WatchFor {
  /** The client has asked for ids: they stay. */
  readonly tokenIds: boolean;
  /** Whether log-probabilities tell where tokens stand. */
  readonly logprobs: boolean;
  readonly breather: Breather | undefined;
}

/** Look into `data`; undefined where it is no event of a stream of choices. */
export function watchedEvent(
  data: Uint8Array,
  wish: WatchFor,
): WatchedEvent | undefined | Promise<WatchedEvent | undefined> {
  if (data.length > SMALL_JSON_BYTES) return largeEvent(data, wish);
  const value = recordOf(jsonOf(data));
  if (value === undefined || Array.isArray(value)) return undefined;
  const out = wish.tokenIds ? [data] : withoutTokenIds(data);
  const ids = value["prompt_token_ids"] ?? choiceOf(value)["prompt_token_ids"];
  return eventOf(value, {
    out,
    promptIds: isIds(ids) ? encodeUtf8(JSON.stringify(ids)) : undefined,
    logprobs: wish.logprobs ? logprobsIn(data) : undefined,
  });
}

/** The first event of a stream tells the ids of its prompt, which may be many. */
async function largeEvent(data: Uint8Array, wish: WatchFor): Promise<WatchedEvent | undefined> {
  const { rest, aside } = await inSlices(setAside(data), wish.breather);
  const value = recordOf(jsonOf(rest));
  if (value === undefined) return undefined;
  const told = aside.find(({ key }) => key === "prompt_token_ids");
  const count = told && await inSlices(countingIds(told.value), wish.breather);
  const event = eventOf(value, {
    out: wish.tokenIds ? [data] : putBack(
      withoutTokenIds(rest),
      aside.map((one) => one === told ? { ...one, value: encodeUtf8("null") } : one),
    ),
    promptIds: count === undefined ? undefined : told?.value.slice(),
    logprobs: undefined,
  });
  const known = aside.every((one) => one === told);
  const stands = asideOf(choiceOf(value)["text"], aside) !== undefined;
  return { ...event, more: event.more || !known || stands };
}

function eventOf(
  value: Readonly<Record<string, unknown>>,
  parts: Pick<WatchedEvent, "out" | "promptIds" | "logprobs">,
): WatchedEvent {
  const { choices, ...envelope } = value;
  const choice = choiceOf(value);
  const count = Array.isArray(choices) ? choices.length : 0;
  const { text, delta, finish_reason: finish, token_ids: ids, index = 0 } = choice;
  const { content, role: _role, ...said } = recordOf(delta) ?? {};
  const own = typeof text === "string" ? text : content;
  return {
    ...parts,
    envelope,
    tokenIds: isIds(ids) ? ids : [],
    text: typeof own === "string" ? own : "",
    finishReason: typeof finish === "string" ? finish : undefined,
    usageOnly: count === 0 && recordOf(envelope["usage"]) !== undefined,
    more: count > 1 || index !== 0 || Object.values(said).some(isSaid),
  };
}

function choiceOf({ choices }: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return (Array.isArray(choices) ? recordOf(choices[0]) : undefined) ?? {};
}

function isSaid(value: unknown): boolean {
  if (Array.isArray(value)) return value.length > 0;
  return value !== null && value !== undefined && value !== "";
}

function isIds(value: unknown): value is readonly number[] {
  return Array.isArray(value) && value.every((id) => Number.isSafeInteger(id) && id >= 0);
}
