/** Sums of what other routers count under one name. @module */

/** Numbers by name, of which those that are 0 are not kept. */
export class Counts {
  readonly #counts = new Map<string, number>();

  /** Names with a number that is not 0. */
  get size(): number {
    return this.#counts.size;
  }

  of(name: string): number {
    return this.#counts.get(name) ?? 0;
  }

  add(name: string, more: number): void {
    const count = this.of(name) + more;
    if (count === 0) this.#counts.delete(name);
    else this.#counts.set(name, count);
  }
}
