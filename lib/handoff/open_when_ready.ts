/** The wait for KV, and the opening of the decode leg behind it. @module */
import { RouterError, type WaitEnd } from "../base/mod.ts";
import type { Custody } from "../kv/mod.ts";
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

/** How long a decode leg whose client has gone may take until it has read the KV. */
const LEAVE_MS = 10_000;

const STOPPED = "The router is stopping: it waits for no more KV";

/**
 * Wait until the KV is there, then open the decode leg; see to the KV on every other path.
 * `open` must resolve only when the engine has taken the KV, and never reject.
 */
export async function openWhenReady<Opened extends OpeningEnd>(
  deps: ReadyDeps,
  context: RequestContext,
  custody: Custody,
  open: (abort: AbortController) => Promise<Opened>,
  gone: AbortSignal,
): Promise<ReadyEnd<Opened>> {
  using _held = custody;
  const kv = custody.awaitsNews ? await awaitNews(deps, context, custody, gone) : "ready";
  if (gone.aborted) return { kind: "gone" };
  if (kv === "aborted") return { kind: "failed", error: new RouterError("shutting-down", STOPPED) };
  if (kv === "timed-out" && deps.kvTimeoutPolicy === "retry") return { kind: "timed-out" };
  const abort = new AbortController();
  const opening = open(abort);
  custody.sent();
  const opened = await orAborted(opening, gone);
  if (opened === "aborted") {
    deps.background.run(leave(deps, opening, abort, custody.move()));
    return { kind: "gone" };
  }
  if (opened.kind === "open") custody.release();
  return opened;
}

async function awaitNews(
  deps: ReadyDeps,
  context: RequestContext,
  custody: Custody,
  gone: AbortSignal,
): Promise<WaitEnd> {
  const began = deps.clock.now();
  const kv = await custody.wait(deps.kvReadyTimeoutMs, gone);
  const waited = (deps.clock.now() - began) / 1000;
  deps.metrics.observe("pd_router_kv_wait_seconds", { end: kv }, waited);
  if (kv !== "aborted") context.trace.add(kv === "ready" ? "kv-ready" : "kv-timed-out");
  return kv;
}

/** The client has gone while the decode leg was opening: let the engine read the KV, then stop. */
async function leave<Opened extends OpeningEnd>(
  deps: ReadyDeps,
  opening: Promise<Opened>,
  abort: AbortController,
  custody: Custody,
): Promise<void> {
  using _held = custody;
  const stop = (): void => abort.abort();
  using late = deps.clock.after(LEAVE_MS, stop);
  deps.background.signal.addEventListener("abort", stop, { once: true });
  try {
    const opened = await opening;
    if (opened.kind !== "open") return;
    custody.release();
    opened.close();
  } finally {
    late.cancel();
    deps.background.signal.removeEventListener("abort", stop);
  }
}
