/** What is asked of an engine to see how it answers, as data. @module */

/** A JSON value. */
export type Json =
  | null
  | boolean
  | number
  | string
  | readonly Json[]
  | { readonly [key: string]: Json };

/** Which engine is asked: one alone, one with parsers, or a part of a NIXL pair. */
export type Target = "engine" | "parsers" | "prefill" | "decode";

/**
 * A long list of token ids, or a long text, in a request body: `{"$ids": [count, step]}` are ids
 * from 40 on, `{"$text": [text, count]}` is a text repeated.
 */
export const SHORTHAND = { ids: "$ids", text: "$text" } as const;

/** One request. */
export interface Exchange {
  /** Unique among all. */
  readonly name: string;
  /** `engine` when absent. */
  readonly target?: Target;
  /** `POST` when absent. */
  readonly method?: string;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** A value sent as JSON, or text sent as it is. */
  readonly body?: Json;
  readonly text?: string;
  /** The earlier exchange whose `kv_transfer_params` this one's body gets, with changes to them. */
  readonly takes?: {
    readonly from: string;
    readonly changes?: Readonly<Record<string, Json>>;
    readonly without?: readonly string[];
  };
}

/** One answer. */
export interface Answer {
  readonly status: number;
  readonly contentType: string | null;
  /** The `allow` header, where there is one. */
  readonly allow?: string;
  readonly body: AnswerBody;
}

/** A body by its kind. */
export type AnswerBody =
  | { readonly kind: "empty" }
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "json"; readonly value: Json }
  | { readonly kind: "events"; readonly events: readonly SseEvent[] }
  | { readonly kind: "metrics"; readonly families: readonly MetricFamily[] };

/** One server-sent event; `data` is text where it is not JSON, as in `[DONE]`. */
export interface SseEvent {
  readonly event?: string;
  readonly data: Json;
}

/** A metric by its form, without its values. */
export interface MetricFamily {
  readonly name: string;
  readonly type: string;
  readonly labels: readonly string[];
}

/** An exchange with what was answered. */
export interface RecordedExchange {
  readonly exchange: Exchange;
  readonly answer: Answer;
}

/** What a recording was made of; the first line of its file. */
export interface RecordingHead {
  readonly about: string;
  readonly vllm: string;
  /** Version of NIXL, where the engines use it and it was told. */
  readonly nixl?: string;
}

/** A named list of exchanges: one file of a recording. */
export interface ExchangeGroup {
  readonly name: string;
  readonly about: string;
  readonly exchanges: readonly Exchange[];
}

/** True for a JSON object. */
export function isObject(value: Json | undefined): value is { readonly [key: string]: Json } {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
