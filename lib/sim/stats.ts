/** What the engine saw and did, in counters a test can assert. @module */
import { encodeUtf8 } from "../base/mod.ts";

const COUNTERS = {
  /** Requests that were a prefill leg. */
  prefills: 0,
  /** Generations on a decode engine, or with KV from elsewhere; drains not counted. */
  decodes: 0,
  /** Generations that were neither. */
  directs: 0,
  /** `max_tokens: 1` requests that read KV held for them, with no stream. */
  drains: 0,
  /** Requests whose whole KV came from another engine. */
  externalHits: 0,
  /** Requests of which a part of the KV came from another engine. */
  partialHits: 0,
  /** Tokens whose KV came from another engine, and tokens it was looked up for. */
  externalHitTokens: 0,
  externalQueryTokens: 0,
  /** Requests on a decode engine that computed KV a prefill engine should have sent. */
  recomputes: 0,
  /** Requests that read KV allocated but not landed, and so spoke garbage. */
  staleReads: 0,
  /** KV used a second time, or after its lease, or for another prompt. */
  doubleUses: 0,
  /** KV whose lease ended with nobody reading it. */
  expired: 0,
  /** `kv_transfer_params` that lacked a required field. */
  incompleteParams: 0,
  /** KV that could not be loaded. */
  kvLoadFailures: 0,
  /** Generations without a `disagg_spec` on a prefill-only engine: these end the core in D. */
  plainOnSender: 0,
  /** Requests whose client went away. */
  aborted: 0,
  /** Aborted prefills with `ret_first_tok` and no token yet: these end the core. */
  abortedBeforeFirstToken: 0,
  /** Times the engine core ended, as a real one does on what it does not survive. */
  deaths: 0,
  /** KV pages written to decode engines, one per chunk and rank. */
  chunksWritten: 0,
  /** Transfers that failed or were refused. */
  transferFailures: 0,
  notificationsSent: 0,
  notificationsDropped: 0,
  /** Answers with a status of 400 to 499. */
  badRequests: 0,
  /** Answers with a status of 500 or more, faults included. */
  errorAnswers: 0,
  /** Generations that ran to their end. */
  finished: 0,
  promptTokens: 0,
  generationTokens: 0,
  prefixQueryTokens: 0,
  prefixHitTokens: 0,
  connectionsCut: 0,
};

/** Name of a counter. */
export type CounterName = keyof typeof COUNTERS;

/** One request as it came, for assertions. */
export interface SeenRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Parsed JSON, or the text when it is none; undefined without a body. */
  readonly body: unknown;
}

/** A snapshot. */
export interface SimStats extends Readonly<Record<CounterName, number>> {
  readonly runningNow: number;
  readonly waitingNow: number;
  /** KV entries written or allocated here and not yet read, over all ranks. */
  readonly heldKv: number;
  /** Of these, the ones older than `leakAfterMs`. */
  readonly leaked: number;
  readonly requestsByPath: Readonly<Record<string, number>>;
  /** The latest requests, oldest first. */
  readonly lastRequests: readonly SeenRequest[];
}

/** How many requests are remembered, and the longest body kept of each, in bytes. */
const REMEMBERED = 50;
const BODY_LIMIT = 256 * 1024;

/** Counters and the memory of requests. */
export class StatsBook {
  readonly count: Record<CounterName, number> = { ...COUNTERS };
  runningNow = 0;
  readonly #byPath = new Map<string, number>();
  #last: {
    head: Omit<SeenRequest, "body" | "headers">;
    headers: ReadonlyMap<string, string>;
    body: Uint8Array;
  }[] = [];

  /** Add `by` to a counter. */
  add(name: CounterName, by = 1): void {
    this.count[name] += by;
  }

  /** Remember a request; its body is parsed only when a snapshot is taken. */
  see(
    request: {
      readonly method: string;
      readonly path: string;
      readonly headers: ReadonlyMap<string, string>;
      readonly body: Uint8Array;
    },
  ): void {
    const { method, path, headers, body } = request;
    this.#byPath.set(path, (this.#byPath.get(path) ?? 0) + 1);
    const kept = body.length > BODY_LIMIT ? encodeUtf8(`(${body.length} bytes)`) : body;
    this.#last.push({ head: { method, path }, headers, body: kept });
    if (this.#last.length >= 2 * REMEMBERED) this.#last = this.#last.slice(-REMEMBERED);
  }

  /** Zero everything but what runs at this moment. */
  reset(): void {
    Object.assign(this.count, COUNTERS);
    this.#byPath.clear();
    this.#last = [];
  }

  /** All counters, with what the engine's parts say of this moment. */
  snapshot(now: Pick<SimStats, "heldKv" | "leaked" | "waitingNow">): SimStats {
    return {
      ...this.count,
      ...now,
      runningNow: this.runningNow,
      requestsByPath: Object.fromEntries(this.#byPath),
      lastRequests: this.#last.slice(-REMEMBERED).map(({ head, headers, body }) => ({
        ...head,
        headers: Object.fromEntries(headers),
        body: readableBody(body),
      })),
    };
  }
}

function readableBody(body: Uint8Array): unknown {
  if (body.length === 0) return undefined;
  const text = new TextDecoder().decode(body);
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
