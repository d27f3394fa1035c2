/** Forms of what is told of requests and of the fleet's state, as JSON Schema. @module */
import { DISTRIBUTIONS, PHASES } from "../observe/mod.ts";
import {
  about,
  COUNT,
  object,
  reference,
  type Schema,
  TEXT,
  TEXT_OR_NULL,
  TEXTS,
} from "./schema_forms.ts";

const NUMBER = { type: "number" } as const;
const NUMBER_OR_NULL = { type: ["number", "null"] } as const;
const COUNT_OR_NULL = { type: ["integer", "null"], minimum: 0 } as const;
const FLAG = { type: "boolean" } as const;
const MS = { type: "number", minimum: 0 } as const;

/** Numbers by the names of `names`, none of which has to be there. */
function some(names: readonly string[], schema: Schema): Schema {
  return {
    type: "object",
    properties: Object.fromEntries(names.map((name) => [name, schema])),
    additionalProperties: false,
  };
}

/** `form` with properties that need not be there. */
function withSome(form: Schema, properties: Readonly<Record<string, Schema>>): Schema {
  const all = form["properties"];
  return { ...form, properties: { ...(typeof all === "object" ? all : {}), ...properties } };
}

const REQUEST = {
  seq: about(
    COUNT,
    "Its number in this router's life, in all its processes: unique, and grows with arrivals",
  ),
  id: about(TEXT, "The client's `X-Request-Id`, which it may repeat, or one made for it"),
  path: TEXT,
  model: TEXT_OR_NULL,
  key: about(TEXT_OR_NULL, "The name of its API key"),
  route: TEXT,
  reason: about(TEXT_OR_NULL, "Why it was not handed off"),
  stream: FLAG,
  state: { type: "string", enum: ["arrived", ...PHASES, "ended"] },
  outcome: about(TEXT_OR_NULL, "As in `pd_router_requests_total`; null while it is under way"),
  status: COUNT_OR_NULL,
  error: about(TEXT_OR_NULL, "The code of what it failed for"),
  received: about(NUMBER, "Unix seconds"),
  prefill: about(TEXT_OR_NULL, "The id of the engine that prefilled it for another"),
  decode: about(TEXT_OR_NULL, "The id of the engine that gives the answer"),
  phases: about(some([...PHASES, "ttft", "itl", "total"], NUMBER), "Milliseconds"),
  tokens: { anyOf: [{ type: "null" }, reference("Tokens")] },
  retries: COUNT,
  lacks_kv: FLAG,
} as const;

/** What is there of some requests only. */
const TRACED = {
  trace_id: about(TEXT, "The OpenTelemetry trace that it is in; absent where it is in none"),
} as const;

const ENGINE = {
  id: TEXT,
  url: TEXT,
  role: { type: "string", enum: ["prefill", "decode", "any"] },
  elastic: FLAG,
  models: TEXTS,
  state: TEXT,
  drained: FLAG,
  verdict: TEXT,
  why: TEXT_OR_NULL,
  inflight: COUNT,
  seats: COUNT_OR_NULL,
  running: NUMBER_OR_NULL,
  waiting: NUMBER_OR_NULL,
  kv_use: NUMBER_OR_NULL,
  hit_rate: NUMBER_OR_NULL,
  qps: NUMBER_OR_NULL,
  latency: NUMBER_OR_NULL,
  itl: NUMBER_OR_NULL,
  remarks: { type: "object" },
} as const;

const PAIR = {
  prefill: TEXT,
  decode: TEXT,
  verdict: TEXT,
  why: TEXT_OR_NULL,
  recompute: about(TEXT_OR_NULL, "The likely cause, where KV is not found"),
  under_way: some(PHASES, COUNT),
  ok: COUNT,
  failed: COUNT,
  tokens: COUNT,
  kv_wait: NUMBER_OR_NULL,
  last: NUMBER_OR_NULL,
} as const;

/** By name. */
export const OBSERVE_SCHEMAS = {
  Tokens: object({ prompt: COUNT_OR_NULL, answer: COUNT_OR_NULL, about: FLAG }),
  Request: withSome(object(REQUEST), TRACED),
  RequestList: object({
    requests: { type: "array", items: reference("Request") },
    under_way: COUNT,
    kept: COUNT,
    capacity: COUNT,
  }),
  RequestDetail: withSome(
    object({
      ...REQUEST,
      events: {
        type: "array",
        items: object({
          step: TEXT,
          at: about(MS, "Milliseconds since its arrival"),
          engine: TEXT_OR_NULL,
          note: TEXT_OR_NULL,
        }),
      },
      events_cut: COUNT,
      legs: {
        type: "array",
        items: object({
          leg: TEXT,
          engine: TEXT,
          peer: TEXT_OR_NULL,
          end: { type: "string", enum: ["ok", "failed", "left"] },
          code: TEXT_OR_NULL,
          status: COUNT_OR_NULL,
          head: NUMBER_OR_NULL,
          first: NUMBER_OR_NULL,
          ms: MS,
          tokens: { anyOf: [{ type: "null" }, reference("Tokens")] },
        }),
      },
    }),
    TRACED,
  ),
  RequestDetails: object({ requests: { type: "array", items: reference("RequestDetail") } }),
  Hello: object({ version: TEXT, started: NUMBER, interval: NUMBER, kv: TEXT }),
  EngineLive: object(ENGINE),
  PairLive: object(PAIR),
  Distribution: object({
    bounds: { type: "array", items: NUMBER },
    counts: { type: "array", items: COUNT },
    count: COUNT,
    p50: NUMBER_OR_NULL,
    p95: NUMBER_OR_NULL,
    p99: NUMBER_OR_NULL,
  }),
  Fleet: object({
    full: FLAG,
    now: NUMBER,
    router: object({
      ready: FLAG,
      draining: FLAG,
      ailment: TEXT_OR_NULL,
      under_way: COUNT,
      queued: COUNT,
      kv_waiters: COUNT,
      connections: COUNT,
      buffered_bytes: COUNT,
      ended: { type: "object", additionalProperties: COUNT },
      routes: { type: "object", additionalProperties: COUNT },
      rate: NUMBER,
    }),
    engines: { type: "array", items: reference("EngineLive") },
    gone: TEXTS,
    pairs: { type: "array", items: reference("PairLive") },
    gone_pairs: { type: "array", items: TEXTS },
    times: some(DISTRIBUTIONS, reference("Distribution")),
  }),
  Ended: object({ ended: { type: "array", items: reference("Request") }, untold: COUNT }),
  LiveEvent: { anyOf: [reference("Hello"), reference("Fleet"), reference("Ended")] },
} as const satisfies Readonly<Record<string, Schema>>;
