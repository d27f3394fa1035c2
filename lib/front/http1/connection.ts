/**
 * The life of one connection: its requests one after the other, its limits, its end.
 *
 * A read is pending all the time, so that a client that leaves is noticed whatever is under way. The
 * end of what it sends, while it waits for an answer, is taken for its departure: TCP tells who has
 * closed from who has only shut down his side by no other sign than a write that fails, and a whole
 * answer may be minutes away from that. An answer that is whole all the same is written.
 * @module
 */
import { encodeUtf8, RouterError } from "../../base/mod.ts";
import type { Answer } from "../../request/mod.ts";
import type { FrontBody, FrontRequest } from "../front.ts";
import type { AskedBy } from "./answer_plan.ts";
import type { ConnectionHost } from "./connection_host.ts";
import { Delivery } from "./delivery.ts";
import { Exchange } from "./exchange.ts";
import { Intake, type IntakeEnd, type IntakeOwner, WINDOW_BYTES } from "./intake.ts";
import { Output } from "./output.ts";
import { Refusal } from "./refusal.ts";
import { refusalAnswer } from "./refusal_answer.ts";
import { ArrivingBody, type BodyOwner, ChunkedFeed, NO_BODY, WholeBody } from "./request_body.ts";
import { MAX_HEAD_BYTES, type RequestHead, RequestHeadReader } from "./request_head.ts";
import { Slab } from "./slab.ts";
import { closeQuietly, type FrontSocket } from "./socket.ts";
import type { Limit } from "./wheel.ts";

/** Most bytes of a body nobody has read that are passed over to keep a connection. */
export const MAX_PASSED_BYTES = 64 * 1024;

/**
 * What a client may still send, and how long, in milliseconds, when nothing more is read of it: were
 * it cut off at once, it would lose an answer it has not read yet.
 */
export const MAX_LINGER_BYTES = 32 * 1024 * 1024;
export const LINGER_MS = 5_000;

const CONTINUE = encodeUtf8("HTTP/1.1 100 Continue\r\n\r\n");

/** Refused requests are answered as if they were such: what they are is not known. */
const UNKNOWN = { method: "GET", minor: 1 } as const;

/** What a connection is at; `passing`: over a body that nobody has read. */
type Phase = "handshake" | "head" | "exchange" | "passing" | "refusing" | "lingering";

/** Serves one client. */
export class Connection implements IntakeOwner, BodyOwner {
  /** When it was last idle, as a number that grows. */
  idleSince = 0;
  readonly #host: ConnectionHost;
  readonly #socket: FrontSocket;
  readonly #remote: FrontRequest["remote"];
  readonly #intake: Intake;
  readonly #output: Output;
  /** Of what is waited for from the client. */
  readonly #limit: Limit;
  readonly #heads = new RequestHeadReader();
  #phase: Phase = "handshake";
  #handshake: Promise<void> | undefined;
  /** It has taken too long: when it ends, so does the connection. */
  #tooLate = false;
  #exchange: Exchange | undefined;
  /** Bytes of the head awaited are here. */
  #headBegun = false;
  #keepAlive = false;
  /** A request has been answered. */
  #served = false;
  /** The wheel's looks when it was last idle. */
  #idleLook = 0;
  /** The client waits for word that its body is wanted. */
  #expects = false;
  #body: ArrivingBody | undefined;
  #slab: Slab | undefined;
  #delivery: Delivery | undefined;
  /** Bytes thrown away since the last answer. */
  #dropped = 0;
  #closed = false;

  constructor(socket: FrontSocket, host: ConnectionHost) {
    const { hostname, port } = socket.remoteAddr;
    this.#host = host;
    this.#socket = socket;
    this.#remote = { hostname, port };
    this.#intake = new Intake(socket, this);
    this.#limit = host.wheel.limit(() => this.#onLate());
    this.#output = new Output(socket, host.wheel, host.limits.writeIdleMs, () => this.#onStuck());
  }

  /** Where it comes from. */
  get address(): string {
    return this.#remote.hostname;
  }

  /** True between requests, and before the first. */
  get idle(): boolean {
    const { start, end } = this.#intake.window;
    return this.#phase === "head" && start === end;
  }

  /** True when it is idle and may well be closed: one that has just come is about to ask. */
  get rests(): boolean {
    return this.idle && (this.#served || this.#host.wheel.looks - this.#idleLook > 1);
  }

  /** Begin to serve. */
  start(): void {
    if (this.#socket.handshake === undefined) return this.#awaitRequest();
    this.#limit.set(this.#host.limits.headMs);
    this.#handshake = this.#socket.handshake().then(() => {
      if (this.#closed) return;
      if (this.#tooLate) this.close();
      else this.#awaitRequest();
    }, () => this.close());
  }

  /** End it as soon as nothing is under way. */
  drain(): void {
    if (this.idle || this.#phase === "handshake") this.close();
  }

  /** End it, whatever is under way. Any number of times. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#limit[Symbol.dispose]();
    this.#output[Symbol.dispose]();
    this.#exchange?.leave();
    this.#body?.close(clientGone());
    this.#delivery?.leave();
    closeQuietly(this.#socket);
    Promise.all([this.#intake.idle(), this.#output.idle(), this.#handshake])
      .then(() => this.#host.onClosed(this));
  }

  onArrived(size: number): void {
    if (this.#closed) return;
    // A read was pending when the body began.
    this.#slab?.fillFrom(this.#intake.window);
    // The whole body is here: what follows is another request.
    if (this.#slab?.complete) this.#leaveSlab();
    switch (this.#phase) {
      case "head":
        return this.#readHead();
      case "exchange":
        this.#body?.arrived();
        return this.#intake.listen();
      case "passing":
        return this.#pass();
      case "lingering":
        return this.#drop(size);
      case "handshake":
      case "refusing":
        return;
      default:
        return this.#phase satisfies never;
    }
  }

  onEnded(end: IntakeEnd): void {
    if (this.#closed) return;
    if (end === "lost" || (this.#phase !== "exchange" && this.#phase !== "refusing")) {
      return this.close();
    }
    this.#exchange?.leave();
    this.#body?.close(clientGone());
    this.#delivery?.leave();
  }

  onBodyAwaited(): void {
    const { start, end } = this.#intake.window;
    if (this.#expects && this.#delivery === undefined && start === end) {
      this.#output.write(CONTINUE);
    }
    this.#expects = false;
    this.#limit.set(this.#host.limits.bodyIdleMs);
    this.#intake.listen();
  }

  onBodyGot(): void {
    this.#limit.clear();
  }

  onBodyTaken(): void {
    this.#expects = false;
    this.#intake.listen();
  }

  #awaitRequest(): void {
    if (this.#intake.end !== undefined) return this.close();
    if (this.#host.draining) return this.#end();
    this.#phase = "head";
    this.idleSince = this.#host.turn();
    this.#idleLook = this.#host.wheel.looks;
    this.#limit.set(this.#host.limits.keepAliveMs);
    this.#headBegun = false;
    if (this.idle) this.#intake.listen();
    else this.#readHead();
  }

  #readHead(): void {
    const { window } = this.#intake;
    let head: RequestHead | undefined;
    try {
      head = this.#heads.read(window);
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      this.#host.tell({ kind: "refused", why: "malformed" });
      return this.#refuse(error);
    }
    if (head !== undefined) return this.#begin(head);
    if (!this.#headBegun && window.start < window.end) {
      this.#headBegun = true;
      this.#limit.set(this.#host.limits.headMs);
    }
    if (window.end - window.start === WINDOW_BYTES) this.#intake.resize(MAX_HEAD_BYTES);
    this.#intake.listen();
  }

  #begin(head: RequestHead): void {
    const { length, keepAlive, expects } = head.framing;
    this.#phase = "exchange";
    this.#limit.clear();
    this.#keepAlive = keepAlive;
    this.#expects = expects;
    const exchange = new Exchange(head, this.#bodyOf(length), this.#remote);
    this.#exchange = exchange;
    this.#intake.resize(WINDOW_BYTES);
    this.#intake.listen();
    try {
      this.#host.handler(exchange).then(this.#onAnswer, this.#onFault);
    } catch (error) {
      this.#onFault(error);
    }
  }

  /** A body that is here is copied, so that its place is free for what follows. */
  #bodyOf(length: number | undefined): FrontBody {
    const { window } = this.#intake;
    const here = window.end - window.start;
    if (length === 0) return NO_BODY;
    if (length !== undefined && length <= here) {
      const { bytes: all, start } = window;
      const bytes = this.#host.copies.copy(all, start, start + length);
      window.start += length;
      return new WholeBody(bytes);
    }
    if (length === undefined) {
      return this.#body = new ArrivingBody(length, new ChunkedFeed(this.#intake), this);
    }
    const slab = new Slab(length, window.bytes.length);
    slab.fillFrom(window);
    this.#slab = slab;
    this.#intake.direct(slab);
    return this.#body = new ArrivingBody(length, slab, this);
  }

  readonly #onAnswer = (answer: Answer): void => {
    const exchange = this.#exchange;
    if (this.#closed || exchange === undefined) return discard(answer);
    this.#deliver(answer, exchange, this.#keepAlive);
  };

  readonly #onFault = (error: unknown): void => {
    const answer = this.#host.onFault(error);
    if (!this.#closed) this.#deliver(answer, this.#exchange ?? UNKNOWN, false);
  };

  #refuse(refusal: Refusal): void {
    this.#phase = "refusing";
    this.#limit.clear();
    this.#deliver(refusalAnswer(refusal), UNKNOWN, false);
  }

  /** Send an answer; then the next request, or the end. */
  async #deliver(answer: Answer, asked: AskedBy, mayKeep: boolean): Promise<void> {
    const { scratches, date, onFault } = this.#host;
    const output = this.#output;
    const scratch = scratches.take();
    const delivery = new Delivery({ output, scratch, date: date.line(), onFault });
    this.#delivery = delivery;
    // Word that the body is wanted may be on its way.
    if (output.writing) await output.idle();
    if (this.#closed || this.#intake.end !== undefined) delivery.leave();
    const keeps = mayKeep && this.#mayKeep(answer.body);
    const { complete, keepAlive } = await delivery.send(answer, asked, keeps);
    this.#delivery = undefined;
    if (!complete || this.#intake.end !== undefined) this.close();
    // A stream may have been given up in the middle of a write.
    if (output.writing) await output.idle();
    scratches.give(scratch);
    if (this.#closed) return;
    this.#exchange = undefined;
    this.#served = true;
    this.#settle(keepAlive);
  }

  /** Whether the connection can be used again behind an answer that begins with the request as it is. */
  #mayKeep(answer: Answer["body"]): boolean {
    if (this.#host.draining || this.#intake.end !== undefined) return false;
    const body = this.#body;
    if (body === undefined || body.done) return true;
    if (body.failed || this.#expects) return false;
    return !(answer instanceof Uint8Array) || (body.left ?? 0) <= MAX_PASSED_BYTES;
  }

  /** The answer is out: see to what is left of the request. */
  #settle(keepAlive: boolean): void {
    const body = this.#body;
    if (body === undefined) return keepAlive ? this.#awaitRequest() : this.#end();
    body.close(new RouterError("client-gone", "The request has been answered"));
    this.#dropped = 0;
    if (!keepAlive) return this.#end();
    this.#phase = "passing";
    this.#limit.set(this.#host.limits.bodyIdleMs);
    this.#pass();
  }

  /** Pass over what is left of the body. */
  #pass(): void {
    const body = this.#body;
    if (body === undefined) return;
    this.#dropped += body.pass();
    if (body.done) {
      this.#body = undefined;
      return this.#awaitRequest();
    }
    if (body.malformed || this.#dropped > MAX_PASSED_BYTES) return this.#linger();
    this.#intake.listen();
  }

  /** Close, once the client has had its answer. */
  #end(): void {
    const { start, end } = this.#intake.window;
    if (start < end || this.#phase === "refusing" || this.#body?.done === false) this.#linger();
    else this.close();
  }

  /** Say that nothing more will come, and throw away what does until the client has closed. */
  #linger(): void {
    if (this.#intake.end !== undefined) return this.close();
    this.#phase = "lingering";
    this.#dropped = 0;
    this.#body = undefined;
    this.#leaveSlab();
    this.#limit.set(LINGER_MS);
    this.#socket.closeWrite().catch(() => this.close());
    this.#drop(0);
  }

  #drop(size: number): void {
    const { window } = this.#intake;
    window.start = window.end;
    this.#dropped += size;
    if (this.#dropped > MAX_LINGER_BYTES) this.close();
    else this.#intake.listen();
  }

  #leaveSlab(): void {
    this.#slab = undefined;
    this.#intake.direct(undefined);
  }

  /** What was waited for has not come in time. */
  #onLate(): void {
    const isIdle = this.idle;
    switch (this.#phase) {
      case "handshake":
        // The platform keeps the descriptor of a handshake that has not ended, closed or not: so
        // does the connection its place among those that are counted.
        this.#tooLate = true;
        return this.#host.tell({ kind: "timed-out", why: "head" });
      case "head":
        this.#host.tell({ kind: "timed-out", why: isIdle ? "idle" : "head" });
        return isIdle ? this.close() : this.#refuse(new Refusal(408, "the head took too long"));
      case "exchange":
        this.#host.tell({ kind: "timed-out", why: "body" });
        return this.#body?.close(
          new RouterError("client-timeout", "The request body did not arrive in time"),
        );
      case "passing":
      case "lingering":
      case "refusing":
        return this.close();
      default:
        return this.#phase satisfies never;
    }
  }

  /** The client takes nothing of what is there for it. */
  #onStuck(): void {
    this.#host.tell({ kind: "timed-out", why: "write" });
    this.close();
  }
}

/** Nobody is there to take it. */
function discard({ body }: Answer): void {
  if (!(body instanceof Uint8Array)) body.cancel();
}

function clientGone(): RouterError {
  return new RouterError("client-gone", "The client closed the connection");
}
