/** Small numbers for engines. @module */

/** Numbers from 0 on, as few as there are engines at a time; those of engines that go are used again. */
export class EngineSlots {
  readonly #slots = new Map<string, number>();
  readonly #ids: (string | undefined)[] = [];
  readonly #free: number[] = [];

  /** Numbers in use, or used before, lie below it. */
  get end(): number {
    return this.#ids.length;
  }

  /** Engines that have one. */
  get size(): number {
    return this.#slots.size;
  }

  /** The number of the engine `id`; undefined where it has none. */
  find(id: string): number | undefined {
    return this.#slots.get(id);
  }

  /** The same; it gets one where it has none. */
  give(id: string): number {
    const known = this.#slots.get(id);
    if (known !== undefined) return known;
    const slot = this.#free.pop() ?? this.#ids.length;
    this.#slots.set(id, slot);
    this.#ids[slot] = id;
    return slot;
  }

  /** The number that the engine had, which is free from here on. */
  forget(id: string): number | undefined {
    const slot = this.#slots.get(id);
    if (slot === undefined) return undefined;
    this.#slots.delete(id);
    this.#ids[slot] = undefined;
    this.#free.push(slot);
    return slot;
  }
}
