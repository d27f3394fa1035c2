/** The command line of `deno task real:deploy`. @module */

/** What was asked for. */
export interface DeployOptions {
  /** Folder of what is built once, and of logs. */
  readonly cache: string;
  /** Groups to run, in order. */
  readonly only: readonly string[];
  /** Keep what helm makes of the examples. */
  readonly save: boolean;
}

/** The options `args` ask for, or what is wrong with them. */
export function readDeployOptions(
  args: readonly string[],
  groups: readonly string[],
  defaultCache: string,
): DeployOptions | string {
  let options: DeployOptions = { cache: defaultCache, only: groups, save: false };
  const rest = [...args];
  for (let flag = rest.shift(); flag !== undefined; flag = rest.shift()) {
    if (flag === "--save") {
      options = { ...options, save: true };
      continue;
    }
    const value = rest.shift();
    if (flag === "--cache" && value !== undefined) options = { ...options, cache: value };
    else if (flag === "--only" && value !== undefined && groups.includes(value)) {
      options = { ...options, only: [value] };
    } else {
      return `${flag} ${value ?? ""}: unknown, or lacks its value\n` +
        "Usage: deno task real:deploy [--save] [--cache DIR] [--only GROUP]\n" +
        `Groups: ${groups.join(", ")}`;
    }
  }
  return options;
}
