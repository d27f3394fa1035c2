/** What was done by hand to engines that are found later: in another router that this one follows on. @module */
import type { EnginePatch } from "../config/mod.ts";

/** What was done to one engine. */
export interface HandMark {
  readonly drained: boolean;
  readonly patch: EnginePatch | undefined;
}

/** By the engines' keys; each is for the first engine that is found under it. */
export type HandMarks = Pick<Map<string, HandMark>, "get" | "delete">;

/** What holds of the engine that was found under `key`, once. */
export function takeMark(marks: HandMarks | undefined, key: string): HandMark {
  const mark = marks?.get(key);
  marks?.delete(key);
  return mark ?? { drained: false, patch: undefined };
}
