/** Codings that a request's body may be sent in (RFC 9110 section 8.4). @module */
import { createGunzip, createInflate, createInflateRaw, type Gunzip } from "node:zlib";
import { type Breather, RouterError } from "../base/mod.ts";

/** A coding that is undone at the edge: engines' servers take none. */
export type Coding = "gzip" | "deflate";

const CODINGS: ReadonlyMap<string, Coding | undefined> = new Map([
  ["gzip", "gzip"],
  ["x-gzip", "gzip"],
  ["deflate", "deflate"],
  ["identity", undefined],
  ["", undefined],
]);

/** What `Accept-Encoding` says of the codings taken, with an answer that refuses another. */
export const ACCEPTED_CODINGS = "gzip, deflate";

/**
 * The coding that a `Content-Encoding` field names; undefined for none.
 * Throws `unsupported-coding` for any other, and for several.
 */
export function codingOf(field: string | undefined): Coding | undefined {
  const name = (field ?? "").trim().toLowerCase();
  if (CODINGS.has(name)) return CODINGS.get(name);
  throw new RouterError(
    "unsupported-coding",
    `The request body's Content-Encoding '${name.slice(0, 100)}' is not taken: send it in one of ` +
      `${ACCEPTED_CODINGS}, or in none`,
  );
}

/** Bytes that are decoded in one go: a thousandth of them may have been sent. */
const CHUNK_BYTES = 64 * 1024;

/** Decodes a body part by part. Disposed, it holds nothing any more. */
export class BodyDecoder implements Disposable {
  readonly #coding: Coding;
  readonly #breather: Breather | undefined;
  readonly #onBytes: (bytes: Uint8Array) => void;
  #inflate: Gunzip | undefined;
  #failure: unknown;
  #ended = false;
  #wake = (): void => {};

  /** `onBytes` is given what is decoded, which is its to keep; what it throws, decoding rejects with. */
  constructor(
    coding: Coding,
    onBytes: (bytes: Uint8Array) => void,
    breather: Breather | undefined,
  ) {
    this.#coding = coding;
    this.#onBytes = onBytes;
    this.#breather = breather;
  }

  /** Decode `part`, which is not empty. Rejects with `bad-request`. */
  async write(part: Uint8Array): Promise<void> {
    const inflate = this.#inflate ??= this.#begin(part[0] ?? 0);
    let written = false;
    inflate.write(part, () => {
      written = true;
      this.#wake();
    });
    await this.#drain(inflate, () => written);
  }

  /** All has been written; resolves when all is decoded. Rejects with `bad-request`. */
  async end(): Promise<void> {
    if (this.#inflate === undefined) return;
    this.#inflate.end();
    await this.#drain(this.#inflate, () => this.#ended);
  }

  [Symbol.dispose](): void {
    this.#inflate?.destroy();
  }

  /** What is called deflate has a header of its own, or, from some clients, has none. */
  #begin(first: number): Gunzip {
    const options = { chunkSize: CHUNK_BYTES };
    const inflate = this.#coding === "gzip"
      ? createGunzip(options)
      : (first & 0x0f) === 8
      ? createInflate(options)
      : createInflateRaw(options);
    inflate.on("readable", () => this.#wake());
    inflate.on("end", () => {
      this.#ended = true;
      this.#wake();
    });
    inflate.on("error", (error) => {
      this.#failure = error;
      this.#wake();
    });
    return inflate;
  }

  /** Take what is decoded, at the breather's pace, until `done`. */
  async #drain(inflate: Gunzip, done: () => boolean): Promise<void> {
    for (;;) {
      const chunk: Uint8Array | null = inflate.read();
      if (chunk !== null) {
        this.#onBytes(chunk);
        if (this.#breather?.tired() === true) await this.#breather.pause();
        continue;
      }
      if (this.#failure !== undefined) throw this.#malformed();
      if (done()) return;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  #malformed(): RouterError {
    const cause = this.#failure;
    const reason = cause instanceof Error ? cause.message : String(cause);
    return new RouterError(
      "bad-request",
      `The request body is not valid ${this.#coding}: ${reason}`,
      { cause },
    );
  }
}
