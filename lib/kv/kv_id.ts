/** Ids under which KV is on its way: they come back in the prefill ranks' notifications. @module */
import type { Random } from "../base/mod.ts";

/** What a tag may be: notifications are short, and the id is a client's to see in engine logs. */
const TAG = /^[\w.-]{1,32}$/;

/** Between the unique part and the tag; no UUID has it. */
const SEPARATOR = "@";

/** Makes ids, none of which is ever used twice, by this router or any other. */
export class KvRequestIds {
  readonly #random: Pick<Random, "uuid">;
  readonly #suffix: string;

  /**
   * `tag` names who waits for the notification, where several do. Throws `RangeError` when it is not
   * of 1 to 32 letters, digits, `_`, `.` and `-`.
   */
  constructor(random: Pick<Random, "uuid">, tag?: string) {
    if (tag !== undefined && !TAG.test(tag)) {
      throw new RangeError(`"tag" must match ${TAG}, received ${JSON.stringify(tag)}`);
    }
    this.#random = random;
    this.#suffix = tag === undefined ? "" : `${SEPARATOR}${tag}`;
  }

  /** One more id: a version 4 UUID, and the tag behind it. */
  next(): string {
    return this.#random.uuid() + this.#suffix;
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
