/** The wait for KV, and the opening of the decode leg behind it. @module */
import { type AbortWatch, RouterError, type WaitEnd } from "../base/mod.ts";
import type { Custody, Landing } from "../kv/mod.ts";
import { orAborted, type RequestContext } from "../request/mod.ts";
import type { HandoffDeps } from "./deps.ts";

/** What the wait works with. */
type ReadyDeps = Pick<
  HandoffDeps,
  "background" | "clock" | "kvReadyTimeoutMs" | "kvTimeoutPolicy" | "metrics"
>;

/** How the wait for KV and the opening of the decode leg ended. */
export type ReadyEnd<Opened> =
  | Opened
  | { readonly kind: "timed-out" }
  | { readonly kind: "gone" }
  /** With `shutting-down`, when the router stops during the wait. */
  | { readonly kind: "failed"; readonly error: RouterError };

/** An opened decode leg, or why there is none. */
export type OpeningEnd =
  | { readonly kind: "open"; readonly close: () => void }
  /** The engine refused the request (4xx), and read no KV for it. */
  | { readonly kind: "refused" }
  | { readonly kind: "failed"; readonly error: RouterError };

/** A decode leg to be opened. */
export interface DecodeOpening<Opened extends OpeningEnd> {
  /** Must resolve only when the engine has taken the KV, and never reject. */
  readonly open: (abort: AbortController) => Promise<Opened>;
  /** Aborts when the client has gone. */
  readonly gone: AbortWatch;
  /** Told what has come when the KV did not in time; what it says of that is noted. */
  readonly missed?: (come: Pick<Landing, "received" | "cancelled" | "lost">) => string | undefined;
  /** Set where the prefill may still be under way; never rejects. */
  readonly prefill?: Promise<unknown>;
  /**
   * How long the leg may still take to open once its client has gone, in milliseconds: then it is
   * ended, and what custody says of the KV is done.
   * @default {10_000}
   */
  readonly leaveMs?: number;
}

/** For a leg that opens as soon as the engine has read the KV. */
const LEAVE_MS = 10_000;

/**
 * `leaveMs` of a leg that opens at its answer's end only: long enough for an engine that is not
 * overrun to take the request on, which is when it reads the KV.
 */
export const LEAVE_WHOLE_MS = 1_000;

const STOPPED = "The router is stopping: it waits for no more KV";

/** Wait until the KV is there, then open the decode leg; see to the KV on every other path. */
export async function openWhenReady<Opened extends OpeningEnd>(
  deps: ReadyDeps,
  context: RequestContext,
  custody: Custody,
  leg: DecodeOpening<Opened>,
): Promise<ReadyEnd<Opened>> {
  using held = custody;
  const { gone } = leg;
  const kv = held.awaitsNews ? await awaitNews(deps, context, held, leg) : "ready";
  if (gone.aborted) return { kind: "gone" };
  if (kv === "aborted") return { kind: "failed", error: new RouterError("shutting-down", STOPPED) };
  // Of an engine that was started anew, nothing more comes, and what is there may be half of it.
  const lost = held.landing?.lost !== undefined;
  if (kv === "timed-out" && (lost || deps.kvTimeoutPolicy === "retry")) {
    return { kind: "timed-out" };
  }
  return await openNow(deps, held.move(), leg);
}

/** As `openWhenReady`, at once: the engine waits for the KV by itself. */
export async function openNow<Opened extends OpeningEnd>(
  deps: Pick<ReadyDeps, "background" | "clock">,
  custody: Custody,
  { open, gone, prefill = Promise.resolve(), leaveMs = LEAVE_MS }: DecodeOpening<Opened>,
): Promise<Opened | { readonly kind: "gone" }> {
  using held = custody;
  const abort = new AbortController();
  const opening = open(abort);
  held.sent();
  const opened = await orAborted(opening, gone);
  if (opened === "aborted") {
    deps.background.run(leave(deps, held.move(), { opening, abort, prefill, leaveMs }));
    return { kind: "gone" };
  }
  if (opened.kind === "open") held.release();
  return opened;
}

async function awaitNews(
  deps: ReadyDeps,
  context: RequestContext,
  custody: Custody,
  { gone, missed }: Pick<DecodeOpening<OpeningEnd>, "gone" | "missed">,
): Promise<WaitEnd> {
  const began = deps.clock.now();
  const kv = await custody.wait(deps.kvReadyTimeoutMs, gone);
  const waited = (deps.clock.now() - began) / 1000;
  deps.metrics.observe("pd_router_kv_wait_seconds", { end: kv }, waited);
  if (kv === "ready") context.trace.add("kv-ready");
  if (kv === "timed-out") {
    const { landing } = custody;
    const note = landing === undefined ? undefined : missed?.(landing);
    context.trace.add("kv-timed-out", undefined, note);
  }
  return kv;
}

/** A decode leg that is being opened. */
interface Leaving<Opened> {
  readonly opening: Promise<Opened>;
  readonly abort: AbortController;
  readonly prefill: Promise<unknown>;
  readonly leaveMs: number;
}

/** The client has gone while the decode leg was opening: let the engine read the KV, then stop. */
async function leave<Opened extends OpeningEnd>(
  deps: Pick<ReadyDeps, "background" | "clock">,
  custody: Custody,
  { opening, abort, prefill, leaveMs }: Leaving<Opened>,
): Promise<void> {
  using held = custody;
  const { signal } = deps.background;
  const stop = (): void => abort.abort();
  // A signal aborted already fires no event.
  if (signal.aborted) stop();
  else signal.addEventListener("abort", stop, { once: true });
  try {
    // Before the prefill has ended, there is no KV that the engine could read.
    await Promise.race([opening, prefill]);
    using _late = deps.clock.after(leaveMs, stop);
    const opened = await opening;
    if (opened.kind !== "open") return;
    held.release();
    opened.close();
  } finally {
    signal.removeEventListener("abort", stop);
  }
}
