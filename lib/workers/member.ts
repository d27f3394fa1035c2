/** A worker's end of the link: what it is to be and to do, and what it asks and tells. @module */
import type { Logger } from "../base/mod.ts";
import type { Call } from "./call.ts";
import { Calls } from "./calls.ts";
import { decodeJson, encodeJson } from "./codec.ts";
import { FRAME, type Frame } from "./frame.ts";
import { type ByteStream, Link } from "./link.ts";
import { LinkBus } from "./link_bus.ts";
import { LinkPull } from "./link_pull.ts";
import type { Hello, Order, WorkerState } from "./records.ts";

/** Takes a call of the supervisor's, be it in another worker's name. Must not throw. */
export type OnAsked = (head: Uint8Array, call: Call) => void;

/** One worker among others. */
export class Member {
  readonly hello: Hello;
  readonly bus: LinkBus;
  /** The supervisor's socket for notifications; undefined where it has none. */
  readonly pull: LinkPull | undefined;
  readonly #link: Link;
  readonly #calls: Calls;
  readonly #handlers = new Map<string, OnAsked>();
  /** What is asked before the router is there. */
  #early: (() => void)[] | undefined = [];
  /** Orders that nobody has asked for yet. */
  #orders: Order[] = [];
  #onOrder: ((order: Order) => void) | undefined;

  private constructor(hello: Hello, link: Link, calls: Calls) {
    this.hello = hello;
    this.#link = link;
    this.#calls = calls;
    this.bus = new LinkBus(link, hello, hello.peers, hello.cluster);
    this.pull = hello.notifications && new LinkPull(hello.notifications);
  }

  /** Resolves when the supervisor has said what this process is to be; undefined where it has gone before. */
  static async join(stream: ByteStream): Promise<Member | undefined> {
    const told = Promise.withResolvers<Member>();
    let member: Member | undefined;
    const link: Link = new Link(stream, (frame) => {
      if (member !== undefined) return member.#take(frame);
      if (frame.kind !== FRAME.hello) return;
      member = new Member(decodeJson<Hello>(frame.payload), link, calls);
      told.resolve(member);
    });
    const calls = new Calls(link, "worker", (kind, head, call) => {
      if (member === undefined) call.cancel("This worker does not know what it is");
      else member.#asked(kind, head, call);
    });
    link.over.then(() => calls.end());
    return await Promise.race([told.promise, link.over.then(() => undefined)]);
  }

  /** What notifications of this worker's handoffs carry, at the moment. */
  get tag(): string {
    return this.bus.self;
  }

  /** Resolves when the supervisor has gone. */
  get over(): Promise<string | undefined> {
    return this.#link.over;
  }

  /** Have `listener`, one at most, do what is ordered, from the first order on. */
  onOrder(listener: (order: Order) => void): void {
    this.#onOrder = listener;
    for (const order of this.#orders.splice(0)) listener(order);
  }

  /** Have calls of `kind` answered by `handler`. */
  answer(kind: string, handler: OnAsked): void {
    this.#handlers.set(kind, handler);
  }

  /** All that can be answered is: what was asked before is answered by then. */
  attached(): void {
    const early = this.#early;
    this.#early = undefined;
    for (const ask of early ?? []) ask();
  }

  /** Begin a call of the supervisor. */
  call(kind: string, head: Uint8Array): Call {
    return this.#calls.open(kind, head);
  }

  /** Say how far this worker is; resolves when that is out. */
  async tell(state: WorkerState): Promise<void> {
    this.#link.send(FRAME.state, "urgent", encodeJson(state));
    await this.#link.flushed();
  }

  /** Have lines written; resolves when they are out. */
  async write(bytes: Uint8Array): Promise<void> {
    this.#link.send(FRAME.lines, "steady", bytes);
    await this.#link.flushed();
  }

  #asked(kind: string, head: Uint8Array, call: Call): void {
    const handler = this.#handlers.get(kind);
    if (handler !== undefined) handler(head, call);
    // As many as there can be calls at once.
    else if (this.#early !== undefined) this.#early.push(() => this.#asked(kind, head, call));
    else call.cancel(`This worker answers no '${kind}'`);
  }

  #take(frame: Frame): void {
    if (this.#calls.take(frame)) return;
    const { kind, payload } = frame;
    switch (kind) {
      case FRAME.ping:
        return this.#link.send(FRAME.pong, "urgent");
      case FRAME.notice:
        return this.pull?.push(payload);
      case FRAME.peer:
        return this.pull?.tell(decodeJson(payload));
      case FRAME.tell:
        return this.bus.take(payload);
      case FRAME.far:
        return this.bus.takeFar(payload);
      case FRAME.cluster:
        return this.bus.stand(decodeJson(payload));
      case FRAME.member:
        return this.bus.tell(decodeJson(payload));
      case FRAME.order: {
        const order = decodeJson<Order>(payload);
        if (this.#onOrder === undefined) this.#orders.push(order);
        else this.#onOrder(order);
        return;
      }
      default:
        return undefined;
    }
  }
}

/** `log` with the worker's number in each line. */
export function numberedLog(log: Logger, worker: number): Logger {
  const numbered = (fields: Parameters<Logger["info"]>[1]): Parameters<Logger["info"]>[1] =>
    typeof fields === "function" ? () => ({ ...fields(), worker }) : { ...fields, worker };
  return {
    enabled: (level) => log.enabled(level),
    written: log.written && (() => log.written?.()),
    error: (message, fields) => log.error(message, numbered(fields)),
    warning: (message, fields) => log.warning(message, numbered(fields)),
    info: (message, fields) => log.info(message, numbered(fields)),
    debug: (message, fields) => log.debug(message, numbered(fields)),
  };
}
