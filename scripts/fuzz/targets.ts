/** All that can be fuzzed. @module */
import { FRONT } from "./front/target.ts";
import type { FuzzTarget } from "./target.ts";

/** By name. */
export const TARGETS: readonly FuzzTarget[] = [FRONT];
