/**
 * `deno task bench:elastic [--seed N] [--hour SECONDS] [--load FACTOR]`: a day of traffic on 8
 * engines, 4 and 4 for good against engines that change sides.
 * @module
 */
import type { Role } from "../../../lib/base/mod.ts";
import { type DayFigures, playFleet } from "./day.ts";
import { dayReport } from "./report.ts";

/** The router's own defaults. */
const RULES = { intervalMs: 30_000, minPrefill: 1, minDecode: 1 } as const;

const FLEETS = {
  fixed: ["prefill", "prefill", "prefill", "prefill", "decode", "decode", "decode", "decode"],
  elastic: ["both", "both", "both", "both", "both", "both", "both", "both"],
} as const satisfies Readonly<Record<string, readonly Role[]>>;

/** The number after `name` among `args`, or `usual`. Throws `RangeError` for one that is not above 0. */
function numberOf(args: readonly string[], name: string, usual: number): number {
  const at = args.indexOf(name);
  if (at < 0) return usual;
  const value = Number(args[at + 1]);
  if (value > 0) return value;
  throw new RangeError(`"${name}" must be a number above 0, received ${args[at + 1]}`);
}

async function main(args: readonly string[]): Promise<void> {
  const day = {
    seed: numberOf(args, "--seed", 1),
    hourMs: 1_000 * numberOf(args, "--hour", 300),
    load: numberOf(args, "--load", 1),
  };
  const play = (fleet: keyof typeof FLEETS): Promise<DayFigures> =>
    playFleet({ ...day, roles: FLEETS[fleet], rules: RULES });
  const fixed = await play("fixed");
  const text = dayReport(day, fixed, await play("elastic"));
  Deno.stdout.writeSync(new TextEncoder().encode(`${text}\n`));
}

if (import.meta.main) await main(Deno.args);
