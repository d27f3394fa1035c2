/** Generation requests before engines in memory. @module */
import { configOf, FLEET } from "../config/support.ts";
import { startHandoff } from "../../lib/app_handoff.ts";
import { decodeUtf8, type Engine } from "../../lib/base/mod.ts";
import { generate, type GenerateAsk, type GenerateDeps } from "../../lib/flow/mod.ts";
import { type Answer, isWhole, type RequestContext } from "../../lib/request/mod.ts";
import type { Pair } from "../../lib/selection/mod.ts";
import { assertEquals } from "../support/assert.ts";
import { FakePull } from "../support/fake_pull.ts";
import {
  contextAt,
  engineOf,
  type FlowSetting,
  flowSetting,
  generationOf,
} from "../support/flow_fakes.ts";
import { data, event, usageEvent } from "../support/scripted_pair.ts";
import {
  type EngineScript,
  json,
  type Reply,
  type Sent,
  stream,
} from "../support/scripted_upstream.ts";

/** Longest wait for notifications, in milliseconds. */
export const KV_WAIT_MS = 50;
const HANDOFF = {
  kind: "lmcache",
  proxy: { host: "127.0.0.1", port: 0 },
  proxySocket: "builtin",
  kvReadyTimeoutMs: KV_WAIT_MS,
  kvTimeoutPolicy: "retry",
  keys: "own",
  finishedReqTtlMs: 120_000,
  cleanupIntervalMs: 60_000,
} as const;

/** Engines of the NixlConnector, all of mode D1. */
export const [P1, P2, D1, D2] = [
  engineOf("p1", "prefill", "nixl"),
  engineOf("p2", "prefill", "nixl"),
  engineOf("d1", "decode", "nixl"),
  engineOf("d2", "decode", "nixl"),
];
export const NIXL = [P1, P2, D1, D2];

/** An LMCache pair of mode P1. */
export const LMCACHE = [
  engineOf("p1", "prefill", "lmcache"),
  engineOf("d1", "decode", "lmcache", ["p1"]),
];

/** Engines, a fleet and the parts of handoffs. */
export interface Setting extends FlowSetting {
  readonly deps: GenerateDeps;
  readonly pull: FakePull;
}

/** Runs a test with engines that answer by `script`; fails when anything is left over. */
export async function withEngines(
  engines: readonly Engine[],
  script: EngineScript,
  run: (setting: Setting) => Promise<void>,
  changes: Partial<GenerateDeps> = {},
): Promise<void> {
  const pull = new FakePull();
  // A prefill engine of LMCache notifies as soon as it answers.
  await using flowing = flowSetting(engines, async (sent) => {
    const reply = await script(sent);
    const kvId = kvIdOf(sent);
    if (kvId !== undefined && !(reply instanceof Error) && reply.status === 200) pull.notify(kvId);
    return reply;
  });
  const { flow, fleet, upstream, clock } = flowing;
  const tokenize = { how: "engine", cacheBytes: 0 } as const;
  const { doors } = configOf({ flags: FLEET });
  await using handoff = await startHandoff(HANDOFF, flow, { tokenize, doors }, {
    bindPull: pull.bind,
  });
  const deps = {
    ...handoff.deps,
    trustClientKvParams: false,
    lmcacheTagDirect: false,
    failurePolicy: "error" as const,
    fallbackShare: 1,
    continueStreams: false,
    ...changes,
  };
  await run({ ...flowing, deps, pull });
  // What is left behind is released when no notification has come for it.
  for (let round = 0; round < 3; round++) await clock.advance(HANDOFF.finishedReqTtlMs);
  const { waiters } = handoff.board.stats();
  assertEquals([fleet.inflight, upstream.open, waiters], [0, 0, 0]);
}

function kvIdOf({ text }: Sent): string | undefined {
  return text === "" ? undefined : JSON.parse(text).kv_transfer_params?.disagg_spec?.req_id;
}

const COMPLETION = generationOf("completions", { prompt: [1, 2, 3], max_tokens: 4 });

/** A completion of ids, but for `more`. */
export function ask(more: Partial<GenerateAsk> = {}): GenerateAsk {
  return { request: COMPLETION, path: "/v1/completions?x=1", sessionKey: "s", ...more };
}

/** A request that was answered. */
export interface Told {
  readonly answer: Answer;
  readonly text: string;
  readonly context: RequestContext;
}

/** Have a request answered to its end. */
export async function answered(
  { deps, clock }: Setting,
  more: Partial<GenerateAsk> = {},
): Promise<Told> {
  const context = contextAt(clock);
  const answer = await generate(deps, context, ask(more));
  const { body } = answer;
  if (isWhole(body)) return { answer, text: decodeUtf8(body), context };
  let text = "";
  for (let bytes = await body.read(); bytes !== undefined; bytes = await body.read()) {
    text += decodeUtf8(bytes);
  }
  return { answer, text, context };
}

/** Asks for pairs as they came, without the tests of decode engines. */
export function pairAsks({ fleet }: Setting): readonly unknown[] {
  return fleet.pairAsks.map(({ takes: _takes, ...rest }) => rest);
}

/** What a prefill engine answers, by either protocol. */
export const PREFILLED = json({
  id: "cmpl-p",
  choices: [{ index: 0, text: " one", finish_reason: "length", stop_reason: null }],
  usage: { prompt_tokens: 3, completion_tokens: 1, total_tokens: 4 },
  kv_transfer_params: { first_tok: 91, remote_engine_id: "p" },
});

/** The rest of an answer in mode P1. */
export const REST = stream(
  event(" two", { finish_reason: "stop" }),
  usageEvent(4, 1),
  data("[DONE]"),
);

/** An engine that has failed. */
export const FAILED = json({ error: { message: "boom" } }, 500);

/** All well, but for what `odd` says first. */
export function usual(
  odd: (sent: Sent) => Reply | Error | undefined = () => undefined,
): EngineScript {
  return (sent) => {
    const said = odd(sent);
    if (said !== undefined) return said;
    if (sent.to.startsWith("p")) return PREFILLED;
    return JSON.parse(sent.text).stream === true ? REST : json({ by: sent.to });
  };
}

/** `reply` for the first request to the engine `id`. */
export function once(id: string, reply: Reply | Error): (sent: Sent) => Reply | Error | undefined {
  let said = false;
  return ({ to }) => {
    if (said || to !== id) return undefined;
    said = true;
    return reply;
  };
}

/** A choice of two engines. */
export function pair(
  prefill: Engine,
  decode: Engine,
): { readonly kind: "pair"; readonly pair: Pair } {
  return { kind: "pair", pair: { prefill, decode } };
}
