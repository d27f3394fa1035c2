/** A set that forgets its oldest member rather than grow beyond its limit. @module */

/** Texts in the order they came. */
export class BoundedSet {
  readonly #values = new Set<string>();
  readonly #limit: number;

  /** `limit` of at least 1. */
  constructor(limit: number) {
    this.#limit = limit;
  }

  has(value: string): boolean {
    return this.#values.has(value);
  }

  /** Take out what `gone` says of. */
  deleteWhere(gone: (value: string) => boolean): void {
    for (const value of this.#values) if (gone(value)) this.#values.delete(value);
  }

  /** Put `value` in; whether it was not there. */
  add(value: string): boolean {
    if (this.#values.has(value)) return false;
    this.#values.add(value);
    for (const oldest of this.#values) {
      if (this.#values.size <= this.#limit) break;
      this.#values.delete(oldest);
    }
    return true;
  }
}
