/** The first of several processes: starts the workers, and stands between them. Serves no client. @module */
import type { ClusterState } from "../cluster/mod.ts";
import { type Clock, decodeUtf8, type Logger, sleep } from "../base/mod.ts";
import type { Call } from "./call.ts";
import { encodeJson } from "./codec.ts";
import { FRAME, type Frame } from "./frame.ts";
import type { Hello, Listening, MemberChange, WorkerName, WorkerState } from "./records.ts";
import { type SlotOwner, type StartFailure, WorkerSlot } from "./worker_slot.ts";
import type { StartProcess } from "./worker_process.ts";

/** What a supervisor works with. */
export interface SupervisorParts {
  readonly clock: Clock;
  readonly log: Logger;
  readonly start: StartProcess;
  /** Workers, at least 1. */
  readonly count: number;
  /** What all workers are to be. */
  readonly common: Pick<Hello, "port" | "adminPort" | "begunMs" | "secret" | "files">;
  /** Takes what workers write. */
  readonly write: (text: string) => void;
}

/** Answers calls of workers that are of one kind. Must not throw. */
export type CallHandler = (from: WorkerSlot, head: Uint8Array, call: Call) => void;

/** How the first start has gone. */
export type FirstStart =
  | {
    readonly kind: "serving";
    readonly address: Listening;
    readonly admin?: Listening | undefined;
  }
  | ({ readonly kind: "failed" } & StartFailure);

/** What a supervisor has of the cluster that its workers are in. */
export interface ClusterEnd {
  readonly state: ClusterState;
  /** A worker tells all others something. */
  tell(worker: WorkerName, message: Uint8Array): void;
}

/** After that long behind an order to end, in milliseconds, who is still there is ended without a word. */
const LAST_MS = 1_500;

/** Several workers under one roof. */
export class Supervisor implements SlotOwner {
  readonly clock: Clock;
  readonly log: Logger;
  readonly start: StartProcess;
  readonly #parts: SupervisorParts;
  readonly #slots: readonly WorkerSlot[];
  readonly #first = Promise.withResolvers<FirstStart>();
  /** Numbers that have neither served nor failed yet. */
  readonly #awaited: Set<number>;
  readonly #handlers = new Map<string, CallHandler>();
  #onBegin: (slot: WorkerSlot) => void = () => {};
  #onEnd: (slot: WorkerSlot) => void = () => {};
  #serving: Extract<WorkerState, { readonly kind: "serving" }> | undefined;
  #cluster: ClusterEnd | undefined;
  #notifications: Hello["notifications"];
  #changes: string | undefined;

  constructor(parts: SupervisorParts) {
    this.#parts = parts;
    this.clock = parts.clock;
    this.log = parts.log;
    this.start = parts.start;
    this.#slots = Array.from(
      { length: parts.count },
      (_, index) => new WorkerSlot(index + 1, this),
    );
    this.#awaited = new Set(this.#slots.map(({ number }) => number));
  }

  /** All workers by number, those that are not there at the moment too. */
  get slots(): readonly WorkerSlot[] {
    return this.#slots;
  }

  /** What was changed by hand, for workers that are started later. */
  keep(changes: string): void {
    this.#changes = changes;
  }

  /** Have what workers tell one another go there too. */
  join(cluster: ClusterEnd): void {
    this.#cluster = cluster;
  }

  /** Have calls of `kind` answered by `handler`. */
  answer(kind: string, handler: CallHandler): void {
    this.#handlers.set(kind, handler);
  }

  /** Have `on` told of each worker that was begun, and knows what it is to be. */
  onBegin(on: (slot: WorkerSlot) => void): void {
    this.#onBegin = on;
  }

  /** Have `on` told of each worker that has ended. */
  onEnd(on: (slot: WorkerSlot) => void): void {
    this.#onEnd = on;
  }

  /** Start all; resolves when each has served or failed. With none that serves, all are ended. */
  begin(notifications: Hello["notifications"]): Promise<FirstStart> {
    this.#notifications = notifications;
    for (const slot of this.#slots) slot.begin();
    return this.#first.promise;
  }

  /** Have all read the configuration again. */
  reload(): void {
    for (const slot of this.#slots) slot.order({ kind: "reload" });
  }

  /**
   * Have all end when what they have under way has; resolves when they have, which takes `longestMs` at
   * most: who is still there then is ended.
   */
  async stop(signal: string, longestMs: number): Promise<void> {
    for (const slot of this.#slots) slot.order({ kind: "stop", signal });
    await this.#ended(longestMs);
  }

  /** Have all end at once; resolves when they have. */
  async end(): Promise<void> {
    for (const slot of this.#slots) slot.order({ kind: "end" });
    await this.#ended(LAST_MS);
  }

  hello(name: WorkerName): Hello {
    return {
      ...name,
      ...this.#parts.common,
      count: this.#slots.length,
      notifications: this.#notifications,
      peers: this.#slots.filter(({ number, state }) =>
        number !== name.number && (state === "starting" || state === "serving")
      ).map(({ number, life }) => ({ number, life, there: true })),
      changes: this.#changes,
      cluster: this.#cluster?.state,
    };
  }

  onBegun(slot: WorkerSlot): void {
    this.#onBegin(slot);
    this.#tellOthers(slot, true);
  }

  onServing(slot: WorkerSlot, state: Extract<WorkerState, { readonly kind: "serving" }>): void {
    this.#serving ??= state;
    this.#settle(slot.number, undefined);
  }

  onEnded(slot: WorkerSlot, failure: StartFailure | undefined): void {
    this.#tellOthers(slot, false);
    this.#onEnd(slot);
    if (failure !== undefined) this.#settle(slot.number, failure);
  }

  onFrame(slot: WorkerSlot, { kind, payload }: Frame): void {
    if (kind === FRAME.tell) {
      const from = Uint8Array.of(slot.number);
      for (const other of this.#slots) {
        if (other !== slot) other.send(FRAME.tell, "loose", from, payload);
      }
      this.#cluster?.tell(slot, payload);
    } else if (kind === FRAME.lines) this.#parts.write(decodeUtf8(payload));
  }

  onCall(slot: WorkerSlot, kind: string, head: Uint8Array, call: Call): void {
    const handler = this.#handlers.get(kind);
    if (handler === undefined) call.cancel(`Nobody answers '${kind}'`);
    else handler(slot, head, call);
  }

  async #ended(longestMs: number): Promise<void> {
    const all = Promise.all(this.#slots.map(({ ended }) => ended)).then(() => {});
    const late = new AbortController();
    const waited = sleep(this.clock, longestMs, late.signal);
    await Promise.race([all, waited]);
    late.abort();
    for (const slot of this.#slots) slot.kill();
    await all;
  }

  #tellOthers({ number, life }: WorkerSlot, there: boolean): void {
    const change: MemberChange = { number, life, there };
    for (const other of this.#slots) {
      if (other.number !== number) other.send(FRAME.member, "urgent", encodeJson(change));
    }
  }

  #settle(number: number, failure: StartFailure | undefined): void {
    if (!this.#awaited.delete(number)) return;
    if (this.#serving !== undefined) {
      const { address, admin } = this.#serving;
      if (this.#awaited.size === 0) this.#first.resolve({ kind: "serving", address, admin });
      return;
    }
    if (this.#awaited.size > 0 || failure === undefined) return;
    for (const slot of this.#slots) slot.order({ kind: "end" });
    this.#first.resolve({ kind: "failed", ...failure });
  }
}
