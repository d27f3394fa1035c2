/** Errors of the admin API in words that name a field, its value, and what would be right. @module */
import { RouterError } from "../base/mod.ts";
import { engineProblem, type Problem, type RawEngine } from "../config/mod.ts";
import type { EngineFault } from "../discovery/mod.ts";

/** The error that tells of all of `problems`. */
export function badFields(problems: readonly Problem[]): RouterError {
  const [first] = problems;
  const param = first?.key === "" ? first.value : first?.key;
  return new RouterError("bad-request", problems.map(textOf).join("; "), { param });
}

/** The error that tells why `raw` cannot be there: it is wrong, or another is in its way. */
export function faultError({ kind, problems }: EngineFault, raw: RawEngine): RouterError {
  return kind === "wrong"
    ? badFields(problems.map((message) => engineProblem(message, raw)))
    : new RouterError("conflict", problems.join("; "));
}

/** There is no engine of that id. */
export function noEngine(id: string): RouterError {
  const message = `There is no engine '${id.slice(0, 200)}'; GET /admin/engines tells of all`;
  return new RouterError("unknown-engine", message, { param: "id" });
}

function textOf({ key, value, message }: Problem): string {
  if (key === "") return `${value}: ${message}`;
  return value === undefined ? `${key}: ${message}` : `${key} '${value}': ${message}`;
}
