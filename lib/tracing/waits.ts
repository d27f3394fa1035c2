/** What a request has waited for, as its steps tell. Pure. @module */
import type { TraceEvent, TraceStep } from "../request/mod.ts";

/** One wait, on the clock of the steps. */
export interface Wait {
  /** `queue`, for room at the engines; `kv_wait`, for the KV of a prefill. */
  readonly name: "queue" | "kv_wait";
  readonly fromMs: number;
  readonly toMs: number;
  /** It ended as its time was up. */
  readonly timedOut: boolean;
}

/** Steps at which a wait may begin. */
const BEGIN: { readonly [S in TraceStep]?: Wait["name"] } = {
  "queued": "queue",
  "prefill-done": "kv_wait",
};

/** Steps at which one ends. */
const END: { readonly [S in TraceStep]?: Wait["name"] } = {
  "admitted": "queue",
  "kv-ready": "kv_wait",
  "kv-timed-out": "kv_wait",
};

/** Most waits of one request. */
const MAX_WAITS = 256;

/**
 * The waits in `events`, the last of which may have gone on until `endMs`. Of a prefill whose KV nobody is
 * told of, none is known.
 */
export function waitsIn(events: readonly TraceEvent[], endMs: number): readonly Wait[] {
  const waits: Wait[] = [];
  let open: { readonly name: Wait["name"]; readonly fromMs: number } | undefined;
  for (const { step, atMs } of events) {
    if (waits.length === MAX_WAITS) return waits;
    if (open !== undefined && END[step] === open.name) {
      waits.push({ ...open, toMs: atMs, timedOut: step === "kv-timed-out" });
      open = undefined;
    }
    const begun = BEGIN[step];
    if (begun !== undefined) open = { name: begun, fromMs: atMs };
  }
  if (open?.name === "queue") waits.push({ ...open, toMs: endMs, timedOut: false });
  return waits;
}
