/** What can be fuzzed. @module */
import type { Random } from "../../lib/base/mod.ts";

/** Something that should not have happened. */
export interface Finding {
  /** What is wrong, in one line. */
  readonly what: string;
  /** The input, as something that can be pasted into a test. */
  readonly input: string;
  /** The case it was found in; absent where cases cannot be tried again one by one. */
  readonly seed?: number;
}

/** Told of cases as they begin and end, so that one without an end is seen from outside. */
export interface CaseWatch {
  begun(seed: number): void;
  ended(): void;
}

/** A target that has been set up; disposing it gives everything back. */
export interface FuzzRun extends AsyncDisposable {
  /** Try one input, or a few at once, made of `random` alone; what was wrong. */
  step(random: Random): Promise<readonly Finding[]>;
  /** Inputs tried so far. */
  readonly inputs: number;
}

/** One thing to be fuzzed. */
export interface FuzzTarget {
  readonly name: string;
  readonly about: string;
  start(watch?: CaseWatch): Promise<FuzzRun>;
  /** Try the case of that seed once more; absent where cases cannot be tried one by one. */
  replay?(seed: number): Promise<readonly Finding[]>;
}
