/** What the compiled program may do, and why: nothing that is not listed here. @module */
import { CLUSTER_VARIABLES, VARIABLE_PATTERNS } from "../../lib/config/mod.ts";

/** One permission, as Deno's command line writes it. */
export interface Grant {
  readonly flag: string;
  readonly why: string;
}

/** Variables the program reads: one for each flag, what only the environment can say, a cluster's. */
const VARIABLES = [...VARIABLE_PATTERNS, ...CLUSTER_VARIABLES];

/**
 * All but the permission for the native addon, whose path the two forms know at different times.
 * No `--allow-run`: the program starts others like it for `--workers` alone. And no `--allow-write`: it
 * writes where files are kept. Both are said at a start.
 */
export const GRANTS: readonly Grant[] = [
  { flag: "--no-prompt", why: "what is not granted fails at once; nobody is asked" },
  { flag: "--allow-net", why: "clients, engines and KV-ready notifications, wherever they are" },
  {
    flag: "--allow-read",
    why: "the files that flags name: configuration, certificates, keys; /etc/resolv.conf where " +
      "engines are found by DNS; and the null device, by which descriptors are held back",
  },
  {
    flag: `--allow-env=${VARIABLES.join(",")}`,
    why:
      "flags given by environment, the engines' key, where traces go to, and where a cluster's " +
      "API server is",
  },
  { flag: "--allow-sys=systemMemoryInfo", why: "`router_memory_usage_percent` of `/metrics`" },
  { flag: "--ignore-env", why: "libraries that look at other variables find them unset" },
];

/** Arguments for the grants and for `unstable`, the features of `deno.json` by that name. */
export function runtimeFlags(unstable: readonly string[]): readonly string[] {
  return [
    "--no-check",
    "--no-config",
    "--no-lock",
    "--no-remote",
    "--no-npm",
    "--cached-only",
    // V8 ends the process on some damaged code that it finds in its cache.
    "--no-code-cache",
    ...unstable.map((feature) => `--unstable-${feature}`),
    ...GRANTS.map((grant) => grant.flag),
  ];
}
