/** Two engines, and what a handoff between them works with, all of it in memory. @module */
import {
  createLogger,
  encodeUtf8,
  type Engine,
  type LogFields,
  seededRandom,
} from "../../lib/base/mod.ts";
import type { TextRequest } from "../../lib/disagg/mod.ts";
import type { HandoffDeps } from "../../lib/handoff/mod.ts";
import { type AbandonedTransfer, KV_TABLE, KvRequestIds } from "../../lib/kv/mod.ts";
import { Metrics } from "../../lib/metrics/mod.ts";
import { Background, type RequestContext, RequestTrace } from "../../lib/request/mod.ts";
import type { Pair } from "../../lib/selection/mod.ts";
import { promptSource, type Tokenizer } from "../../lib/tokenization/mod.ts";
import { KvReadyBoard } from "../../lib/zmq/mod.ts";
import { generation } from "../disagg/support.ts";
import { assertEquals } from "../support/assert.ts";
import { type CountedSignal, countedSignal, countListeners } from "../support/counted_signal.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { FakeFleet } from "../support/fake_fleet.ts";
import { FakeUpstream } from "../support/fake_upstream.ts";

/** The engine that prefills. */
export const PREFILL: Engine = {
  id: "p",
  url: "http://p:8000",
  role: "prefill",
  models: ["m"],
  kv: "lmcache",
};

/** The engine that decodes. */
export const DECODE: Engine = {
  id: "d",
  url: "http://d:8000",
  role: "decode",
  models: ["m"],
  kv: "lmcache",
  nixl: { host: "d", initPorts: [7300], allocPorts: [7400], modes: ["p1", "d1"] },
};

/** Both. */
export const PAIR: Pair = { prefill: PREFILL, decode: DECODE };

/** What the made-up tokenizer makes of every prompt. */
export const IDS = "[11,12,13]";

/** The id of the only transfer that is arranged. */
export const KV_ID = "6b95e33c-dd46-4cec-89fa-44d1d40ed6a0";

/** What a test may change. */
export interface PartsChanges {
  readonly policy?: HandoffDeps["kvTimeoutPolicy"];
  readonly maxModelLen?: number;
  readonly tokenizer?: Tokenizer;
  readonly how?: "engine" | "prefill" | "auto";
}

/** The parts of one request's handoff. */
export interface Parts {
  readonly deps: HandoffDeps;
  readonly context: RequestContext;
  readonly clock: FakeClock;
  readonly upstream: FakeUpstream;
  readonly fleet: FakeFleet;
  readonly board: KvReadyBoard;
  /** The client: its signal is the context's. */
  readonly client: CountedSignal;
  /** Transfers that were left to the reclaimer. */
  readonly adopted: AbandonedTransfer[];
  /** Lines of the log, from `debug` on. */
  readonly lines: LogFields[];
  /** The steps of the trace, as text. */
  readonly steps: () => readonly string[];
  /** Have the router stop. */
  readonly stop: () => Promise<void>;
  /** Fail unless all is given back: flights, waiters, timers, listeners, work in the background. */
  readonly assertQuiet: () => void;
}

/** A tokenizer that gives every prompt the same ids, and every list of ids its numbers as text. */
export const TOKENIZER: Tokenizer = {
  tokenize: () =>
    Promise.resolve({
      kind: "tokens",
      prompt: { ids: encodeUtf8(IDS), count: 3, maxModelLen: undefined },
    }),
  detokenize: (_engine, _model, ids) => Promise.resolve(ids.map((id) => `<${id}>`).join("")),
};

/** How long KV is waited for, in milliseconds. */
export const KV_WAIT_MS = 5_000;

/** The bounds of each exchange, in milliseconds. */
export const TIMEOUTS = {
  connectMs: 1_000,
  prefillMs: 90_000,
  firstByteMs: 30_000,
  wholeAnswerMs: 600_000,
  streamIdleMs: 60_000,
} as const;

/** The parts, with nothing under way. */
export function handoffParts(changes: PartsChanges = {}): Parts {
  const clock = new FakeClock();
  const lines: LogFields[] = [];
  const log = createLogger(clock, (line) => lines.push(JSON.parse(line)), {
    level: "debug",
    format: "json",
  });
  const upstream = new FakeUpstream();
  const fleet = new FakeFleet(clock, [PREFILL, DECODE], changes.maxModelLen ?? 4096);
  const client = countedSignal();
  const background = new Background(log);
  const stopping = countListeners(background.signal);
  const board = new KvReadyBoard({
    clock,
    finishedTtlMs: 600_000,
    sweepIntervalMs: 600_000,
    maxEntries: 100,
  });
  const adopted: AbandonedTransfer[] = [];
  const { how = "engine", tokenizer = TOKENIZER } = changes;
  const post = (): Promise<never> => Promise.reject(new Error("nothing is posted"));
  const random = { ...seededRandom(3), uuid: () => KV_ID };
  const timers = clock.pending;
  const trace = new RequestTrace(clock);
  return {
    deps: {
      clock,
      random,
      log,
      metrics: new Metrics(),
      fleet,
      upstream,
      background,
      timeouts: TIMEOUTS,
      breather: { tired: () => false, pause: () => Promise.resolve() },
      kv: KV_TABLE,
      tokenizer,
      prompts: promptSource({ how, tokenizer, post, log, onResult: () => {} }),
      limits: { of: () => Promise.resolve(undefined) },
      board,
      ids: new KvRequestIds(random),
      reclaimer: {
        adopt: (held) => {
          adopted.push(held);
          held.transfer.landed[Symbol.dispose]();
        },
      },
      kvReadyTimeoutMs: KV_WAIT_MS,
      kvTimeoutPolicy: changes.policy ?? "retry",
    },
    context: {
      id: "r",
      sessionId: undefined,
      signal: client.signal,
      headers: [["x-request-id", "r"]],
      trace,
    },
    clock,
    upstream,
    fleet,
    board,
    client,
    adopted,
    lines,
    steps: () =>
      trace.events.map(({ step, engine, note }) =>
        [step, engine, note].filter((part) => part !== undefined).join(" ")
      ),
    stop: () => background[Symbol.asyncDispose](),
    assertQuiet: () =>
      assertEquals({
        flights: fleet.inflight,
        waiters: board.stats().waiters,
        timers: clock.pending - timers,
        listeners: client.count() + stopping(),
        background: background.size,
      }, { flights: 0, waiters: 0, timers: 0, listeners: 0, background: 0 }),
  };
}

/** A request to `/v1/completions`, or to the chat endpoint. */
export function textRequest(
  asked: Readonly<Record<string, unknown>> = {},
  form: TextRequest["form"] = "completions",
): TextRequest {
  return { ...generation(form, { max_tokens: 5, ...asked }), form };
}

/** What a prefill engine answers in full, with `more` members. */
export function prefillAnswer(
  more: Readonly<Record<string, unknown>> = {},
  choice: Readonly<Record<string, unknown>> = {},
): Record<string, unknown> {
  return {
    id: "cmpl-p",
    object: "text_completion",
    created: 4,
    model: "m",
    choices: [{
      index: 0,
      text: " one",
      logprobs: null,
      finish_reason: "length",
      stop_reason: null,
      ...choice,
    }],
    usage: {
      prompt_tokens: 3,
      completion_tokens: 1,
      total_tokens: 4,
      prompt_tokens_details: { cached_tokens: 2 },
    },
    ...more,
  };
}
