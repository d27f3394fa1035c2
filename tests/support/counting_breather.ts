/** A breather that is always tired, and counts. @module */
import { atOnce, type Breather, type Sliced } from "../../lib/base/mod.ts";

/** Rests after every step, without time going by. */
export class CountingBreather implements Breather {
  pauses = 0;

  tired(): boolean {
    return true;
  }

  pause(): Promise<void> {
    this.pauses++;
    return Promise.resolve();
  }
}

/** The result of `work`, and how many steps it took. */
export function stepped<T>(work: Sliced<T>): { readonly value: T; readonly steps: number } {
  let steps = 1;
  const counted = function* (): Sliced<T> {
    for (;;) {
      const step = work.next();
      if (step.done === true) return step.value;
      steps++;
      yield;
    }
  };
  const value = atOnce(counted());
  return { value, steps };
}
