/** What a request that is traced carries with it: the spans of its exchanges, and their context. @module */
import type { Engine } from "./engine.ts";

/** How an exchange with an engine went, as far as its span tells. Durations are milliseconds. */
export interface LegEnd {
  /** What it was for, e.g. `prefill`. */
  readonly leg: string;
  readonly engine: Pick<Engine, "id" | "url">;
  /** The other engine of a handoff. */
  readonly peer?: Pick<Engine, "id"> | undefined;
  readonly model?: string | undefined;
  /** `left`: nobody waits for it any more. */
  readonly end: "ok" | "failed" | "left";
  readonly code?: string | undefined;
  /** Of the answer, when its head has come. */
  readonly status?: number | undefined;
  readonly ms: number;
  /** To the first token of a stream. */
  readonly firstMs?: number | undefined;
  readonly tokens?: {
    readonly prompt?: number;
    readonly answer: number;
    readonly about?: true;
  };
}

/** The span of one exchange. */
export interface LegSpan {
  /**
   * The exchange is for `path`, with or without a query: `fields`, by which the engine's own spans
   * stand below this one.
   */
  onto(
    fields: readonly (readonly [name: string, value: string])[],
    path: string,
    method: string,
  ): readonly (readonly [name: string, value: string])[];
  /** It is over; told once. */
  end(end: LegEnd): void;
}

/** The spans of one request. */
export interface Spans {
  /** 32 hexadecimal digits. */
  readonly traceId: string;
  /** Whether they are exported. */
  readonly sampled: boolean;
  /** The span of an exchange that begins at this moment. */
  leg(): LegSpan;
}
