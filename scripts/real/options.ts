/** The command line of `deno task real` and of its like. @module */

/** Its flags, with what stands for their values. */
export const REAL_FLAGS: readonly (readonly [flag: string, value?: string])[] = [
  ["--cache", "DIR"],
  ["--only", "GROUP"],
  ["--save"],
];

/** What was asked for. */
export interface RealOptions {
  /** Folder of the environment. */
  readonly cache: string;
  /** Groups to run. */
  readonly only: readonly string[];
  /** Keep the table. */
  readonly save: boolean;
}

/** The options `args` ask for, or what is wrong with them. */
export function readOptions(
  args: readonly string[],
  groups: readonly string[],
  defaultCache: string,
  task = "real",
): RealOptions | string {
  let options: RealOptions = { cache: defaultCache, only: groups, save: false };
  for (let at = 0; at < args.length; at++) {
    const flag = args[at] ?? "";
    const value = args[at + 1];
    if (flag === "--save") options = { ...options, save: true };
    else if (flag === "--cache" && value !== undefined) {
      options = { ...options, cache: value };
      at++;
    } else if (flag === "--only" && value !== undefined && groups.includes(value)) {
      options = { ...options, only: [value] };
      at++;
    } else {
      const usage = REAL_FLAGS.map((each) => `[${each.join(" ")}]`).join(" ");
      return `${args.slice(at, at + 2).join(" ")}: unknown, or lacks its value\n` +
        `Usage: deno task ${task} ${usage}\nGroups: ${groups.join(", ")}`;
    }
  }
  return options;
}
