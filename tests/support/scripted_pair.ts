/** A scripted prefill and a scripted decode engine behind a router that is notified in memory. @module */
import { eventually } from "./eventually.ts";
import { FakeClock } from "./fake_clock.ts";
import { FakePull } from "./fake_pull.ts";
import { engineAt, type RouterChanges, startRouter, type TestRouter } from "./router.ts";
import { type AskedRequest, type ScriptedEngine, startScripted } from "./scripted_engine.ts";

/** Fields of a prefill answer that a test sets. */
export interface PrefillScript {
  readonly text?: string;
  readonly token?: number;
  readonly finishReason?: string;
  readonly stopReason?: unknown;
  readonly usage?: unknown;
  readonly headers?: Record<string, string>;
  /** In place of the usual answer. */
  readonly respond?: (request: AskedRequest) => Response | Promise<Response>;
  /** Notifications sent after the answer is made. */
  readonly notifications?: number;
}

/** What a test says of both engines. */
export interface PairScript {
  readonly prefill?: PrefillScript;
  readonly decode: (request: AskedRequest) => Response | Promise<Response>;
  /** Text of token ids, for `/detokenize`. */
  readonly textOf?: (ids: readonly number[]) => string;
  /** Answers requests to either engine before all else does; undefined for the usual. */
  readonly first?: (request: AskedRequest) => Response | undefined;
  /** A test with a `ports.bindPull` of its own notifies by itself, and has `notifications` be 0. */
  readonly router?: RouterChanges;
  /** Ranks of each engine, one when absent. */
  readonly ranks?: number;
}

/** The running parts. */
export interface ScriptedPair extends AsyncDisposable {
  readonly router: TestRouter;
  readonly prefill: ScriptedEngine;
  readonly decode: ScriptedEngine;
  /** Give the router one KV-ready notification. */
  notify(reqId: string): void;
  /** Bodies of the decode engine's requests that are not drains. */
  decodeLegs(): Record<string, unknown>[];
  drains(): Record<string, unknown>[];
}

/** One event of a completion stream. */
export function event(text: string, more: Record<string, unknown> = {}): string {
  const { usage, ...choice } = more;
  return data({
    id: "cmpl-d",
    object: "text_completion",
    created: 5,
    model: "m",
    choices: [{
      index: 0,
      text,
      logprobs: null,
      finish_reason: null,
      stop_reason: null,
      ...choice,
    }],
    ...(usage === undefined ? {} : { usage }),
  });
}

/** The usage event of a completion stream. */
export function usageEvent(prompt: number, completion: number): string {
  return data({
    id: "cmpl-d",
    object: "text_completion",
    created: 5,
    model: "m",
    choices: [],
    usage: {
      prompt_tokens: prompt,
      completion_tokens: completion,
      total_tokens: prompt + completion,
    },
  });
}

/** One event. */
export function data(value: unknown): string {
  return `data: ${typeof value === "string" ? value : JSON.stringify(value)}\n\n`;
}

/** A stream of `events`, written one at a time. */
export function sse(events: readonly string[]): Response {
  const pieces = events.map((text) => new TextEncoder().encode(text));
  const body = new ReadableStream<Uint8Array>({
    pull(controller) {
      const next = pieces.shift();
      if (next === undefined) controller.close();
      else controller.enqueue(next);
    },
  });
  return new Response(body, { headers: { "content-type": "text/event-stream" } });
}

/** Prompt ids the tokenizer of the scripted engines gives for everything. */
export const PROMPT_IDS = [11, 12, 13];

/** Start both engines and a router. */
export async function startPair(script: PairScript): Promise<ScriptedPair> {
  await using stack = new AsyncDisposableStack();
  const pull = new FakePull();
  const common = (request: AskedRequest): Response | undefined => {
    const { path, text } = request;
    const early = script.first?.(request);
    if (early !== undefined) return early;
    if (path === "/tokenize") {
      return Response.json({ count: PROMPT_IDS.length, max_model_len: 4096, tokens: PROMPT_IDS });
    }
    if (path !== "/detokenize" || script.textOf === undefined) return undefined;
    return Response.json({ prompt: script.textOf(JSON.parse(text).tokens) });
  };
  const prefill = stack.use(startScripted(async (request) => {
    const shared = common(request);
    if (shared !== undefined) return shared;
    const { prefill: said = {} } = script;
    const spec = JSON.parse(request.text).kv_transfer_params?.disagg_spec;
    const answer = await said.respond?.(request) ?? prefillAnswer(said);
    for (let sent = 0; sent < (said.notifications ?? 1); sent++) pull.notify(spec.req_id);
    return answer;
  }));
  const decode = stack.use(startScripted((request) => common(request) ?? script.decode(request)));
  const ports = (first: number): number[] =>
    Array.from({ length: script.ranks ?? 1 }, (_, rank) => first + rank);
  const router = stack.use(
    await startRouter([
      engineAt(prefill.url, "prefill"),
      engineAt(decode.url, "decode", {
        nixl: {
          host: "127.0.0.1",
          initPorts: ports(7300),
          allocPorts: ports(7400),
          modes: ["p1"],
        },
      }),
    ], { ...script.router, ports: { bindPull: pull.bind, ...script.router?.ports } }),
  );
  const asked = (): Record<string, unknown>[] =>
    decode.asked.filter(({ path }) => !path.endsWith("tokenize")).map(({ text }) =>
      JSON.parse(text)
    );
  const isDrain = (body: Record<string, unknown>): boolean =>
    body["max_tokens"] === 1 && body["stream"] === false;
  const parts = stack.move();
  return {
    router,
    prefill,
    decode,
    notify: (reqId) => pull.notify(reqId),
    decodeLegs: () => asked().filter((body) => !isDrain(body)),
    drains: () => asked().filter(isDrain),
    [Symbol.asyncDispose]: () => parts.disposeAsync(),
  };
}

/**
 * Run a test on a pair; fails when the router keeps anything afterwards. Where the clock is a
 * `FakeClock`, time goes by then.
 */
export async function withPair(
  script: PairScript,
  run: (pair: ScriptedPair) => Promise<void>,
): Promise<void> {
  await using pair = await startPair(script);
  await run(pair);
  const clock = script.router?.clock;
  await eventually(
    async () => {
      if (clock instanceof FakeClock) await clock.advance(100);
      return Object.values(pair.router.app.stats()).every((count) => count === 0);
    },
    () => JSON.stringify(pair.router.app.stats()),
  );
}

function prefillAnswer(said: PrefillScript): Response {
  const body = {
    id: "cmpl-p",
    object: "text_completion",
    created: 4,
    model: "m",
    choices: [{
      index: 0,
      text: said.text ?? " one",
      logprobs: null,
      finish_reason: said.finishReason ?? "length",
      stop_reason: said.stopReason ?? null,
    }],
    usage: said.usage ?? {
      prompt_tokens: 3,
      completion_tokens: 1,
      total_tokens: 4,
      prompt_tokens_details: { cached_tokens: 2 },
    },
    kv_transfer_params: { first_tok: said.token ?? 91 },
  };
  return Response.json(body, { headers: said.headers ?? {} });
}
