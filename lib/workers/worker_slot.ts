/** One worker by its number: its process, its link, and whether it lives. Started again when it ends. @module */
import { type Clock, describeError, every, type Logger, type Timer } from "../base/mod.ts";
import { WORKER_VARIABLE } from "../config/mod.ts";
import { Backoff } from "./backoff.ts";
import type { Call } from "./call.ts";
import { Calls, type OnCall } from "./calls.ts";
import { decodeJson, encodeJson } from "./codec.ts";
import { FRAME, type Frame } from "./frame.ts";
import { Link } from "./link.ts";
import { type Hello, type Order, type WorkerName, type WorkerState, workerTag } from "./records.ts";
import type { ProcessEnd, StartProcess, WorkerProcess } from "./worker_process.ts";

/** How often a worker is asked for a sign of life, and how many it may owe, the one asked for too. */
export const PING_MS = 2_000;
export const MAX_SILENT = 5;

/** How long a worker may take until it serves, in milliseconds. */
export const START_MS = 60_000;

/** How far a worker is. */
export type SlotState = "waiting" | "starting" | "serving" | "ended";

/** Why a worker has ended before it served. */
export interface StartFailure {
  readonly code: number;
  readonly error: string;
}

/** What a worker's supervisor does for it. */
export interface SlotOwner {
  readonly clock: Clock;
  readonly log: Logger;
  readonly start: StartProcess;
  /** What it is to be. */
  hello(name: WorkerName): Hello;
  /** Its process runs, and has been told what it is to be. */
  onBegun(slot: WorkerSlot): void;
  /** It serves. */
  onServing(slot: WorkerSlot, state: Extract<WorkerState, { readonly kind: "serving" }>): void;
  /** Its process has ended; `failure` where it has not served. */
  onEnded(slot: WorkerSlot, failure: StartFailure | undefined): void;
  /** It has sent a frame that is about none of this. */
  onFrame(slot: WorkerSlot, frame: Frame): void;
  /** It asks for something. */
  onCall(slot: WorkerSlot, ...call: Parameters<OnCall>): void;
}

/** A process that runs, and its link. */
interface Running {
  readonly child: WorkerProcess;
  readonly link: Link;
  readonly calls: Calls;
  readonly since: number;
  readonly timers: readonly Timer[];
  silent: number;
  serves: boolean;
  error: string | undefined;
}

/** The workers of one number, one at a time. */
export class WorkerSlot {
  readonly number: number;
  readonly #owner: SlotOwner;
  readonly #backoff = new Backoff();
  #life = 0;
  #running: Running | undefined;
  #pause: Timer | undefined;
  #stopped = false;
  #ended = Promise.withResolvers<void>();

  constructor(number: number, owner: SlotOwner) {
    this.number = number;
    this.#owner = owner;
  }

  get state(): SlotState {
    if (this.#running === undefined) return this.#stopped ? "ended" : "waiting";
    return this.#running.serves ? "serving" : "starting";
  }

  /** How many have had the number. */
  get life(): number {
    return this.#life;
  }

  /** Frames that it has not read. */
  get dropped(): number {
    return this.#running?.link.dropped ?? 0;
  }

  /** Start the first. */
  begin(): void {
    this.#start();
  }

  /** Send a frame, where somebody is there to read it. */
  send(...frame: Parameters<Link["send"]>): void {
    this.#running?.link.send(...frame);
  }

  /** Begin a call; undefined where nobody is there to answer it. */
  call(kind: string, head: Uint8Array): Call | undefined {
    return this.#running?.calls.open(kind, head);
  }

  /** Have it do something; after `stop` and `end` no other is started. */
  order(order: Order): void {
    if (order.kind !== "reload") {
      this.#stopped = true;
      this.#pause?.cancel();
      if (this.#running === undefined) this.#ended.resolve();
    }
    this.send(FRAME.order, "urgent", encodeJson(order));
  }

  /** End its process without a word. */
  kill(): void {
    this.#running?.child.kill();
  }

  /** Resolves when it has ended and no other will be started. */
  get ended(): Promise<void> {
    return this.#ended.promise;
  }

  #start(): void {
    const { clock, start } = this.#owner;
    const name = { number: this.number, life: ++this.#life };
    let child: WorkerProcess;
    try {
      child = start({ [WORKER_VARIABLE]: workerTag(name) });
    } catch (error) {
      return this.#again(0, { code: 1, error: describeError(error) });
    }
    const link = new Link(child.stream, (frame) => this.#take(running, frame));
    const running: Running = {
      child,
      link,
      calls: new Calls(
        link,
        "supervisor",
        (...call) => this.#owner.onCall(this, ...call),
      ),
      since: clock.now(),
      timers: [
        every(clock, PING_MS, () => this.#ping(running)),
        clock.after(START_MS, () => this.#late(running)),
      ],
      silent: 0,
      serves: false,
      error: undefined,
    };
    this.#running = running;
    link.send(FRAME.hello, "urgent", encodeJson(this.#owner.hello(name)));
    this.#owner.onBegun(this);
    // A link that broke is of no use: nothing more could be told, be it to end.
    link.over.then((why) => {
      if (why === undefined || this.#running !== running) return;
      this.#owner.log.error("The link to a worker broke", { worker: this.number, why });
      child.kill();
    });
    child.ended.then((end) => this.#over(running, end));
  }

  #take(running: Running, frame: Frame): void {
    running.silent = 0;
    if (frame.kind === FRAME.pong || running.calls.take(frame)) return;
    if (frame.kind !== FRAME.state) return this.#owner.onFrame(this, frame);
    const state = decodeJson<WorkerState>(frame.payload);
    if (state.kind === "failed") running.error = state.error;
    else {
      running.serves = true;
      const { child: { pid } } = running;
      this.#owner.log.info("A worker serves", { worker: this.number, pid });
      this.#owner.onServing(this, state);
    }
  }

  #ping(running: Running): void {
    // One that starts reads nothing until its code is loaded, and has its own limit.
    if (!running.serves) running.silent = 0;
    // Counted, not timed: a supervisor that was held up itself must not blame those who were not.
    if (++running.silent > MAX_SILENT) {
      this.#owner.log.error("A worker gives no sign of life, and is ended", {
        worker: this.number,
        pid: running.child.pid,
      });
      return running.child.kill();
    }
    running.link.send(FRAME.ping, "urgent");
  }

  #late(running: Running): void {
    if (running.serves) return;
    running.error ??= `it does not serve after ${START_MS / 1000} s`;
    running.child.kill();
  }

  #over(running: Running, end: ProcessEnd): void {
    const { link, calls, timers, since, serves, error, child: { pid } } = running;
    for (const timer of timers) timer.cancel();
    link.close();
    calls.end();
    this.#running = undefined;
    const { code, signal } = end;
    const livedMs = this.#owner.clock.now() - since;
    if (!this.#stopped) {
      const ended = { worker: this.number, pid, code, signal, after_s: Math.round(livedMs / 1000) };
      if (code === 0) this.#owner.log.info("A worker has ended", ended);
      else this.#owner.log.error("A worker has ended", ended);
    }
    const why = error ?? `it ended with ${signal ?? code}`;
    // Somebody has told it to end: that is no failure, however short its life was.
    const told = serves && code === 0;
    this.#again(told ? Infinity : livedMs, serves ? undefined : { code, error: why });
  }

  #again(livedMs: number, failure: StartFailure | undefined): void {
    const { clock, log } = this.#owner;
    if (!this.#stopped) {
      const pauseMs = this.#backoff.next(livedMs);
      if (failure !== undefined) {
        const { error } = failure;
        log.error("A worker cannot start", { worker: this.number, error, again_in_ms: pauseMs });
      }
      this.#pause = clock.after(pauseMs, () => this.#start());
    }
    this.#owner.onEnded(this, failure);
    if (this.#stopped) this.#ended.resolve();
  }
}
