/**
 * Extensions of chunks to the letter of RFC 9112 section 7.1.1, without the blanks it tolerates:
 * readers that differ over what one is differ over where the chunk's data begins.
 * @module
 */
import { BACKSLASH, QUOTE } from "../base/mod.ts";
import { CHARS, SEMICOLON, TOKEN, VALUE } from "./chars.ts";

const EQUALS = 0x3d;

/** What has been read last. */
const enum State {
  Semicolon,
  Name,
  Equals,
  Token,
  Quoted,
  Escape,
  Closed,
}

/** Follows the extensions of one chunk, from behind the first semicolon. */
export class ExtensionReader {
  #state = State.Semicolon;

  /** Begin anew, behind a semicolon. */
  reset(): void {
    this.#state = State.Semicolon;
  }

  /** True where the line may end. */
  get complete(): boolean {
    return this.#state === State.Name || this.#state === State.Token ||
      this.#state === State.Closed;
  }

  /** Take a byte; false when it cannot stand here. */
  take(byte: number): boolean {
    const kinds = CHARS[byte] ?? 0;
    switch (this.#state) {
      case State.Semicolon:
        return this.#go(State.Name, (kinds & TOKEN) !== 0);
      case State.Name:
        if (byte === EQUALS) return this.#go(State.Equals, true);
        if (byte === SEMICOLON) return this.#go(State.Semicolon, true);
        return (kinds & TOKEN) !== 0;
      case State.Equals:
        if (byte === QUOTE) return this.#go(State.Quoted, true);
        return this.#go(State.Token, (kinds & TOKEN) !== 0);
      case State.Token:
        if (byte === SEMICOLON) return this.#go(State.Semicolon, true);
        return (kinds & TOKEN) !== 0;
      case State.Quoted:
        if (byte === QUOTE) return this.#go(State.Closed, true);
        if (byte === BACKSLASH) return this.#go(State.Escape, true);
        return (kinds & VALUE) !== 0;
      case State.Escape:
        return this.#go(State.Quoted, (kinds & VALUE) !== 0);
      case State.Closed:
        return this.#go(State.Semicolon, byte === SEMICOLON);
      default:
        return this.#state satisfies never;
    }
  }

  #go(state: State, allowed: boolean): boolean {
    if (allowed) this.#state = state;
    return allowed;
  }
}
