/** What the router said of requests, kept for a while, for whoever has to find out why. @module */
import { type Clock, createLogger, type Logger } from "../../lib/base/mod.ts";
import type { OnTrace } from "../../lib/http/mod.ts";

type Trace = Parameters<OnTrace>[2];

/** Traces and lines of the log that are kept. */
const MAX_TRACES = 2_000;
const MAX_LINES = 4_000;

/** Keeps the latest traces of requests and lines of the log. */
export class Diary {
  readonly log: Logger;
  readonly #traces = new Map<string, Trace>();
  readonly #lines: string[] = [];
  /** What waits for the trace of a request that has not ended in the router. */
  readonly #awaited = new Map<string, (trace: Trace) => void>();

  constructor(clock: Clock) {
    const sink = (line: string): void => this.#keep(line);
    this.log = createLogger(clock, sink, { level: "info", format: "json" });
  }

  /** Keep what another process of the router has logged: whole lines. */
  take(text: string): void {
    for (const line of text.split("\n")) if (line !== "") this.#keep(line);
  }

  #keep(line: string): void {
    this.#lines.push(line);
    if (this.#lines.length >= 2 * MAX_LINES) this.#lines.splice(0, MAX_LINES);
  }

  /** Keep a request's trace. */
  readonly onTrace: OnTrace = (id, _path, trace) => {
    this.#traces.set(id, trace);
    this.#awaited.get(id)?.(trace);
    this.#awaited.delete(id);
    for (const oldest of this.#traces.keys()) {
      if (this.#traces.size <= MAX_TRACES) break;
      this.#traces.delete(oldest);
    }
  };

  /** The steps of a request in the router, and what was logged of it. */
  of(id: string): readonly string[] {
    const trace = this.#traces.get(id);
    const steps =
      trace?.events.map(({ step, atMs, engine, note }) =>
        `${Math.round(atMs - trace.receivedAtMs)} ms: ${step} ${engine ?? ""} ${note ?? ""}`
          .trimEnd()
      ) ?? ["no trace"];
    const route = trace === undefined ? [] : [`route ${trace.route} ${trace.directReason ?? ""}`];
    return [...route, ...steps, ...this.#lines.filter((line) => line.includes(`"${id}"`))];
  }

  /**
   * Have `tell` called with the last step that the router had noted of a request by `atMs`, once its
   * trace is there; never where the request has not reached the router.
   */
  stepAt(id: string, atMs: number, tell: (step: string) => void): void {
    const told = ({ events }: Trace): void =>
      tell(events.findLast((event) => event.atMs <= atMs)?.step ?? "received");
    const trace = this.#traces.get(id);
    if (trace !== undefined) return told(trace);
    if (this.#awaited.size < MAX_TRACES) this.#awaited.set(id, told);
  }

  /** The lines of the log that hold all of `texts`. */
  lines(...texts: readonly string[]): readonly string[] {
    return this.#lines.filter((line) => texts.every((text) => line.includes(text)));
  }
}
