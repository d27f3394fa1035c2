/** The address that a connection counts under. @module */
import { plainAddress } from "../../base/mod.ts";
import type { Turned, Turnstile } from "./turnstile.ts";

/** Its own at first; behind a proxy that of the client whose request is under way. */
export class Place {
  readonly #turnstile: Turnstile;
  readonly #home: string;
  #address: string | undefined;

  /** Of a connection from `hostname`, which is not let in yet. */
  constructor(turnstile: Turnstile, hostname: string) {
    this.#turnstile = turnstile;
    this.#home = plainAddress(hostname);
    this.#address = this.#home;
  }

  /** Let the connection in, which must leave again; or say why not. */
  enter(): Turned | undefined {
    return this.#turnstile.enter(this.#home);
  }

  /** Count under `address`, or say why not. */
  move(address: string | undefined): Turned | undefined {
    const why = this.#turnstile.move(this.#address, address);
    if (why === undefined) this.#address = address;
    return why;
  }

  /** The request is over: between those of its clients a proxy's connection is nobody's. */
  rest(): void {
    if (this.#address !== this.#home) this.move(undefined);
  }

  /** Let the connection out. */
  leave(): void {
    this.#turnstile.leave(this.#address);
  }
}
