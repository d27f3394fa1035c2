/** Parameters behind the `?`, by an operation's table. Pure. @module */
import { RouterError } from "../base/mod.ts";
import { withSuggestion } from "../config/mod.ts";
import type { AdminAsk } from "./admin_deps.ts";
import type { QueryParameter } from "./operation.ts";

/** The parameters of `query` that were given. Throws `bad-request`, which names one and what is right. */
export function readQuery(
  known: readonly QueryParameter[],
  query: string,
): AdminAsk["query"] {
  const values = new Map<string, number | boolean | string>();
  for (const [name, text] of new URLSearchParams(query)) {
    const parameter = known.find((each) => each.name === name);
    if (parameter === undefined) {
      const names = known.map((each) => each.name);
      throw wrong(name, withSuggestion(`'${name}' is no parameter of this`, name, names));
    }
    if (values.has(name)) throw wrong(name, `'${name}' is given twice`);
    values.set(name, valueOf(parameter, text));
  }
  return values;
}

function valueOf(parameter: QueryParameter, text: string): number | boolean | string {
  const { name } = parameter;
  switch (parameter.type) {
    case "flag":
      if (text === "true" || text === "1" || text === "") return true;
      if (text === "false" || text === "0") return false;
      throw wrong(name, `'${name}' is '${text}': expected true or false`);
    case "seconds": {
      const { least = 0, most } = parameter;
      const value = /^\d+(?:\.\d+)?$/.test(text) ? Number(text) : NaN;
      if (value >= least && value <= most) return value;
      throw wrong(name, `'${name}' is '${text}': expected seconds from ${least} to ${most}`);
    }
    case "count": {
      const value = /^\d{1,15}$/.test(text) ? Number(text) : NaN;
      if (value >= 1 && value <= parameter.most) return value;
      const message = `'${name}' is '${text}': expected a number from 1 to ${parameter.most}`;
      throw wrong(name, message);
    }
    case "choice": {
      const { choices } = parameter;
      if (choices.includes(text)) return text;
      const message = `'${name}' is '${text}': expected ${choices.join(", ")}`;
      throw wrong(name, withSuggestion(message, text, choices));
    }
    case "text":
      return text;
    default:
      return parameter satisfies never;
  }
}

function wrong(param: string, message: string): RouterError {
  return new RouterError("bad-request", message, { param });
}
