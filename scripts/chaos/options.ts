/** The command line of `deno task chaos`. @module */

/** How KV moves in a run. */
export const PROTOCOLS = ["lmcache", "nixl", "shared_storage"] as const;

/** One of `PROTOCOLS`. */
export type ChaosProtocol = (typeof PROTOCOLS)[number];

/** What a run is. */
export interface ChaosOptions {
  /** Decides on all requests and faults; a whole number from 0. */
  readonly seed: number;
  /** How long requests and faults come, in minutes; above 0. */
  readonly minutes: number;
  /** Requests at a time. */
  readonly clients: number;
  readonly prefills: number;
  readonly decodes: number;
  /** Processes of the router. */
  readonly workers: number;
  readonly protocol: ChaosProtocol;
}

/** A run where nothing else is said. */
export const DEFAULTS: ChaosOptions = {
  seed: 1,
  minutes: 1,
  clients: 40,
  prefills: 3,
  decodes: 3,
  workers: 1,
  protocol: "lmcache",
};

type NumberName = Exclude<keyof ChaosOptions, "protocol">;

/** What each number may be. */
const NUMBERS: Readonly<Record<NumberName, (value: number) => boolean>> = {
  seed: (value) => Number.isInteger(value) && value >= 0,
  minutes: (value) => value > 0 && value <= 24 * 60,
  clients: (value) => Number.isInteger(value) && value >= 1 && value <= 1_000,
  prefills: (value) => Number.isInteger(value) && value >= 1 && value <= 16,
  decodes: (value) => Number.isInteger(value) && value >= 1 && value <= 16,
  workers: (value) => Number.isInteger(value) && value >= 1 && value <= 16,
};

const USAGE = "Usage: deno task chaos [--seed N] [--minutes M] [--clients N] [--prefills N] " +
  `[--decodes N] [--workers N] [--protocol ${PROTOCOLS.join("|")}]`;

/** The options that `args` ask for, or what is wrong with them. */
export function readOptions(args: readonly string[]): ChaosOptions | string {
  let options = DEFAULTS;
  for (let at = 0; at < args.length; at += 2) {
    const [flag = "", value = ""] = args.slice(at, at + 2);
    const changed = withFlag(options, flag.slice("--".length), value);
    if (!flag.startsWith("--") || changed === undefined) {
      return `${flag} ${value}: unknown, or not a value that it takes\n${USAGE}`;
    }
    options = changed;
  }
  return options;
}

function withFlag(options: ChaosOptions, name: string, value: string): ChaosOptions | undefined {
  if (name === "protocol") {
    const protocol = PROTOCOLS.find((known) => known === value);
    return protocol && { ...options, protocol };
  }
  if (!isNumberName(name) || value === "" || !NUMBERS[name](Number(value))) return undefined;
  return { ...options, [name]: Number(value) };
}

function isNumberName(name: string): name is NumberName {
  return Object.hasOwn(NUMBERS, name);
}

/** The command that runs the same again. */
export function commandOf(options: ChaosOptions): string {
  const { seed, minutes, clients, prefills, decodes, workers, protocol } = options;
  return `deno task chaos --seed ${seed} --minutes ${minutes} --clients ${clients} ` +
    `--prefills ${prefills} --decodes ${decodes} --workers ${workers} --protocol ${protocol}`;
}
