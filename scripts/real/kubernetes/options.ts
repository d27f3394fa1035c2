/** The command line of `deno task real:k8s`. @module */

/** What was asked for. */
export interface KubernetesRunOptions {
  /** Folder of the servers that are built, and of logs. */
  readonly cache: string;
  /** Groups to run, in order. */
  readonly only: readonly string[];
}

/** The options `args` ask for, or what is wrong with them. */
export function readKubernetesOptions(
  args: readonly string[],
  groups: readonly string[],
  defaultCache: string,
): KubernetesRunOptions | string {
  let options: KubernetesRunOptions = { cache: defaultCache, only: groups };
  for (let at = 0; at < args.length; at += 2) {
    const [flag = "", value] = args.slice(at, at + 2);
    if (flag === "--cache" && value !== undefined) options = { ...options, cache: value };
    else if (flag === "--only" && value !== undefined && groups.includes(value)) {
      options = { ...options, only: [value] };
    } else {
      return `${args.slice(at, at + 2).join(" ")}: unknown, or lacks its value\n` +
        `Usage: deno task real:k8s [--cache DIR] [--only GROUP]\nGroups: ${groups.join(", ")}`;
    }
  }
  return options;
}
