/** Engines that are told by hand, one by one, and kept as long as the router runs. @module */
import type { RawEngine } from "../config/mod.ts";
import type { FoundChange, FoundSource } from "./found.ts";

/** Most engines that can be told. */
export const MAX_MANUAL = 4_096;

/** A change, and who waits until it has been taken. */
interface Told {
  readonly change: FoundChange;
  readonly taken: () => void;
}

/** A source that is pushed to; its engines are named by URL. For one follower at a time. */
export class ManualSource implements FoundSource {
  readonly name: string;
  readonly #engines = new Map<string, RawEngine>();
  /** What is to be told; bounded, as whoever tells waits. */
  #told: Told[] = [];
  #wake = Promise.withResolvers<void>();
  #followed = false;

  constructor(name: string) {
    this.name = name;
  }

  /** How many engines there are. */
  get size(): number {
    return this.#engines.size;
  }

  /** Whether `url` has been told. */
  has(url: string): boolean {
    return this.#engines.has(url);
  }

  /** Have `raw` there; resolves when the follower has taken it, at once where nobody follows. */
  add(raw: RawEngine): Promise<void> {
    this.#engines.set(raw.url, raw);
    return this.#tell(found(raw));
  }

  /** Have the engine of `url` gone; as `add`. */
  remove(url: string): Promise<void> {
    this.#engines.delete(url);
    return this.#tell({ kind: "lost", key: url });
  }

  async *changes(stop: AbortSignal): AsyncGenerator<FoundChange> {
    const end = (): void => this.#wake.resolve();
    stop.addEventListener("abort", end, { once: true });
    this.#followed = true;
    this.#drop();
    try {
      for (const raw of [...this.#engines.values()]) yield found(raw);
      yield { kind: "synced" };
      while (!stop.aborted) {
        const next = this.#told.shift();
        if (next === undefined) {
          this.#wake = Promise.withResolvers();
          await this.#wake.promise;
          continue;
        }
        yield next.change;
        next.taken();
      }
    } finally {
      stop.removeEventListener("abort", end);
      this.#followed = false;
      this.#drop();
    }
  }

  #tell(change: FoundChange): Promise<void> {
    if (!this.#followed) return Promise.resolve();
    const { promise, resolve: taken } = Promise.withResolvers<void>();
    this.#told.push({ change, taken });
    this.#wake.resolve();
    return promise;
  }

  /** Nobody is left waiting for a follower that has gone; one that comes is told of all that is there. */
  #drop(): void {
    for (const { taken } of this.#told) taken();
    this.#told = [];
  }
}

function found(raw: RawEngine): FoundChange {
  return { kind: "found", engine: { key: raw.url, where: "admin API", raw } };
}
