/**
 * The life of one connection: its requests one after the other, its limits, its end.
 *
 * A read is pending all the time, so that a client that leaves is noticed whatever is under way. One
 * that ends what it sends, while it waits for an answer, is asked whether it is still there (see
 * `departure.ts`), and is answered when it is. Of HTTP/1.0, where nothing can be written that says
 * nothing, that end is taken for its departure: so do proxies of that version leave. An answer that is
 * whole all the same is written.
 * @module
 */
import { encodeUtf8 } from "../../base/mod.ts";
import type { Answer } from "../../request/mod.ts";
import type { FrontRequest } from "../contract/mod.ts";
import { type AskedBy, UNKNOWN } from "./answer_plan.ts";
import { BodyIntake } from "./body_intake.ts";
import type { ConnectionHost } from "./connection_host.ts";
import { Delivery } from "./delivery.ts";
import { Departure } from "./departure.ts";
import { answered, bodyTooSlow, clientGone, discard } from "./endings.ts";
import { Exchange } from "./exchange.ts";
import { Intake, type IntakeEnd, type IntakeOwner, WINDOW_BYTES } from "./intake.ts";
import { LINGER_MS, Lingering } from "./lingering.ts";
import { Output } from "./output.ts";
import type { Phase } from "./phase.ts";
import type { Place } from "./place.ts";
import { Refusal } from "./refusal.ts";
import { refusalAnswer } from "./refusal_answer.ts";
import type { BodyOwner } from "./request_body.ts";
import { MAX_HEAD_BYTES, type RequestHead, RequestHeadReader } from "./request_head.ts";
import { Scratch } from "./scratches.ts";
import { closeQuietly, type FrontSocket } from "./socket.ts";
import type { Limit } from "./wheel.ts";

/** Most bytes of a body nobody has read that are passed over to keep a connection. */
export const MAX_PASSED_BYTES = 64 * 1024;

const CONTINUE = encodeUtf8("HTTP/1.1 100 Continue\r\n\r\n");

/** Serves one client. */
export class Connection implements IntakeOwner, BodyOwner {
  /** When it was last idle, as a number that grows. */
  idleSince = 0;
  /** Where it was let in; left once it is closed. */
  readonly place: Place;
  readonly #host: ConnectionHost;
  readonly #onClosed: (connection: Connection) => void;
  readonly #socket: FrontSocket;
  readonly #remote: FrontRequest["remote"];
  readonly #intake: Intake;
  readonly #body: BodyIntake;
  readonly #output: Output;
  readonly #scratch: Scratch;
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
  /** Requests begun. */
  #requests = 0;
  /** The wheel's looks when it was last idle. */
  #idleLook = 0;
  /** The client waits for word that its body is wanted. */
  #expects = false;
  #delivery: Delivery | undefined;
  #lingering: Lingering | undefined;
  /** Bytes of the last request's body that were passed over. */
  #passed = 0;
  /** Since the client has ended what it sends, while it waits for an answer. */
  #departure: Departure | undefined;
  /** It waits for none. */
  #gone = false;
  #closed = false;

  /** `onClosed` is called once it is closed and nothing of it is left. */
  constructor(
    socket: FrontSocket,
    place: Place,
    host: ConnectionHost,
    onClosed: (connection: Connection) => void,
  ) {
    const { hostname, port } = socket.remoteAddr;
    this.#host = host;
    this.#onClosed = onClosed;
    this.#socket = socket;
    this.#remote = { hostname, port };
    this.place = place;
    this.#intake = new Intake(socket, this);
    this.#body = new BodyIntake(this.#intake, host.copies, this);
    this.#limit = host.wheel.limit(() => this.#onLate());
    this.#scratch = new Scratch(host.scratches);
    this.#output = new Output(socket, host.wheel, host.limits.writeIdleMs, () => this.#onStuck());
  }

  /** True between requests, and before the first. */
  get idle(): boolean {
    const { start, end } = this.#intake.window;
    return this.#phase === "head" && start === end;
  }

  /** True when it is idle and may well be closed: one that has just come is about to ask. */
  get rests(): boolean {
    return this.idle && (this.#requests > 0 || this.#host.wheel.looks - this.#idleLook > 1);
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
    this.#departure?.[Symbol.dispose]();
    this.#body.close(clientGone());
    this.#leave();
    closeQuietly(this.#socket);
    Promise.all([this.#intake.idle(), this.#output.idle(), this.#handshake])
      .then(() => this.#onClosed(this));
  }

  onArrived(size: number): void {
    if (this.#closed) return;
    this.#body.sort();
    switch (this.#phase) {
      case "head":
        return this.#readHead();
      case "exchange":
        this.#body.handOn();
        return this.#intake.listen();
      case "passing":
        return this.#pass();
      case "lingering":
        return this.#lingering?.drop(size);
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
    this.#body.end(clientGone());
    const exchange = this.#exchange;
    if (exchange?.minor === 0) this.#leave();
    else if (exchange !== undefined && !this.#gone) {
      this.#departure = new Departure(this.#host.clock, () => this.#probe());
    }
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

  onBodyCut(): void {
    this.#leave();
  }

  /** The client has gone, or has left its request unfinished. */
  #leave(): void {
    this.#gone = true;
    this.#departure?.[Symbol.dispose]();
    this.#exchange?.leave();
    this.#delivery?.leave();
  }

  /** Write something that says nothing: a client that has gone is lost by it. */
  #probe(): void {
    if (this.#output.writing) return;
    if (this.#delivery !== undefined) return this.#delivery.probe();
    // Any number of interim answers may come before the one that counts (RFC 9110 section 15.2).
    this.#output.write(CONTINUE).then((ok) => ok || this.close());
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
    this.#limit.clear();
    if (!this.#countsFor(head)) return;
    this.#phase = "exchange";
    this.#requests++;
    this.#keepAlive = keepAlive && this.#requests < (this.#host.limits.maxRequests ?? Infinity);
    this.#expects = expects;
    const exchange = new Exchange(head, this.#body.begin(length), this.#remote);
    this.#exchange = exchange;
    this.#intake.resize(WINDOW_BYTES);
    this.#intake.listen();
    // Others have their turn: many may ask at once, and one may send much ahead.
    const turn = this.#host.turns.spend(1);
    if (turn === undefined) this.#handle(exchange);
    else turn.then(() => this.#handle(exchange));
  }

  #handle(exchange: Exchange): void {
    if (this.#closed) return;
    try {
      this.#host.handler(exchange).then(this.#onAnswer, this.#onFault);
    } catch (error) {
      this.#onFault(error);
    }
  }

  /** Count under the address the request is of; refuses it, and gives false, where that has too many. */
  #countsFor({ method, headers }: RequestHead): boolean {
    const { addressOf } = this.#host;
    if (addressOf === undefined) return true;
    const why = this.place.move(addressOf({ method, headers, remote: this.#remote }));
    if (why === undefined) return true;
    this.#host.tell({ kind: "refused", why });
    this.#refuse(new Refusal(503, "too many requests from your address"));
    return false;
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
    this.#deliver(refusalAnswer(refusal, this.#host.onRefusal), UNKNOWN, false);
  }

  /** Send an answer; then the next request, or the end. */
  async #deliver(answer: Answer, asked: AskedBy, mayKeep: boolean): Promise<void> {
    const { date, onFault } = this.#host;
    const output = this.#output;
    const scratch = this.#scratch;
    const delivery = new Delivery({ output, scratch, date: date.line(), onFault });
    this.#delivery = delivery;
    // Word that the body is wanted may be on its way.
    if (output.writing) await output.idle();
    if (this.#closed || this.#gone) delivery.leave();
    const keeps = mayKeep && this.#mayKeep(answer.body);
    const { complete, keepAlive } = await delivery.send(answer, asked, keeps);
    this.#delivery = undefined;
    if (complete) this.#exchange = undefined;
    if (!complete || this.#intake.end !== undefined) this.close();
    // A stream may have been given up in the middle of a write.
    if (output.writing) await output.idle();
    scratch.rest();
    if (this.#closed) return;
    this.place.rest();
    this.#settle(keepAlive);
  }

  /** Whether the connection can be used again behind an answer that begins with the request as it is. */
  #mayKeep(answer: Answer["body"]): boolean {
    if (this.#host.draining || this.#intake.end !== undefined) return false;
    const { done, failed, left = 0 } = this.#body;
    if (done) return true;
    if (failed || this.#expects) return false;
    return !(answer instanceof Uint8Array) || left <= MAX_PASSED_BYTES;
  }

  /** The answer is out: see to what is left of the request. */
  #settle(keepAlive: boolean): void {
    if (!this.#body.done) this.#body.close(answered());
    if (!keepAlive) return this.#end();
    this.#phase = "passing";
    this.#passed = 0;
    this.#limit.set(this.#host.limits.bodyIdleMs);
    this.#pass();
  }

  /** Pass over what is left of the body. */
  #pass(): void {
    this.#passed += this.#body.pass();
    if (this.#body.done) {
      this.#body.leave();
      return this.#awaitRequest();
    }
    if (this.#body.malformed || this.#passed > MAX_PASSED_BYTES) return this.#linger();
    this.#intake.listen();
  }

  /** Close, once the client has had its answer. */
  #end(): void {
    const { start, end } = this.#intake.window;
    if (start < end || this.#phase === "refusing" || !this.#body.done) this.#linger();
    else this.close();
  }

  /** Say that nothing more will come, and throw away what does until the client has closed. */
  #linger(): void {
    if (this.#intake.end !== undefined) return this.close();
    this.#phase = "lingering";
    this.#body.leave();
    this.#limit.set(LINGER_MS);
    this.#lingering = new Lingering(this.#socket, this.#intake, () => this.close());
  }

  /** What was waited for has not come in time. */
  #onLate(): void {
    const isIdle = this.idle;
    switch (this.#phase) {
      case "handshake":
        // The platform keeps the descriptor of a handshake that has not ended, closed or not: so
        // does the connection its place among those that are counted.
        this.#tooLate = true;
        this.#host.tell({ kind: "timed-out", why: "head" });
        return this.#socket.closesInHandshake ? this.close() : undefined;
      case "head":
        this.#host.tell({ kind: "timed-out", why: isIdle ? "idle" : "head" });
        return isIdle ? this.close() : this.#refuse(new Refusal(408, "the head took too long"));
      case "exchange":
        this.#host.tell({ kind: "timed-out", why: "body" });
        return this.#body.close(bodyTooSlow());
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
