/**
 * The limits that engines set where a request sets none: what is left of the context, unless a
 * generation config (`--generation-config`, `--override-generation-config`) says less.
 *
 * Mode P1 needs to know them. Its decode leg goes to `/v1/completions`, which takes a limit that is
 * left out for 16 tokens, whatever the client's endpoint takes it for; and the decode engine does not
 * count the first token. An engine tells them where it refuses: a request with a least number of
 * tokens above any limit, and no limit, is answered 400 with the limit, before anything is scheduled.
 *
 * Source: vLLM `vllm/sampling_params.py` (`_verify_args`) and `entrypoints/serve/utils/api_utils.py`
 * (`get_max_tokens`).
 * @module
 */
import {
  type AbortWatch,
  type Clock,
  describeError,
  encodeUtf8,
  type Engine,
  jsonOf,
  type Logger,
  recordOf,
  RouterError,
  sha256,
  signalOf,
} from "../base/mod.ts";
import { type AnswerForm, errorMessageOf, type ModelCard } from "../openai/mod.ts";
import type { Caller, PostJson, Tokenizer } from "../tokenization/mod.ts";

/** Above any limit. */
const LEAST_TOKENS = 2 ** 31 - 1;

/** Longest wait for an engine's answer, in milliseconds: it has nothing to compute. */
const ASK_MS = 2_000;

/** An engine may be started anew with another configuration. */
const KNOWN_MS = 300_000;

/** When an engine that has not said anything of its limit is asked again. */
const AGAIN_MS = 5_000;

/** Limits remembered; beyond it all are asked for again. */
const MAX_KNOWN = 4_096;

const MESSAGES = [{ role: "user", content: "." }];

/** What an engine is asked with, by endpoint. */
const ASKED = {
  chat: { path: "/v1/chat/completions", prompt: { messages: MESSAGES } },
  completions: { path: "/v1/completions", prompt: { prompt: "." } },
} as const satisfies Record<AnswerForm, unknown>;

/** What is worked with. */
export interface OwnLimitParts {
  readonly clock: Clock;
  readonly log: Logger;
  readonly post: PostJson;
  readonly tokenizer: Pick<Tokenizer, "tokenize">;
  /** What an engine says of a model. */
  readonly cardOf: (engine: Engine, model: string) => ModelCard | undefined;
  /** Ends what is asked. */
  readonly signal: AbortWatch;
}

interface Known {
  readonly limit: Promise<number | undefined>;
  until: number;
}

/** A client's own fields that would decide how the question is answered, or name its request. */
const NOT_ASKED_WITH: ReadonlySet<string> = new Set(["x-request-id", "x-data-parallel-rank"]);

/**
 * Asks engines for their own limits, and remembers them for five minutes. What one client's key is told
 * is for that key: another may be refused.
 */
export class OwnLimits {
  readonly #parts: OwnLimitParts;
  readonly #known = new Map<string, Known>();

  constructor(parts: OwnLimitParts) {
    this.#parts = parts;
  }

  /**
   * Most tokens that `engine` generates for a request of `form` without a limit, if there is room for
   * them; undefined where it sets none of its own, or cannot be asked. Never rejects.
   */
  of(
    engine: Engine,
    model: string,
    form: AnswerForm,
    headers: Caller["headers"],
  ): Promise<number | undefined> {
    if (!isVllms(this.#parts.cardOf(engine, model))) return Promise.resolve(undefined);
    const asked = headers.filter(([name]) => !NOT_ASKED_WITH.has(name.toLowerCase()));
    const key = JSON.stringify([engine.id, engine.url, model, form, keyOf(asked)]);
    const now = this.#parts.clock.now();
    const known = this.#known.get(key);
    if (known !== undefined && now < known.until) return known.limit;
    if (this.#known.size >= MAX_KNOWN) this.#known.clear();
    const limit = this.#ask(engine, model, form, asked).then((told) => {
      if (told === undefined) asking.until = this.#parts.clock.now() + AGAIN_MS;
      return told?.limit;
    });
    const asking: Known = { limit, until: now + KNOWN_MS };
    this.#known.set(key, asking);
    return limit;
  }

  /** What the engine says; undefined where it says nothing of it. */
  async #ask(
    engine: Engine,
    model: string,
    form: AnswerForm,
    headers: Caller["headers"],
  ): Promise<Told | undefined> {
    const late = new AbortController();
    using _timer = this.#parts.clock.after(ASK_MS, () => late.abort());
    const signal = AbortSignal.any([late.signal, signalOf(this.#parts.signal)]);
    try {
      const told = await this.#told(engine, model, form, { headers, signal });
      const limit = told?.limit;
      const log = { url: engine.url, model, form, limit };
      if (limit !== undefined) this.#parts.log.info("An engine limits answers by itself", log);
      return told;
    } catch (error) {
      this.#parts.log.debug("An engine does not tell its own limit", () => ({
        url: engine.url,
        error: describeError(error),
      }));
      return undefined;
    }
  }

  async #told(
    engine: Engine,
    model: string,
    form: AnswerForm,
    caller: Caller,
  ): Promise<Told | undefined> {
    const { post, tokenizer } = this.#parts;
    const { path, prompt } = ASKED[form];
    const body = JSON.stringify({ model, ...prompt, min_tokens: LEAST_TOKENS, stream: false });
    const told = await post(engine, {
      path,
      body: [encodeUtf8(body)],
      // Whatever else it answers is about the client, or the moment.
      read: ({ status, body }) =>
        status === 400 ? { limit: limitIn(errorMessageOf(errorIn(body))) } : undefined,
      failure: (cause) => cause,
    }, caller);
    const limit = told?.limit;
    if (limit === undefined || form === "completions") return told;
    // Of a chat it may be no more than what is left of the context.
    const asked = [encodeUtf8(JSON.stringify({ model, messages: MESSAGES }))];
    const end = await tokenizer.tokenize(engine, asked, caller);
    const { count, maxModelLen } = end.kind === "tokens" ? end.prompt : NOTHING_KNOWN;
    if (maxModelLen === undefined) {
      throw new RouterError("tokenize-failed", "The engine does not tell its context length");
    }
    return { limit: limit < maxModelLen - count ? limit : undefined };
  }
}

/** An engine's answer: its limit, or that it has none. */
interface Told {
  readonly limit: number | undefined;
}

/** The fields by which a client is known to an engine, as a digest: keys are nobody's to hold. */
function keyOf(headers: Caller["headers"]): string {
  const keys = headers.filter(([name]) => KEY_FIELDS.has(name.toLowerCase()));
  return keys.length === 0 ? "" : sha256(JSON.stringify(keys));
}

const KEY_FIELDS: ReadonlySet<string> = new Set(["authorization", "x-api-key", "api-key"]);

const NOTHING_KNOWN = { count: 0, maxModelLen: undefined } as const;

/** Other servers might answer the question with an answer of that length. */
function isVllms(card: ModelCard | undefined): boolean {
  return card?.["owned_by"] === "vllm" && Array.isArray(card["permission"]);
}

function errorIn(body: Uint8Array): unknown {
  return recordOf(jsonOf(body))?.["error"] ?? jsonOf(body);
}

function limitIn(message: string | undefined): number | undefined {
  const [, digits] = /\bmax_tokens=(\d{1,15})\b/.exec(message ?? "") ?? [];
  return digits === undefined ? undefined : Number(digits);
}
