/** When which fault befalls whom: all of it follows from the seed. @module */
import { type Clock, type Random, seededRandom, sleep } from "../../lib/base/mod.ts";
import { between, pickWeighted } from "./dice.ts";
import { type EndFault, FAULT_KINDS, type FaultKind } from "./faults.ts";
import type { ChaosFleet } from "./fleet.ts";
import type { ChaosOptions } from "./options.ts";
import type { Slot } from "./slot.ts";

/** One fault to come. */
export interface ScheduledFault {
  readonly kind: FaultKind;
  /** From the start. */
  readonly atMs: number;
  readonly forMs: number;
  /** Which engine of those that it may befall. */
  readonly target: number;
  /** Decides on what is left open. */
  readonly seed: number;
}

/** Between one fault and the next, and how long each lasts, in milliseconds. */
const GAP_MS = [50, 500] as const;
const LAST_MS = [150, 2_200] as const;

/** Every so often nothing comes for a while, so that what is shut can open. */
const CALM = { everyMs: 9_000, forMs: 3_000 };

/** The faults of `durationMs`, in the order of their times. */
export function scheduleFaults(
  { seed, prefills, decodes, protocol, workers }: Omit<ChaosOptions, "minutes" | "clients">,
  durationMs: number,
): readonly ScheduledFault[] {
  const random = seededRandom(seed + 0x5eed);
  const known = ({ protocols = [protocol], several }: FaultKind): boolean =>
    protocols.includes(protocol) && (several !== true || workers > 1);
  const [first, ...more] = FAULT_KINDS.filter(known);
  const counts = { prefill: prefills, decode: decodes, any: prefills + decodes };
  const faults: ScheduledFault[] = [];
  if (first === undefined) return faults;
  for (
    let atMs = between(random, ...GAP_MS);
    atMs < durationMs;
    atMs += between(random, ...GAP_MS)
  ) {
    if (atMs % CALM.everyMs > CALM.everyMs - CALM.forMs) continue;
    const kind = pickWeighted(random, [first, ...more]);
    faults.push({
      kind,
      atMs,
      forMs: Math.min(between(random, ...LAST_MS), durationMs - atMs),
      target: between(random, 0, counts[kind.on] - 1),
      seed: between(random, 0, 1_000_000),
    });
  }
  return faults;
}

/** A time in which clients may get a status. */
interface Spell {
  readonly status: number;
  readonly fromMs: number;
  toMs: number;
}

/** Spells that are remembered. */
const MAX_SPELLS = 1_000;

/** Has faults come and go. */
export class Adversary {
  /** How many of each kind have begun. */
  readonly counts = new Map<string, number>();
  readonly #fleet: ChaosFleet;
  readonly #clock: Clock;
  readonly #spells: Spell[] = [];
  /** What went wrong that was not meant to. */
  readonly problems: string[] = [];

  constructor(fleet: ChaosFleet, clock: Clock) {
    this.#fleet = fleet;
    this.#clock = clock;
  }

  /** Run `faults`; resolves when all have ended. */
  async run(faults: readonly ScheduledFault[], signal: AbortSignal): Promise<void> {
    const startMs = this.#clock.now();
    const running: Promise<void>[] = [];
    for (const fault of faults) {
      const waitMs = startMs + fault.atMs - this.#clock.now();
      if (waitMs > 0 && await sleep(this.#clock, waitMs, signal) === "aborted") break;
      running.push(
        this.#befall(fault, signal).catch((error: unknown) => {
          this.problems.push(`fault "${fault.kind.name}" could not be had: ${error}`);
        }),
      );
    }
    await Promise.all(running);
  }

  /** Statuses that faults account for in a request from `fromMs` to `toMs`. */
  statuses(fromMs: number, toMs: number): readonly number[] {
    return this.#spells.filter((spell) => spell.fromMs <= toMs && spell.toMs >= fromMs)
      .map(({ status }) => status);
  }

  async #befall({ kind, forMs, target, seed }: ScheduledFault, signal: AbortSignal): Promise<void> {
    const random: Random = seededRandom(seed);
    const slot = this.#slot(kind, target);
    this.counts.set(kind.name, (this.counts.get(kind.name) ?? 0) + 1);
    const spell = this.#spell(kind);
    let end: EndFault | undefined;
    try {
      end = await kind.begin(this.#fleet, slot, random);
      await sleep(this.#clock, forMs, signal);
    } finally {
      await end?.();
      if (spell !== undefined) spell.toMs = this.#clock.now();
    }
  }

  #slot({ on }: FaultKind, target: number): Slot {
    const { prefills, decodes, slots } = this.#fleet;
    const slot = { prefill: prefills, decode: decodes, any: slots }[on][target];
    if (slot === undefined) throw new RangeError(`No engine ${target} for faults on ${on}`);
    return slot;
  }

  #spell({ status }: FaultKind): Spell | undefined {
    if (status === undefined) return undefined;
    const spell = { status, fromMs: this.#clock.now(), toMs: Infinity };
    this.#spells.push(spell);
    if (this.#spells.length > MAX_SPELLS) this.#spells.shift();
    return spell;
  }
}
