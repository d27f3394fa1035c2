/** The arguments of `deno task bench`. Pure. @module */
import { type Route, ROUTES } from "./ways.ts";

/** The sections there are, in the order of the report. */
export const SECTION_NAMES = [
  "requests",
  "added",
  "streams",
  "bodies",
  "handoffs",
  "event",
  "memory",
  "start",
  "growth",
] as const;

/** One of them. */
export type SectionName = (typeof SECTION_NAMES)[number];

/** What is to be measured. */
export interface Options {
  readonly quick: boolean;
  /** Measure other routers too, which are fetched. */
  readonly peers: boolean;
  readonly sections: readonly SectionName[];
  /** Routes of pd-router. */
  readonly routes: readonly Route[];
  /** Rounds in place of the usual number. */
  readonly rounds: number | undefined;
  /** A compiled pd-router in place of this checkout. */
  readonly program: string | undefined;
  /** Where the figures go, as JSON. */
  readonly json: string;
}

/** Where the figures go unless told otherwise, from where it is called. */
const USUAL_JSON = ".bench/cost.json";

/** How it is called. */
export const USAGE = `Usage: deno task bench [--quick] [--peers] [--only SECTION[,SECTION]] \
[--route ROUTE[,ROUTE]] [--rounds N] [--program FILE] [--json FILE]
SECTION: ${SECTION_NAMES.join(", ")}
ROUTE: ${ROUTES.join(", ")}`;

const FLAGS = ["quick", "peers"] as const;
const VALUES = ["only", "route", "rounds", "program", "json"] as const;

/** Names of all of them. */
export const BENCH_FLAGS: readonly string[] = [...FLAGS, ...VALUES];

/** Read them. Throws `RangeError`, which says what is wrong. */
export function readOptions(args: readonly string[]): Options {
  const flags = new Set<string>();
  const values = new Map<string, string>();
  for (let index = 0; index < args.length; index++) {
    const [name = "", given] = (args[index] ?? "").split(/=(.*)/s);
    const flag = FLAGS.find((one) => name === `--${one}`);
    const known = VALUES.find((one) => name === `--${one}`);
    if (flag !== undefined && given === undefined) {
      flags.add(flag);
      continue;
    }
    if (known === undefined) throw new RangeError(`Cannot take "${args[index]}"`);
    const value = given ?? args[++index];
    if (value === undefined) throw new RangeError(`Cannot take "${name}" without a value`);
    values.set(known, value);
  }
  return {
    quick: flags.has("quick"),
    peers: flags.has("peers"),
    sections: listOf("only", values.get("only"), SECTION_NAMES),
    routes: listOf("route", values.get("route"), ROUTES),
    rounds: roundsOf(values.get("rounds")),
    program: values.get("program"),
    json: values.get("json") ?? USUAL_JSON,
  };
}

/** The names in `text`, in the order of `all`; all of them without a text. */
function listOf<Name extends string>(
  flag: string,
  text: string | undefined,
  all: readonly Name[],
): readonly Name[] {
  if (text === undefined) return all;
  const asked = text.split(",");
  const wrong = asked.find((name) => !all.some((one) => one === name));
  if (wrong !== undefined) {
    throw new RangeError(`"--${flag}" must be of ${all.join(", ")}, received "${wrong}"`);
  }
  return all.filter((one) => asked.includes(one));
}

function roundsOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const rounds = Number(text);
  if (Number.isInteger(rounds) && rounds >= 1) return rounds;
  throw new RangeError(`"--rounds" must be a positive integer, received "${text}"`);
}
