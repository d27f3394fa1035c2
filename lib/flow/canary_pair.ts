/** One canary: a handoff of one pair, compared with the answer of its decode engine alone. @module */
import { byteLength, concatBytes, type Mode, RouterError, silentLogger } from "../base/mod.ts";
import { directBody, isTextRequest } from "../disagg/mod.ts";
import { type KvProof, leastExpected } from "../fleet/mod.ts";
import {
  type AttemptEnd,
  attemptP1,
  attemptRelay,
  type HandoffDeps,
  KeptPrompt,
  type KvCounters,
  promptFor,
  type ReadCounters,
} from "../handoff/mod.ts";
import type { KvProtocol } from "../kv/mod.ts";
import { Metrics } from "../metrics/mod.ts";
import {
  type Answer,
  exchange,
  isWhole,
  MAX_JSON_BYTES,
  type RequestContext,
  RequestTrace,
  withFreshId,
} from "../request/mod.ts";
import type { Candidate, Pair } from "../selection/mod.ts";
import type { HeaderField } from "../upstream/mod.ts";
import { canaryLength, canaryRequest, canaryText, idsIn, textIn } from "./canary_ask.ts";

/** What came of a canary, as a metric label. */
export type CanaryResult =
  | "ok"
  /** The answer is right, and its prompt was computed twice. */
  | "recomputed"
  /** The decode engine alone answers something else. */
  | "mismatch"
  /** There was no answer. */
  | "failed"
  /**
   * The pair is gone around, or has no context long enough, or cannot say ids; or the answer ended
   * before the decode engine was needed.
   */
  | "skipped";

/** What a canary works with. */
export interface CanaryDeps extends HandoffDeps {
  readonly proof: Pick<KvProof, "judge">;
  readonly readCounters: ReadCounters;
  /** Fields of the router's own requests, e.g. its key. */
  readonly headers: readonly HeaderField[];
}

/** A pair to be tried. */
export interface CanaryPair {
  readonly model: string;
  readonly prefill: Candidate;
  readonly decode: Candidate;
}

/** What the decode engine told of the handoff. */
interface Told {
  /** Its part of the answer has come to its end. */
  decoded: boolean;
  tokens: number | undefined;
  cached: number | undefined;
}

/** Try one pair, until `signal` aborts. Rejects where there is no answer. */
export async function tryCanary(
  deps: CanaryDeps,
  { model, prefill, decode }: CanaryPair,
  signal: AbortSignal,
): Promise<CanaryResult> {
  const pair = { prefill: prefill.engine, decode: decode.engine };
  const protocol = deps.kv.of(pair.decode);
  const mode = protocol?.traits.modes(pair.decode)[0];
  const count = canaryLength(deps.fleet.snapshot().maxModelLen(model));
  if (protocol === undefined || mode === undefined || count === undefined) return "skipped";
  const context = contextOf(deps, signal);
  const ids = await askIds(deps, context, { pair, model, count });
  if (ids === undefined) return "skipped";
  const told: Told = { decoded: false, tokens: undefined, cached: undefined };
  const busy = (): boolean => decode.inflight > 0;
  const shared = busy();
  const before = await counters(deps, pair);
  const moved = await handOff(apart(deps, told), context, { pair, model, ids, mode, protocol });
  const after = await counters(deps, pair);
  const alone = shared || busy() ? undefined : { before, after };
  const { decoded, cached } = told;
  // What the decode engine was not asked for it did not look up either.
  const found = decoded ? judge(deps, pair, { count, cached, alone }) : "open";
  const right = await askAlone(deps, context, { pair, model, ids });
  if (moved !== right) return "mismatch";
  if (!decoded) return "skipped";
  return found === "short" ? "recomputed" : "ok";
}

function contextOf(deps: CanaryDeps, signal: AbortSignal): RequestContext {
  const id = `canary-${deps.random.uuid()}`;
  const headers = [["content-type", "application/json"], ...deps.headers] as const;
  return {
    id,
    sessionId: undefined,
    signal,
    headers: withFreshId(headers, id, deps.random),
    trace: new RequestTrace(deps.clock),
  };
}

/** The parts of a handoff that neither counts nor tells as one of a client's. */
function apart(deps: CanaryDeps, told: Told): HandoffDeps {
  return {
    ...deps,
    log: silentLogger(),
    metrics: new Metrics(),
    witness: {
      begin: () => ({
        sent: () => {},
        ended: (tokens, cached) => void Object.assign(told, { decoded: true, tokens, cached }),
      }),
    },
  };
}

interface Asked {
  readonly pair: Pair;
  readonly model: string;
}

async function askIds(
  deps: CanaryDeps,
  context: RequestContext,
  { pair, model, count }: Asked & { readonly count: number },
): Promise<readonly number[] | undefined> {
  using flight = deps.fleet.take(pair.decode, "tokenize");
  try {
    using response = await exchange(deps, flight, {
      path: "/tokenize",
      headers: context.headers,
      body: jsonBody({ model, prompt: canaryText(deps.random, count) }),
      headTimeoutMs: deps.timeouts.tokenizeMs,
      signal: context.signal,
    });
    const bytes = await response.readAll(MAX_JSON_BYTES);
    flight.ok();
    return response.status === 200 ? idsIn(bytes, count) : undefined;
  } catch (error) {
    flight.failed(error);
    throw error;
  }
}

async function handOff(
  deps: HandoffDeps,
  context: RequestContext,
  { pair, model, ids, mode, protocol }: Asked & {
    readonly ids: readonly number[];
    readonly mode: Mode;
    readonly protocol: KvProtocol;
  },
): Promise<string> {
  const request = canaryRequest(model, ids);
  if (mode === "d1" || !isTextRequest(request)) {
    const path = "/v1/completions";
    return await textOf(await attemptRelay(deps, context, { request, path, pair }, protocol));
  }
  const kept = new KeptPrompt();
  const prompt = await promptFor(deps, context, { request, pair, kept, exact: false });
  if (prompt.kind !== "known" && prompt.kind !== "told") return await textOf(prompt);
  return await textOf(await attemptP1(deps, context, { request, pair, prompt }, protocol));
}

async function textOf(end: AttemptEnd): Promise<string> {
  if (end.kind === "retry") throw end.error;
  if (end.kind === "direct") {
    throw new RouterError("internal", `The handoff was not made: ${end.reason}`);
  }
  const { status } = end.answer;
  const bytes = await wholeOf(end.answer);
  if (status !== 200) throw new RouterError("decode-failed", `The handoff was answered ${status}`);
  return textIn(bytes);
}

/** Largest answer to a canary, in bytes. */
const MAX_ANSWER = 1024 * 1024;

async function wholeOf({ body }: Answer): Promise<Uint8Array> {
  if (isWhole(body)) return body;
  const parts: Uint8Array[] = [];
  for (let part = await body.read(); part !== undefined; part = await body.read()) {
    parts.push(part);
    if (byteLength(parts) <= MAX_ANSWER) continue;
    body.cancel();
    throw new RouterError("decode-failed", `The answer has more than ${MAX_ANSWER} bytes`);
  }
  return concatBytes(parts);
}

/** The decode engine's own answer, of nothing that it has of the handoff. */
async function askAlone(
  deps: CanaryDeps,
  context: RequestContext,
  { pair, model, ids }: Asked & { readonly ids: readonly number[] },
): Promise<string> {
  const { decode } = pair;
  const request = canaryRequest(model, ids, deps.random.uuid());
  using flight = deps.fleet.take(decode, "direct");
  try {
    using response = await exchange(deps, flight, {
      path: "/v1/completions",
      headers: withFreshId(context.headers, context.id, deps.random),
      body: directBody(request, { trusted: false, tagged: deps.kv.holds([decode]) }),
      headTimeoutMs: deps.timeouts.wholeAnswerMs,
      signal: context.signal,
    });
    const bytes = await response.readAll(MAX_ANSWER);
    if (response.status !== 200) {
      const what = `Engine ${decode.url} alone answered ${response.status}`;
      throw new RouterError("upstream-protocol", what);
    }
    const text = textIn(bytes);
    flight.ok();
    return text;
  } catch (error) {
    flight.failed(error);
    throw error;
  }
}

/** What an engine has counted; undefined where it does not say. */
async function counters(deps: CanaryDeps, { decode }: Pair): Promise<KvCounters | undefined> {
  try {
    return await deps.readCounters(decode);
  } catch (error) {
    if (error instanceof RouterError) return undefined;
    throw error;
  }
}

interface Found {
  readonly count: number;
  readonly cached: number | undefined;
  /** Set where nothing else ran meanwhile, as far as this router knows. */
  readonly alone: Readonly<Record<"before" | "after", KvCounters | undefined>> | undefined;
}

function judge(
  { proof }: CanaryDeps,
  pair: Pair,
  { count, cached, alone }: Found,
): "came" | "short" | "open" {
  const { kv } = pair.decode;
  const { before, after } = alone ?? {};
  const moved = before && after && after.external - before.external;
  // Nobody else has the prompt: what was found of it has come.
  const found = cached ?? moved;
  if (kv === "none" || found === undefined || found < 0) return "open";
  const prompt = { expected: leastExpected(kv, count) };
  return proof.judge({ pair, prompt, found, by: "counters" });
}

function jsonBody(value: unknown): readonly Uint8Array[] {
  return [new TextEncoder().encode(JSON.stringify(value))];
}
