/** One request as a timeline for a terminal. Pure. @module */
import type { LegView, RequestDetail } from "../observe/mod.ts";
import { TERMINAL_WIDTH } from "./columns.ts";
import { oneLine } from "./shown_text.ts";
import { type Segment, segmentsOf } from "./trace_segments.ts";

/** Columns of the bars. */
const WIDTH = 30;

/** Columns of what stands before a bar. */
const LABEL = 10;

/** Lines of a request's story. */
export function traceText(request: RequestDetail): readonly string[] {
  return [
    ...headLines(request),
    "",
    ...barLines(request),
    ...(request.legs.length === 0
      ? []
      : ["", "Exchanges with engines:", ...request.legs.map(legLine)]),
    ...notesOf(request),
  ].map((line) => cut(oneLine(line).trimEnd()));
}

function headLines(request: RequestDetail): readonly string[] {
  const { id, seq, path, model, route, reason, key, status, outcome, error, state, trace_id } =
    request;
  const total = duration(request.phases.total ?? 0);
  const end = state === "ended"
    ? `${outcome}${status === null ? "" : ` (${status})`} after ${total}`
    : `under way since ${total}: ${state}`;
  return [
    `Request ${id} (${seq})${trace_id === undefined ? "" : `, trace ${trace_id}`}`,
    `${path}${model === null ? "" : `, model ${model}`}${key === null ? "" : `, key ${key}`}`,
    `${route}${reason === null ? "" : ` for ${reason}`}: ${pairOf(request)}`,
    `${end}${error === null ? "" : `: ${error}`}`,
    `${new Date(request.received * 1000).toISOString()}${tokensOf(request)}`,
  ];
}

function pairOf({ prefill, decode }: RequestDetail): string {
  if (prefill === null) return decode ?? "no engine";
  return `${prefill} -> ${decode ?? "?"}`;
}

function tokensOf({ tokens, phases: { ttft, itl } }: RequestDetail): string {
  const about = tokens?.about === true ? "about " : "";
  return [
    tokens === null ? "" : `, ${about}${tokens.prompt ?? "?"} + ${tokens.answer ?? "?"} tokens`,
    ttft === undefined ? "" : `, first after ${duration(ttft)}`,
    itl === undefined ? "" : `, ${duration(itl)} each`,
  ].join("");
}

function barLines(request: RequestDetail): readonly string[] {
  const segments = segmentsOf(request);
  const total = Math.max(request.phases.total ?? 0, 0.001);
  const column = (ms: number): number => Math.round(ms / total * WIDTH);
  return segments.map(({ label, from, to, note }: Segment) => {
    const start = Math.max(0, Math.min(column(from), WIDTH - 1));
    const end = Math.min(WIDTH, Math.max(column(to ?? total), start + 1));
    const bar = " ".repeat(start) + "█".repeat(end - start) + " ".repeat(WIDTH - end);
    const time = duration((to ?? total) - from) + (to === undefined ? " .." : "");
    return `${label.padEnd(LABEL)} |${bar}| ${time.padStart(10)}  ${note}`;
  });
}

function legLine({ leg, engine, end, code, status, head, first, ms }: LegView): string {
  const times = [
    head === null ? "" : `head ${duration(head)}`,
    first === null ? "" : `first ${duration(first)}`,
    `end ${duration(ms)}`,
  ].filter((text) => text !== "");
  const how = [end, status === null ? "" : String(status), code ?? ""].filter((text) =>
    text !== ""
  );
  return `  ${leg.padEnd(8)} ${engine}: ${how.join(" ")}; ${times.join(", ")}`;
}

function notesOf({ retries, lacks_kv, events, events_cut }: RequestDetail): readonly string[] {
  const again = events.filter(({ step }) => step === "retry" || step === "continued");
  const notes = [
    ...again.map(({ step, at, note }) =>
      `  ${step === "retry" ? "Tried again" : "Gone on with"} at ${duration(at)}: ${note ?? "?"}`
    ),
    ...(lacks_kv ? ["  Decoded without the news that the KV is there"] : []),
    ...(events_cut > 0 ? [`  ${events_cut} further steps are not kept`] : []),
  ];
  return notes.length === 0 && retries === 0 ? [] : ["", "Remarks:", ...notes];
}

/** Milliseconds for reading. */
export function duration(ms: number): string {
  if (ms < 1_000) return `${ms.toFixed(1)} ms`;
  return ms < 60_000 ? `${(ms / 1_000).toFixed(2)} s` : `${(ms / 60_000).toFixed(1)} min`;
}

function cut(line: string): string {
  return line.length <= TERMINAL_WIDTH ? line : `${line.slice(0, TERMINAL_WIDTH - 1)}…`;
}
