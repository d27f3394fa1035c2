/**
 * Mode D1 of the LMCache handoff: both engines get the client's own request, and the whole answer,
 * its first token included, comes from the decode engine.
 * @module
 */
import { describeError, type Engine, type NixlReceiver } from "../base/mod.ts";
import {
  drainBodyD1,
  type GenerationRequest,
  kvTransferParams,
  originalBody,
  prefillBodyD1,
} from "../disagg/mod.ts";
import type { Pair } from "../selection/mod.ts";
import { forwardResponseHeaders, type UpstreamResponse } from "../upstream/mod.ts";
import type { AttemptEnd } from "./attempt.ts";
import type { HandoffDeps, RequestContext } from "./context.ts";
import { Custody, openWhenReady } from "./custody.ts";
import { decodeError } from "./decode.ts";
import { passThrough } from "./direct.ts";
import { clientGone, countEngineError, exchange, logRouting, orAborted } from "./exchange.ts";
import { kvTimeout, refusedAnswer } from "./handoff_parts.ts";
import { prefillLeg } from "./prefill.ts";

/** One attempt's fixed parts. */
export interface D1Ask {
  readonly request: GenerationRequest;
  readonly path: string;
  readonly pair: Pair;
  readonly receiver: NixlReceiver;
}

/** A decode answer of which the first bytes are at hand; undefined for an empty body. */
type D1OpenEnd =
  | {
    readonly kind: "open";
    readonly response: UpstreamResponse;
    readonly first: Uint8Array | undefined;
    readonly abort: AbortController;
    readonly close: () => void;
  }
  | { readonly kind: "failed"; readonly error: ReturnType<typeof decodeError> };

/** Try once with one pair. Throws `client-gone`. */
export async function attemptD1(
  deps: HandoffDeps,
  context: RequestContext,
  ask: D1Ask,
): Promise<AttemptEnd> {
  const { request, path, pair, receiver } = ask;
  const { prefill, decode } = pair;
  const kvId = deps.random.uuid();
  const ranks = prefill.notifications ?? receiver.initPorts.length;
  // Before the prefill is sent: a notification can overtake its answer.
  const waiter = deps.board.expect(kvId, { ranks });
  const leg = prefillLeg(deps, context, {
    engine: prefill,
    path,
    body: prefillBodyD1(request, kvTransferParams(kvId, receiver, "decode")),
    mode: "decode",
  });
  using custody = new Custody(deps.drainer, {
    waiter,
    decode,
    prefill: leg,
    path,
    headers: context.headers,
    body: () => drainBodyD1(request),
  });
  const end = await orAborted(leg, context.signal);
  if (end === "aborted") throw clientGone();
  if (end.kind === "refused") {
    custody.release();
    return { kind: "answer", answer: refusedAnswer(end) };
  }
  if (end.kind === "failed") {
    return { kind: "retry", reason: "prefill_failed", error: end.error, avoid: [prefill.id] };
  }
  return await decodeAll(deps, context, ask, custody.move());
}

async function decodeAll(
  deps: HandoffDeps,
  context: RequestContext,
  ask: D1Ask,
  custody: Custody,
): Promise<AttemptEnd> {
  const { pair } = ask;
  const { decode } = pair;
  using lease = deps.inflight.take(decode, "decode");
  const opened = await openWhenReady(
    deps,
    context,
    custody,
    (abort) => open(deps, context, ask, abort),
    context.signal,
  );
  switch (opened.kind) {
    case "gone":
      throw clientGone();
    case "timed-out":
      return {
        kind: "retry",
        reason: "kv_timeout",
        error: kvTimeout(deps, pair),
        avoid: [pair.prefill.id, decode.id],
      };
    case "failed":
      return { kind: "retry", reason: "decode_failed", error: opened.error, avoid: [decode.id] };
    case "open": {
      const { response, first, abort } = opened;
      const rest = passThrough(deps, decode, "decode", response, lease.move());
      const leave = (): void => {
        abort.abort();
        rest.cancel();
      };
      context.signal.addEventListener("abort", leave, { once: true });
      let head = first;
      return {
        kind: "answer",
        answer: {
          status: response.status,
          headers: forwardResponseHeaders(response.headers),
          body: {
            read() {
              const bytes = head;
              head = undefined;
              return bytes === undefined ? rest.read() : Promise.resolve(bytes);
            },
            cancel: leave,
          },
        },
      };
    }
    default:
      return opened satisfies never;
  }
}

async function open(
  deps: HandoffDeps,
  context: RequestContext,
  ask: D1Ask,
  abort: AbortController,
): Promise<D1OpenEnd> {
  const { request, pair } = ask;
  const engine: Engine = pair.decode;
  let response: UpstreamResponse | undefined;
  try {
    logRouting(deps, context, engine);
    context.trace.add("decode-sent", engine.url);
    response = await exchange(deps, engine, {
      path: ask.path,
      headers: context.headers,
      body: originalBody(request),
      headTimeoutMs: request.stream ? deps.timeouts.firstByteMs : deps.timeouts.wholeAnswerMs,
      signal: abort.signal,
    });
    if (response.status >= 500) throw decodeError(engine, `answered ${response.status}`);
    const first = (await response.read())?.slice();
    context.trace.add("decode-first", engine.url);
    const opened = response;
    return { kind: "open", response, first, abort, close: () => opened[Symbol.dispose]() };
  } catch (cause) {
    response?.[Symbol.dispose]();
    const error = decodeError(engine, `failed: ${describeError(cause)}`, cause);
    countEngineError(deps, engine, "decode", error);
    return { kind: "failed", error };
  }
}
