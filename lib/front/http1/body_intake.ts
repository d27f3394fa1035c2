/** How the bodies of a connection's requests come in, one after the other. @module */
import type { RouterError } from "../../base/mod.ts";
import type { FrontBody } from "../contract/mod.ts";
import type { Copies } from "./copies.ts";
import type { Intake } from "./intake.ts";
import { ArrivingBody, type BodyOwner, ChunkedFeed, NO_BODY, WholeBody } from "./request_body.ts";
import { Slab } from "./slab.ts";

/** Takes the body of the request at hand out of what arrives. */
export class BodyIntake {
  readonly #intake: Intake;
  readonly #copies: Copies;
  readonly #owner: BodyOwner;
  /** The body at hand, unless it was here with its head. */
  #body: ArrivingBody | undefined;
  /** Where its bytes go while they come. */
  #slab: Slab | undefined;

  constructor(intake: Intake, copies: Copies, owner: BodyOwner) {
    this.#intake = intake;
    this.#copies = copies;
    this.#owner = owner;
  }

  /** True when nothing of it is still to be taken, so that what follows is another request. */
  get done(): boolean {
    return this.#body?.done ?? true;
  }

  /** True when its end cannot be found. */
  get malformed(): boolean {
    return this.#body?.malformed ?? false;
  }

  /** True when reading it fails. */
  get failed(): boolean {
    return this.#body?.failed ?? false;
  }

  /** Bytes still to be taken, as far as that is known. */
  get left(): number | undefined {
    return this.#body === undefined ? 0 : this.#body.left;
  }

  /**
   * The body of the request whose head was taken out of the window: of `length` bytes, or chunked. One
   * that is here is copied, so that its place is free for what follows.
   */
  begin(length: number | undefined): FrontBody {
    const { window } = this.#intake;
    const { start, end } = window;
    if (length === 0) return NO_BODY;
    if (length === undefined) {
      return this.#body = new ArrivingBody(length, new ChunkedFeed(this.#intake), this.#owner);
    }
    if (length <= end - start) {
      window.start = start + length;
      return new WholeBody(this.#copies.copy(window.bytes, start, start + length));
    }
    const slab = new Slab(length, window.bytes.length);
    slab.fillFrom(window);
    this.#slab = slab;
    this.#intake.direct(slab);
    return this.#body = new ArrivingBody(length, slab, this.#owner);
  }

  /** Bytes have arrived: see that they are where they belong. */
  sort(): void {
    const slab = this.#slab;
    if (slab === undefined) return;
    // A read was pending when the body began.
    slab.fillFrom(this.#intake.window);
    // Once the whole body is here, what follows is another request.
    if (slab.complete) this.#leaveSlab();
  }

  /** Hand on what is here, if it is waited for. */
  handOn(): void {
    this.#body?.arrived();
  }

  /** Reading fails with `error` from here on, unless it has failed or has come to the end. */
  close(error: RouterError): void {
    this.#body?.close(error);
  }

  /** Nothing more arrives: reading fails with `error` behind what is here, unless that is the end. */
  end(error: RouterError): void {
    this.#body?.end(error);
  }

  /** Throw away what is here; how many bytes that was. */
  pass(): number {
    return this.#body?.pass() ?? 0;
  }

  /** Have nothing more to do with it. */
  leave(): void {
    this.#body = undefined;
    if (this.#slab !== undefined) this.#leaveSlab();
  }

  #leaveSlab(): void {
    this.#slab = undefined;
    this.#intake.direct(undefined);
  }
}
