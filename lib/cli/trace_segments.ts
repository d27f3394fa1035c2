/** The steps of a request as stretches of time. Pure. @module */
import type { EventView, RequestDetail } from "../observe/mod.ts";

/** One stretch, in milliseconds since the request's arrival. */
export interface Segment {
  readonly label: string;
  readonly from: number;
  /** Undefined: it goes on. */
  readonly to: number | undefined;
  readonly note: string;
}

/** What begins with a step, and with which steps it ends. */
interface Stretch {
  readonly label: string;
  readonly begins: readonly string[];
  readonly ends: readonly string[];
  /** What the event at its end says of it, where that has something to say. */
  readonly told?: (end: EventView) => string;
}

const LEGS_OVER = ["retry", "continued"] as const;

/** In the order in which they come. */
const STRETCHES: readonly Stretch[] = [
  { label: "queue", begins: ["queued"], ends: ["admitted"] },
  {
    label: "prefill",
    begins: ["prefill-sent"],
    ends: ["prefill-done"],
    told: ({ note }) => note === null || note === "ok" ? "" : note,
  },
  {
    label: "KV wait",
    begins: ["prefill-done"],
    ends: ["kv-ready", "kv-timed-out", ...LEGS_OVER],
    told: ({ step, note }) => step === "kv-timed-out" ? `timed out${note ? `: ${note}` : ""}` : "",
  },
  { label: "first byte", begins: ["decode-sent"], ends: ["decode-first", ...LEGS_OVER] },
  { label: "stream", begins: ["decode-first"], ends: LEGS_OVER },
  { label: "first byte", begins: ["direct-sent"], ends: ["direct-head", ...LEGS_OVER] },
  { label: "answer", begins: ["direct-head"], ends: LEGS_OVER },
];

/** Every stretch of every attempt, by its beginning; the last one goes on where the request does. */
export function segmentsOf({ events, phases, state }: RequestDetail): readonly Segment[] {
  const total = phases.total ?? 0;
  const over = state === "ended";
  const segments: Segment[] = [];
  for (const stretch of STRETCHES) {
    for (const [at, event] of events.entries()) {
      if (!stretch.begins.includes(event.step)) continue;
      const end = events.slice(at + 1).find(({ step }) => stretch.ends.includes(step));
      // Where nothing was waited for, a decode or a direct leg follows at once.
      if (stretch.label === "KV wait" && end === undefined && (over || at < events.length - 1)) {
        continue;
      }
      segments.push({
        label: stretch.label,
        from: event.at,
        to: end?.at ?? (over ? total : undefined),
        note: [event.engine ?? "", end === undefined ? "" : stretch.told?.(end) ?? ""]
          .filter((text) => text !== "").join(", "),
      });
    }
  }
  for (const [at, event] of events.entries()) {
    if (event.step !== "tokenized") continue;
    const from = events[at - 1]?.at ?? 0;
    segments.push({ label: "tokenize", from, to: event.at, note: event.engine ?? "" });
  }
  return segments.sort((one, other) => one.from - other.from);
}
