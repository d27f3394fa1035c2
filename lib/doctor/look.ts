/** Looks at one engine: what it answers to the questions that every vLLM takes. @module */
import {
  type Clock,
  decodeUtf8,
  describeError,
  type Engine,
  jsonOf,
  recordOf,
  RouterError,
} from "../base/mod.ts";
import { TOLD_SERIES, toldIn } from "../fleet/mod.ts";
import { SampleReader, type Samples } from "../metrics/mod.ts";
import { modelCardsOf } from "../openai/mod.ts";
import type { HeaderField, UpstreamClient } from "../upstream/mod.ts";
import type { ConnectorSigns, Looked } from "./looked.ts";

/** What engines are asked with. */
export interface AskParts {
  readonly clock: Clock;
  readonly upstream: Pick<UpstreamClient, "send">;
  /** Fields of the router's own requests, e.g. its key. */
  readonly headers: readonly HeaderField[];
  /** Longest wait for one answer, in milliseconds. */
  readonly timeoutMs: number;
  /** Ends all questions. */
  readonly signal: AbortSignal;
}

/** Largest answer that is read, in bytes. */
const MAX_ANSWER_BYTES = 8 * 1024 * 1024;

/** Longest version that is kept, in characters. */
const MAX_VERSION = 100;

/** An engine's answer. */
interface Told {
  readonly status: number;
  readonly bytes: Uint8Array;
  readonly date: string | undefined;
}

/** Look at `engine`. Never rejects: what it does not answer is not there. */
export async function lookAt(engine: Engine, parts: AskParts): Promise<Looked> {
  const { clock } = parts;
  const sinceMs = clock.now();
  const health = await asked(engine, "/health", parts);
  if (typeof health === "string") return { engine, silent: health, told: {} };
  const tookMs = clock.now() - sinceMs;
  const atMs = clock.unixMs();
  if (health.status !== 200) {
    return { engine, silent: `GET /health was answered ${health.status}`, told: {} };
  }
  const [models, version, metrics] = await Promise.all(
    (["/v1/models", "/version", "/metrics"] as const).map((path) => asked(engine, path, parts)),
  );
  const cards = okBytes(models, (bytes) => modelCardsOf(jsonOf(bytes)));
  const vllm = okBytes(version, versionIn);
  const text = okBytes(metrics, (bytes) => bytes);
  const skewMs = skewOf(health.date, atMs, tookMs);
  return {
    engine,
    tookMs,
    ...(skewMs === undefined ? {} : { skewMs }),
    ...(cards === undefined ? {} : { cards }),
    told: {
      ...(text === undefined ? {} : toldIn(samplesIn(text))),
      ...(vllm === undefined ? {} : { version: vllm }),
    },
    ...(text === undefined ? {} : { signs: signsIn(text) }),
  };
}

/** The answer to a `GET`, or why there is none. */
async function asked(engine: Engine, path: string, parts: AskParts): Promise<Told | string> {
  try {
    return await ask(engine, { method: "GET", path }, parts);
  } catch (error) {
    if (error instanceof RouterError) return describeError(error);
    throw error;
  }
}

/** Ask `engine`; rejects with `RouterError` where it gives no answer. */
export async function ask(
  { url }: Engine,
  { method, path, body }: {
    readonly method: "GET" | "POST";
    readonly path: string;
    readonly body?: unknown;
  },
  { upstream, headers, timeoutMs, signal }: AskParts,
): Promise<Told> {
  const json = body === undefined ? [] : [new TextEncoder().encode(JSON.stringify(body))];
  using response = await upstream.send({
    method,
    url,
    path,
    headers: body === undefined ? headers : [["content-type", "application/json"], ...headers],
    ...(body === undefined ? {} : { body: json }),
    connectTimeoutMs: timeoutMs,
    headTimeoutMs: timeoutMs,
    idleTimeoutMs: timeoutMs,
    signal,
  });
  const { status } = response;
  const date = response.header("date");
  // A view of what the connection reads: copied, as it is looked at later.
  return { status, date, bytes: (await response.readAll(MAX_ANSWER_BYTES)).slice() };
}

function okBytes<T>(
  told: Told | string | undefined,
  read: (bytes: Uint8Array) => T,
): T | undefined {
  if (told === undefined || typeof told === "string" || told.status !== 200) return undefined;
  return read(told.bytes);
}

function versionIn(bytes: Uint8Array): string | undefined {
  const version = recordOf(jsonOf(bytes))?.["version"];
  return typeof version === "string" ? version.slice(0, MAX_VERSION) : undefined;
}

function samplesIn(text: Uint8Array): Samples {
  const reader = new SampleReader(TOLD_SERIES);
  for (const _step of reader.push(text)) { /* the whole text, at once: nobody waits */ }
  return reader.end();
}

function signsIn(text: Uint8Array): ConnectorSigns {
  const lines = decodeUtf8(text);
  return { nixl: /^vllm:nixl_/m.test(lines), lmcache: /^lmcache:/m.test(lines) };
}

/** `Date` tells the beginning of a second, half the way of the answer ago. */
function skewOf(
  date: string | undefined,
  atMs: number,
  tookMs: number,
): number | undefined {
  const told = date === undefined ? NaN : Date.parse(date);
  return Number.isNaN(told) ? undefined : told + 500 - (atMs - tookMs / 2);
}
