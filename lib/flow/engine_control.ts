/** What engines are told to do, not to answer: to sleep, to wake up, to take an adapter. @module */
import {
  type AbortWatch,
  type ByteParts,
  type Clock,
  type Engine,
  errorCodeOf,
  isUnsent,
  jsonOf,
  recordOf,
  signalOf,
  sleep,
} from "../base/mod.ts";
import type { Answer, FlowDeps } from "../request/mod.ts";
import { forwardResponseHeaders, type HeaderField } from "../upstream/mod.ts";

/** What it works with. */
export interface EngineControlDeps extends Pick<FlowDeps, "upstream" | "timeouts"> {
  readonly clock: Clock;
  readonly fleet: {
    setAsleep(engine: Engine, asleep: boolean): void;
    ask(ids: Iterable<string>): Promise<void>;
  };
  /** Shown to engines in the place of the client's key. */
  readonly apiKey: string | undefined;
}

/** What one engine is told. */
export interface ControlAsk {
  readonly method: "GET" | "POST";
  /** With its query. */
  readonly path: string;
  /** The client's fields that engines shall see. */
  readonly headers: readonly HeaderField[];
  readonly body?: ByteParts;
  /** Aborts when the client has gone. */
  readonly signal: AbortWatch;
}

/** An engine's answer, which is small. */
export type ControlAnswer = Answer & { readonly body: Uint8Array };

/** Largest answer, in bytes. */
const MAX_ANSWER_BYTES = 1024 * 1024;

/** Longest wait for the word of an engine that nobody but the router has asked, in milliseconds. */
const OWN_MS = 2_000;

/** Tells engines what to do, and has the fleet know what has become of it. */
export class EngineControl {
  readonly #deps: EngineControlDeps;

  constructor(deps: EngineControlDeps) {
    this.#deps = deps;
  }

  /**
   * Put `engine` to sleep; `asleep` says whether it sleeps already. It gets nothing from the moment before
   * on. Rejects as the upstream client.
   */
  async sleep(engine: Engine, asleep: boolean, ask: ControlAsk): Promise<ControlAnswer> {
    const { fleet } = this.#deps;
    fleet.setAsleep(engine, true);
    try {
      const answer = await this.tell(engine, ask);
      if (answer.status >= 400) fleet.setAsleep(engine, asleep);
      return answer;
    } catch (error) {
      if (isUnsent(error)) fleet.setAsleep(engine, asleep);
      // Nobody knows whether it has heard of it: it is asked.
      else fleet.ask([engine.id]);
      throw error;
    }
  }

  /** Wake `engine` up. It sleeps on where it says so: a part of it may be woken up alone. Rejects likewise. */
  async wakeUp(engine: Engine, ask: ControlAsk): Promise<ControlAnswer> {
    const answer = await this.tell(engine, ask);
    if (answer.status >= 400) return answer;
    const asleep = await this.isAsleep(engine, ask.signal);
    this.#deps.fleet.setAsleep(engine, asleep ?? false);
    return answer;
  }

  /** Have `engine` say whether it sleeps, which the fleet learns. Rejects likewise. */
  async askAsleep(engine: Engine, ask: ControlAsk): Promise<ControlAnswer> {
    const answer = await this.tell(engine, ask);
    const asleep = asleepIn(answer);
    if (asleep !== undefined) this.#deps.fleet.setAsleep(engine, asleep);
    return answer;
  }

  /** Whether `engine` sleeps; undefined where it does not say, or gives no answer. */
  async isAsleep(engine: Engine, signal: AbortWatch): Promise<boolean | undefined> {
    const ask = { method: "GET", path: "/is_sleeping", headers: [], signal } as const;
    try {
      return asleepIn(await this.#send(engine, ask, OWN_MS));
    } catch (error) {
      if (errorCodeOf(error) === undefined) throw error;
      // Whether it is there at all is for the question for its models to find out.
      return undefined;
    }
  }

  /** Tell `engine` something, and give its answer back. Rejects as the upstream client. */
  tell(engine: Engine, ask: ControlAsk): Promise<ControlAnswer> {
    return this.#send(engine, ask, this.#deps.timeouts.wholeAnswerMs);
  }

  /** Have the fleet learn what `engines` serve; resolves when they have said so, or after a while. */
  async learn(engines: readonly Engine[], signal: AbortWatch): Promise<void> {
    const { clock, fleet } = this.#deps;
    const ended = new AbortController();
    const late = sleep(clock, OWN_MS, AbortSignal.any([signalOf(signal), ended.signal]));
    await Promise.race([fleet.ask(engines.map(({ id }) => id)), late]);
    ended.abort();
  }

  async #send(engine: Engine, ask: ControlAsk, headTimeoutMs: number): Promise<ControlAnswer> {
    const { upstream, timeouts } = this.#deps;
    const { method, path, body, signal } = ask;
    using response = await upstream.send({
      method,
      url: engine.url,
      path,
      headers: this.#fieldsOf(ask),
      ...(body === undefined ? {} : { body }),
      replayable: method === "GET",
      connectTimeoutMs: timeouts.connectMs,
      headTimeoutMs,
      idleTimeoutMs: timeouts.streamIdleMs,
      signal,
    });
    const { status } = response;
    const read = await response.readAll(MAX_ANSWER_BYTES);
    return { status, headers: forwardResponseHeaders(response.headers), body: read.slice() };
  }

  #fieldsOf({ headers }: ControlAsk): readonly HeaderField[] {
    const { apiKey } = this.#deps;
    if (apiKey === undefined) return headers;
    const others = headers.filter(([name]) => name !== "authorization");
    return [...others, ["authorization", `Bearer ${apiKey}`]];
  }
}

function asleepIn({ status, body }: ControlAnswer): boolean | undefined {
  if (status !== 200) return undefined;
  const { is_sleeping: asleep } = recordOf(jsonOf(body)) ?? {};
  return typeof asleep === "boolean" ? asleep : undefined;
}
