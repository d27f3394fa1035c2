/** One handoff as a small picture in text. @module */
import type { RequestTrace, TraceEvent, TraceStep } from "../request/mod.ts";

/** What a picture is drawn from. */
export interface TimelineInput {
  readonly trace: RequestTrace;
  /** On the trace's clock, in milliseconds. */
  readonly endedAtMs: number;
  /** Short name of an engine by its URL. */
  readonly nameOf: (url: string) => string;
}

interface Bar {
  readonly label: string;
  readonly from: number;
  readonly to: number;
  readonly note: string;
}

/** Columns of the bars. */
const WIDTH = 44;

/** Lines of the picture, without indentation. */
export function timeline(input: TimelineInput): string[] {
  const { trace, endedAtMs } = input;
  const begin = trace.receivedAtMs;
  const length = Math.max(endedAtMs - begin, 0.001);
  const column = (atMs: number): number => Math.round(((atMs - begin) / length) * WIDTH);
  return barsOf(input).map(({ label, from, to, note }) => {
    const start = Math.min(column(from), WIDTH - 1);
    const end = Math.max(column(to), start + 1);
    const bar = " ".repeat(start) + "█".repeat(end - start) + " ".repeat(WIDTH - end);
    return `${label.padEnd(9)} |${bar}| ${milliseconds(to - from).padStart(9)}  ${note}`;
  });
}

/** A duration for reading. */
export function milliseconds(ms: number): string {
  return `${ms.toFixed(1)} ms`;
}

function barsOf({ trace, endedAtMs, nameOf }: TimelineInput): Bar[] {
  const at = (step: TraceStep): TraceEvent | undefined =>
    trace.events.findLast((event) => event.step === step);
  const engine = (event: TraceEvent | undefined): string =>
    event?.engine === undefined ? "" : nameOf(event.engine);
  const tokenized = at("tokenized");
  const prefillSent = at("prefill-sent");
  const prefillDone = at("prefill-done");
  const ready = at("kv-ready");
  const decodeSent = at("decode-sent");
  const decodeFirst = at("decode-first");
  const bars: Bar[] = [];
  if (tokenized !== undefined) {
    const note = `on ${engine(tokenized)}`;
    bars.push({ label: "tokenize", from: trace.receivedAtMs, to: tokenized.atMs, note });
  }
  if (prefillSent !== undefined && prefillDone !== undefined) {
    const note = `on ${engine(prefillSent)}, gives the first token`;
    bars.push({ label: "prefill", from: prefillSent.atMs, to: prefillDone.atMs, note });
  }
  if (prefillDone !== undefined && ready !== undefined) {
    const note = "until all ranks notified";
    bars.push({ label: "KV wait", from: prefillDone.atMs, to: ready.atMs, note });
  }
  if (decodeSent !== undefined) {
    const first = decodeFirst === undefined
      ? ""
      : `, first event after ${milliseconds(decodeFirst.atMs - decodeSent.atMs)}`;
    const note = `on ${engine(decodeSent)}${first}`;
    bars.push({ label: "decode", from: decodeSent.atMs, to: endedAtMs, note });
  }
  const directSent = at("direct-sent");
  if (directSent !== undefined) {
    bars.push({
      label: "direct",
      from: directSent.atMs,
      to: endedAtMs,
      note: `on ${engine(directSent)}`,
    });
  }
  return bars;
}
