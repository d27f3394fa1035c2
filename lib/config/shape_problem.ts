/** What is wrong with the shape of a value, for whoever wrote it. @module */
import type * as z from "zod";
import { asMap, ENGINE_KEYS } from "./file_shapes.ts";
import { type Problem, withSuggestion } from "./problem.ts";
import { maskUrls } from "./value.ts";

/** A value, what it is called, and what it is written in, if that has a name. */
export interface Shaped {
  readonly value: unknown;
  readonly name: string;
  readonly source?: string;
}

/** The problem that `issue` of `shaped` is: its key leads to the place. */
export function shapeProblem(issue: z.core.$ZodIssue, shaped: Shaped): Problem {
  let { name: where, value } = shaped;
  for (const step of issue.path) {
    where += typeof step === "number" ? `[${step}]` : `${where === "" ? "" : "."}${String(step)}`;
    value = Array.isArray(value) ? value[Number(step)] : asMap(value)?.[String(step)];
  }
  const key = shaped.source === undefined ? where : `${where} in ${shaped.source}`;
  if (issue.code === "unrecognized_keys") {
    const [unknown = ""] = issue.keys;
    return { key, value: unknown, message: withSuggestion("unknown key", unknown, ENGINE_KEYS) };
  }
  if (value === undefined) return { key, message: "required" };
  const simple = ["string", "number", "boolean"].includes(typeof value);
  const message = issue.message.replace(/^Invalid [a-z]+: /, "");
  return { key, ...(simple ? { value: maskUrls(String(value)) } : {}), message };
}
