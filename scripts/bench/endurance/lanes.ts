/** The requests of the benchmark, on every way through a cluster. @module */
import { concatBytes, encodeUtf8 } from "../../../lib/base/mod.ts";
import type { Cluster, Engines } from "./cluster.ts";
import type { Form } from "../fast_answers.ts";

/** One way from the load generator to an engine. */
export interface Lane {
  readonly name: string;
  readonly port: number;
  readonly request: Uint8Array;
  /** Events of each answer; undefined for answers whose events are not counted. */
  readonly events?: number | undefined;
  readonly enginePids: readonly number[];
  /** Undefined where no router is in between. */
  readonly routerPid: number | undefined;
}

/** What each request asks for. */
export interface Asked {
  readonly stream: boolean;
  readonly tokens: number;
  /** Time between tokens that the fast engine keeps, in milliseconds. */
  readonly paceMs?: number;
  /** Count the events of each answer: only the fast engine has one per token for certain. */
  readonly exact?: boolean;
  /** In place of a short prompt; ids are for completions alone. */
  readonly prompt?: string | readonly number[];
}

// The simulated model's answer to it begins with a whole character in both forms: one that is
// spread over tokens is a story of its own.
const PROMPT = "Tell me of the sea, of ships and of harbours. ".repeat(4).trimEnd();

/** The name of the lane that all others are compared with. */
export const BASELINE = "engine itself";

/** Straight to the engine, through the router, and handed off in both forms. */
export function lanesTo(cluster: Cluster, engines: Engines, asked: Asked): readonly Lane[] {
  const { direct, handoff } = cluster;
  const isText = asked.prompt === undefined || typeof asked.prompt === "string";
  const usual: Form = isText ? "chat" : "completions";
  const lane = (name: string, form: Form, port: number, routerPid?: number): Lane => ({
    name,
    port,
    request: requestBytes(engines.model, form, asked),
    // A chat begins with an event of its own; every stream ends with [DONE].
    events: asked.exact ? asked.tokens + (form === "chat" ? 2 : 1) : undefined,
    enginePids: engines.pids,
    routerPid,
  });
  return [
    lane(BASELINE, usual, engines.port),
    lane("router", usual, direct.port, direct.pid),
    ...(isText ? [lane("handoff, chat", "chat", handoff.port, handoff.pid)] : []),
    lane("handoff, completions", "completions", handoff.port, handoff.pid),
  ];
}

/** One whole request, head and body. */
export function requestBytes(model: string, form: Form, asked: Asked): Uint8Array {
  const { stream, tokens, paceMs, prompt = PROMPT } = asked;
  const body = encodeUtf8(JSON.stringify({
    model,
    stream,
    max_tokens: tokens,
    temperature: 0,
    ignore_eos: true,
    ...(form === "chat" ? { messages: [{ role: "user", content: prompt }] } : { prompt }),
  }));
  const head = [
    `POST /v1/${form === "chat" ? "chat/" : ""}completions HTTP/1.1`,
    "host: 127.0.0.1",
    "accept: */*",
    "authorization: Bearer bench",
    "user-agent: pd-router-bench",
    "content-type: application/json",
    `content-length: ${body.length}`,
    ...(paceMs === undefined ? [] : [`x-bench-itl-ms: ${paceMs}`]),
    "\r\n",
  ];
  return concatBytes([encodeUtf8(head.join("\r\n")), body]);
}
