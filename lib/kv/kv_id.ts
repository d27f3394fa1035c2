/** Ids under which KV is on its way: they come back in the prefill ranks' notifications. @module */
import type { Random } from "../base/mod.ts";

/** What a tag may be: notifications are short, and the id is a client's to see in engine logs. */
const TAG = /^[\w.-]{1,32}$/;

/** Between the unique part and the tag; no UUID has it. */
const SEPARATOR = "@";

/** A tag, or who knows it at the moment. */
export type KvTag = string | (() => string) | undefined;

/** Makes ids, none of which is ever used twice, by this router or any other. */
export class KvRequestIds {
  readonly #random: Pick<Random, "uuid">;
  readonly #tag: () => string | undefined;
  #written: string | undefined;
  #suffix = "";

  /**
   * `tag` names who waits for the notification, where several do; it may change. Throws `RangeError` when
   * it is not of 1 to 32 letters, digits, `_`, `.` and `-`.
   */
  constructor(random: Pick<Random, "uuid">, tag?: KvTag) {
    this.#random = random;
    this.#tag = typeof tag === "function" ? tag : () => tag;
    this.#write(this.#tag());
  }

  /** One more id: a version 4 UUID, and the tag behind it. */
  next(): string {
    const tag = this.#tag();
    if (tag !== this.#written) this.#write(tag);
    return this.#random.uuid() + this.#suffix;
  }

  #write(tag: string | undefined): void {
    if (tag !== undefined && !TAG.test(tag)) {
      throw new RangeError(`"tag" must match ${TAG}, received ${JSON.stringify(tag)}`);
    }
    this.#written = tag;
    this.#suffix = tag === undefined ? "" : `${SEPARATOR}${tag}`;
  }
}

/** The tag in an id; undefined for one without. */
export function tagOf(id: string): string | undefined {
  const at = id.indexOf(SEPARATOR);
  return at < 0 ? undefined : id.slice(at + 1);
}

/** What is unique of an id. */
export function uniquePartOf(id: string): string {
  const at = id.indexOf(SEPARATOR);
  return at < 0 ? id : id.slice(0, at);
}
