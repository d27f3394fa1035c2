/** What is still held. @module */
import v8 from "node:v8";
import vm from "node:vm";
import { eventually } from "./eventually.ts";

v8.setFlagsFromString("--expose-gc");
const collect: () => void = vm.runInNewContext("gc");

/** Bytes in use once garbage has been collected. */
export function heapUsed(): number {
  collect();
  return Deno.memoryUsage().heapUsed;
}

/** Objects that are not to be held by anybody. */
export class Released {
  readonly #refs: WeakRef<object>[] = [];

  /** Note `held`, and give it back. */
  note<T extends object>(held: T): T {
    this.#refs.push(new WeakRef(held));
    return held;
  }

  /** How many have been noted. */
  get noted(): number {
    return this.#refs.length;
  }

  /** How many are held. */
  get held(): number {
    collect();
    return this.#refs.filter((ref) => ref.deref() !== undefined).length;
  }

  /** Resolves when at most `most` are held: what was dereferenced lives to the end of its turn. */
  async most(most: number): Promise<void> {
    await eventually(() => this.held <= most, () => `${this.held} are held`);
  }
}
