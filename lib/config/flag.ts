/** What a flag is, and the other names it goes by. @module */

/**
 * How a value is written.
 *
 * `folder` is one that is written to; `route` is empty or a path; `seconds` are numbers, fractions
 * allowed; `count` is a whole number or `auto`; `list` is separated by commas; `ports` is one port or a list of them; `networks` is a list
 * of addresses and networks; `aliases` is `alias:model,...`; `specs` is a repeatable text; `module` is
 * a JavaScript or TypeScript file and the name of an export of it, `FILE.ts:NAME`.
 */
export type FlagType =
  | "string"
  | "file"
  | "folder"
  | "host"
  | "route"
  | "int"
  | "float"
  | "seconds"
  | "count"
  | "flag"
  | "list"
  | "ports"
  | "networks"
  | "aliases"
  | "specs"
  | "module";

/** One setting, whichever way it is given. */
export interface Flag {
  /** Without the two dashes. */
  readonly name: string;
  readonly type: FlagType;
  readonly help: string;
  /** Absent: none. */
  readonly default?: string | number;
  /** Stands for the value where the flag is given without one. Absent: it needs one. */
  readonly bare?: string | number;
  readonly choices?: readonly string[];
  /** Least and greatest number, both allowed. */
  readonly range?: readonly [least: number, greatest: number];
  /** Absent: the flag does something. `without-effect`: checked, and that is all. */
  readonly status?: "without-effect";
  /** The value is never printed. */
  readonly secret?: true;
}

/** Flags under one heading of the help text. */
export interface FlagGroup {
  readonly title: string;
  readonly flags: readonly Flag[];
}

/** Something read from the environment alone. */
export interface EnvironmentOnly {
  readonly name: string;
  readonly help: string;
  readonly secret: boolean;
}

/** Prefix of every environment variable that stands for a flag. */
export const ENV_PREFIX = "PD_ROUTER_";

/** The environment variable of a flag: `--nixl-proxy-host` is `PD_ROUTER_NIXL_PROXY_HOST`. */
export function envName(flagName: string): string {
  return ENV_PREFIX + flagName.toUpperCase().replaceAll("-", "_");
}

/** The key of a flag in the configuration file: `--nixl-proxy-host` is `nixl_proxy_host`. */
export function fileKey(flagName: string): string {
  return flagName.replaceAll("-", "_");
}

/**
 * What stands for the value in a usage line, e.g. `SECONDS`, or `[SECONDS]` where it can be left out;
 * empty for a flag without one.
 */
export function placeholder(flag: Flag): string {
  const value = valueName(flag);
  return flag.bare === undefined ? value : `[${value}]`;
}

function valueName(flag: Flag): string {
  if (flag.choices !== undefined) return "NAME";
  switch (flag.type) {
    case "string":
      return "TEXT";
    case "host":
      return "HOST";
    case "file":
      return "FILE";
    case "folder":
      return "FOLDER";
    case "route":
      return "PATH";
    case "int":
      return "INT";
    case "float":
      return "NUMBER";
    case "seconds":
      return "SECONDS";
    case "count":
      return "COUNT";
    case "flag":
      return "";
    case "list":
      return "LIST";
    case "ports":
      return "PORT[,PORT]";
    case "networks":
      return "CIDR,...";
    case "aliases":
      return "ALIAS:MODEL,...";
    case "specs":
      return "SPEC";
    case "module":
      return "FILE.ts:NAME";
    default:
      return flag.type satisfies never;
  }
}
