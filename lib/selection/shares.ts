/** How evenly work has been given out of late. @module */

/** Choices over which a share is forgotten by about two thirds, for each engine. */
const MEMORY = 100;

/** Beyond this what is kept is scaled down: long before numbers lose their precision. */
const LARGE = 2 ** 200;

/** Work given to each engine; what was given long ago counts for less and less. */
export class Shares {
  readonly #given = new Map<string, number>();
  #weight = 1;
  #total = 0;

  /** Engines of which anything is kept. */
  get size(): number {
    return this.#given.size;
  }

  /** The work of all of them. */
  get total(): number {
    return this.#total;
  }

  /** What a unit of work that is given at this moment counts for. */
  get weight(): number {
    return this.#weight;
  }

  /** The work of the engine `id`, each unit by what it counted for when it was given. */
  of(id: string): number {
    return this.#given.get(id) ?? 0;
  }

  /** `work` is given to the engine `id`. */
  give(id: string, work: number): void {
    const counted = work * this.#weight;
    this.#given.set(id, this.of(id) + counted);
    this.#total += counted;
    this.#weight *= 1 + 1 / (MEMORY * this.#given.size);
    if (this.#weight < LARGE) return;
    for (const [each, given] of this.#given) this.#given.set(each, given / this.#weight);
    this.#total /= this.#weight;
    this.#weight = 1;
  }

  /** Nothing of the engine is kept. */
  forget(id: string): void {
    this.#total = Math.max(0, this.#total - this.of(id));
    this.#given.delete(id);
  }
}
