/** A closed loop of clients on keep-alive connections. @module */
import { ResponseCounter } from "./response_counter.ts";

/** What to ask, of whom, how often at a time. */
export interface LoadAsk {
  readonly port: number;
  /** One whole request, head and body. */
  readonly request: Uint8Array;
  /** Connections, each with one request under way. */
  readonly connections: number;
  readonly durationMs: number;
  /** Events each answer must have; undefined for answers that are not streams. */
  readonly events?: number | undefined;
  /**
   * How long after its time it may still wait for answers, in milliseconds.
   * @default {20_000}
   */
  readonly tailMs?: number;
}

/** What was seen. Requests under way at the end of the time are completed, but not counted here. */
export interface LoadResult {
  /** The time counted over, in seconds. */
  readonly seconds: number;
  readonly requests: number;
  readonly events: number;
  /** Requests and events with those completed after the time: what CPU time is to be divided by. */
  readonly allRequests: number;
  readonly allEvents: number;
  /** Of each request, in milliseconds. */
  readonly latencies: readonly number[];
  /** From a request to its first event, in milliseconds. */
  readonly firstEvents: readonly number[];
  /** Between one event and the next of a stream, in milliseconds; 0 for those that came together. */
  readonly gaps: readonly number[];
}

/** How long after its time a load may still wait for answers. */
const TAIL_MS = 20_000;

/**
 * Run one load. Rejects when an answer is not 200, or has not the events it must have, or does not
 * end; no connection is left open then either.
 */
export async function runLoad(ask: LoadAsk): Promise<LoadResult> {
  const run = new Run(ask);
  const connections: Deno.TcpConn[] = [];
  const close = (): void => {
    for (const connection of connections.splice(0)) connection.close();
  };
  let late = false;
  const timer = setTimeout(() => {
    late = true;
    close();
  }, ask.durationMs + (ask.tailMs ?? TAIL_MS));
  try {
    for (let count = 0; count < ask.connections; count++) {
      connections.push(await Deno.connect({ hostname: "127.0.0.1", port: ask.port }));
    }
    run.begin();
    await Promise.all(connections.map((connection) => run.client(connection)));
    return run.result();
  } catch (cause) {
    throw late ? new Error(`Cannot end the load on port ${ask.port} in time`, { cause }) : cause;
  } finally {
    clearTimeout(timer);
    close();
  }
}

class Run {
  readonly #ask: LoadAsk;
  #endsAt = 0;
  #requests = 0;
  #events = 0;
  #allRequests = 0;
  #allEvents = 0;
  readonly #latencies: number[] = [];
  readonly #firstEvents: number[] = [];
  readonly #gaps: number[] = [];

  constructor(ask: LoadAsk) {
    this.#ask = ask;
  }

  begin(): void {
    this.#endsAt = performance.now() + this.#ask.durationMs;
  }

  /** Ask again and again on one connection, until the time is over. */
  async client(connection: Deno.TcpConn): Promise<void> {
    connection.setNoDelay(true);
    const buffer = new Uint8Array(64 * 1024);
    const counter = new ResponseCounter();
    while (performance.now() < this.#endsAt) {
      counter.reset();
      const sentAt = performance.now();
      const reading = this.#read(connection, buffer, counter, sentAt);
      await Promise.all([writeAll(connection, this.#ask.request), reading]);
      const endedAt = performance.now();
      this.#check(counter);
      this.#allRequests++;
      if (endedAt > this.#endsAt) continue;
      this.#requests++;
      this.#latencies.push(endedAt - sentAt);
    }
  }

  result(): LoadResult {
    return {
      seconds: this.#ask.durationMs / 1000,
      requests: this.#requests,
      events: this.#events,
      allRequests: this.#allRequests,
      allEvents: this.#allEvents,
      latencies: this.#latencies,
      firstEvents: this.#firstEvents,
      gaps: this.#gaps,
    };
  }

  async #read(
    connection: Deno.TcpConn,
    buffer: Uint8Array,
    counter: ResponseCounter,
    sentAt: number,
  ): Promise<void> {
    let lastAt = sentAt;
    let ended = false;
    while (!ended) {
      const size = await connection.read(buffer);
      if (size === null) throw new Error("Cannot read an answer: the connection was closed");
      const before = counter.events;
      ended = counter.push(buffer.subarray(0, size));
      const fresh = counter.events - before;
      if (fresh === 0) continue;
      const now = performance.now();
      this.#note(fresh, now - lastAt, before === 0, now);
      lastAt = now;
    }
  }

  #note(fresh: number, waitedMs: number, first: boolean, now: number): void {
    this.#allEvents += fresh;
    if (now > this.#endsAt) return;
    this.#events += fresh;
    if (first) this.#firstEvents.push(waitedMs);
    else this.#gaps.push(waitedMs);
    for (let extra = 1; extra < fresh; extra++) this.#gaps.push(0);
  }

  #check({ status, events, bytes }: ResponseCounter): void {
    const { port, events: wanted } = this.#ask;
    if (status !== 200) throw new Error(`Cannot go on: status ${status} from port ${port}`);
    if (wanted === undefined || events === wanted) return;
    throw new Error(
      `Cannot go on: ${events} events instead of ${wanted} (${bytes} bytes) from port ${port}`,
    );
  }
}

async function writeAll(connection: Deno.TcpConn, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length;) at += await connection.write(bytes.subarray(at));
}
