/**
 * The fields that say where a request ends and what becomes of its connection. In doubt the request
 * is refused: what two readers could see differently is how requests are smuggled.
 * @module
 */
import { CR, isDigit, TAB, ZERO } from "../../base/mod.ts";
import { hasToken } from "../../http1/mod.ts";
import { Refusal } from "./refusal.ts";
import { isAuthority } from "./target.ts";

/** What a request says of itself and of its connection. */
export interface RequestFraming {
  /** Bytes of its body, 0 for none; undefined where it is chunked. */
  readonly length: number | undefined;
  /** The connection may serve another request. */
  readonly keepAlive: boolean;
  /** The client waits to be told that its body is wanted. */
  readonly expects: boolean;
}

/** The fields that count. */
type Counted = "host" | "expect" | "connection" | "content-length" | "transfer-encoding";

/** The same by the lengths of their names: one comparison tells most fields from them. */
const COUNTED: readonly (Counted | undefined)[] = byLength([
  "host",
  "expect",
  "connection",
  "content-length",
  "transfer-encoding",
]);

const [UPPER_A, UPPER_Z, CASE] = [0x41, 0x5a, 0x20] as const;

/** Most digits of a length; more would pass the largest exact integer. */
const MAX_LENGTH_DIGITS = 15;

/** Collects the fields that count from one head after the other. */
export class RequestFields {
  #host: string | undefined;
  #length: number | undefined;
  #coding: string | undefined;
  #connection: string | undefined;
  #expect: string | undefined;
  /** The last one that was an authority: of one connection it is nearly always the same. */
  #goodHost = "localhost";

  /** Forget the fields of the last head. */
  reset(): void {
    this.#host = undefined;
    this.#length = undefined;
    this.#coding = undefined;
    this.#connection = undefined;
    this.#expect = undefined;
  }

  /** A field of a head: see `HeadGrammar.field`. Its name is put into lower case. */
  take(
    bytes: Uint8Array,
    from: number,
    colon: number,
    valueFrom: number,
    valueTo: number,
  ): void {
    for (let at = from; at < colon; at++) {
      const byte = bytes[at] ?? 0;
      if (byte >= UPPER_A && byte <= UPPER_Z) bytes[at] = byte | CASE;
    }
    const name = COUNTED[colon - from];
    if (name === undefined || !isText(bytes, from, colon, name)) return;
    if (name === "content-length" || name === "transfer-encoding") {
      if (
        hasTab(bytes, colon + 1, valueFrom) || hasTab(bytes, valueTo, lineEnd(bytes, valueTo))
      ) {
        throw new Refusal(400, "a tab beside the value of a framing field");
      }
    }
    if (name === "content-length") {
      if (this.#length !== undefined) throw new Refusal(400, "several Content-Length fields");
      this.#length = lengthOf(bytes, valueFrom, valueTo);
      return;
    }
    const usual = name === "host" ? this.#goodHost : USUAL[name];
    const isUsual = isText(bytes, valueFrom, valueTo, usual);
    this.#note(name, isUsual ? usual : textOf(bytes, valueFrom, valueTo));
  }

  /** What all fields of the head say together. Throws `Refusal`. */
  framing(minor: 0 | 1): RequestFraming {
    this.#checkHost(minor);
    const connection = this.#connection;
    const keepAlive = connection === undefined
      ? minor === 1
      : !hasToken(connection, "close") && (minor === 1 || hasToken(connection, "keep-alive"));
    const length = this.#checkedLength(minor);
    return { length, keepAlive, expects: this.#checkExpect(minor) && length !== 0 };
  }

  #note(name: Exclude<Counted, "content-length">, value: string): void {
    switch (name) {
      case "host":
        if (this.#host !== undefined) throw new Refusal(400, "several Host fields");
        this.#host = value;
        return;
      case "transfer-encoding":
        this.#coding = listed(this.#coding, value);
        return;
      case "connection":
        this.#connection = listed(this.#connection, value);
        return;
      case "expect":
        this.#expect = listed(this.#expect, value);
        return;
      default:
        return name satisfies never;
    }
  }

  #checkHost(minor: 0 | 1): void {
    const host = this.#host;
    if (host === this.#goodHost) return;
    if (host === undefined) {
      if (minor === 1) throw new Refusal(400, "no Host field");
      return;
    }
    // Empty where the client has no name for the server (RFC 9110 section 7.2).
    if (host !== "" && !isAuthority(host)) {
      throw new Refusal(400, "the Host field is no host and port");
    }
    this.#goodHost = host;
  }

  #checkedLength(minor: 0 | 1): number | undefined {
    const coding = this.#coding;
    if (coding === undefined) return this.#length ?? 0;
    if (this.#length !== undefined) {
      throw new Refusal(400, "both Transfer-Encoding and Content-Length");
    }
    if (minor === 0) throw new Refusal(400, "Transfer-Encoding in an HTTP/1.0 request");
    const lower = coding.toLowerCase();
    if (lower === "chunked") return undefined;
    const isKnown = /^(?:gzip|x-gzip|deflate|compress|x-compress)(?:, ?chunked)$/.test(lower);
    throw new Refusal(isKnown ? 501 : 400, "the one transfer coding understood is chunked");
  }

  #checkExpect(minor: 0 | 1): boolean {
    // An older client may hand on a field it knows nothing of (RFC 9110 section 10.1.1).
    if (this.#expect === undefined || minor === 0) return false;
    if (this.#expect.toLowerCase() === "100-continue") return true;
    throw new Refusal(417, "the one expectation met is 100-continue");
  }
}

/** What nearly every such field says; nothing has to be made of its bytes then. */
const USUAL = {
  "expect": "100-continue",
  "connection": "keep-alive",
  "transfer-encoding": "chunked",
} as const;

function byLength(names: readonly Counted[]): readonly (Counted | undefined)[] {
  const table: (Counted | undefined)[] = [];
  for (const name of names) table[name.length] = name;
  return Array.from(table);
}

function isText(bytes: Uint8Array, from: number, to: number, text: string): boolean {
  const { length } = text;
  if (to - from !== length) return false;
  for (let index = 0; index < length; index++) {
    if (bytes[from + index] !== text.charCodeAt(index)) return false;
  }
  return true;
}

/** Where the line ends whose value ends at `at`: blanks follow it at most. */
function lineEnd(bytes: Uint8Array, at: number): number {
  let end = at;
  while (bytes[end] !== CR && end < bytes.length) end++;
  return end;
}

/** Blanks around a value mean nothing, and yet some readers take tabs for part of it. */
function hasTab(bytes: Uint8Array, from: number, to: number): boolean {
  for (let at = from; at < to; at++) if (bytes[at] === TAB) return true;
  return false;
}

/** The values of several fields of one name are one list. */
function listed(known: string | undefined, value: string): string {
  return known === undefined ? value : `${known},${value}`;
}

/** Digits and nothing else: no sign, no list, no blank. */
function lengthOf(bytes: Uint8Array, from: number, to: number): number {
  let length = 0;
  for (let at = from; at < to; at++) {
    const byte = bytes[at] ?? 0;
    if (!isDigit(byte)) throw new Refusal(400, "malformed Content-Length");
    length = length * 10 + (byte - ZERO);
  }
  if (from === to) throw new Refusal(400, "malformed Content-Length");
  if (to - from > MAX_LENGTH_DIGITS) throw new Refusal(413, "Content-Length is too large");
  return length;
}

function textOf(bytes: Uint8Array, from: number, to: number): string {
  let text = "";
  for (let at = from; at < to; at++) text += String.fromCharCode(bytes[at] ?? 0);
  return text;
}
