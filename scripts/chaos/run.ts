/** One run: a fleet, load, faults, and what holds in the end. @module */
import { type Clock, sleep, systemClock } from "../../lib/base/mod.ts";
import type { StartFront } from "../../lib/front/mod.ts";
import { heapUsed } from "../../tests/support/memory.ts";
import { Diary } from "./diary.ts";
import { ailments, GIVEN_UP, leftovers, settled } from "./ending.ts";
import { WORKER_KILLED } from "./faults.ts";
import { type ChaosFleet, startFleet } from "./fleet.ts";
import { Load } from "./load.ts";
import type { ChaosOptions } from "./options.ts";
import { Adversary, type ScheduledFault, scheduleFaults } from "./schedule.ts";
import type { Violation } from "./violation.ts";

/** What came of a run. */
export interface ChaosReport {
  readonly options: ChaosOptions;
  readonly requests: number;
  readonly verdicts: ReadonlyMap<string, number>;
  readonly statuses: ReadonlyMap<number, number>;
  readonly leftAt: ReadonlyMap<string, number>;
  readonly faults: ReadonlyMap<string, number>;
  /** Bytes of the heap, after garbage was collected: at the start, every so often, at the end. */
  readonly heaps: readonly number[];
  /** From the end of the last fault until all engines and pairs were good, in milliseconds. */
  readonly healMs: number;
  /** The first ones. */
  readonly violations: readonly Violation[];
  /** KV entries that the router has said it could not release, and that are held. */
  readonly givenUp: number;
  readonly violationCount: number;
}

/** What a run may be given beside its options. */
export interface ChaosPorts {
  /** @default the machine's */
  readonly clock?: Clock;
  /** @default the platform's server */
  readonly front?: StartFront;
  /** How long what is left over may take to go, and engines to be good again, in milliseconds. */
  readonly quietMs?: number;
  /**
   * What goes wrong.
   * @default what the seed says
   */
  readonly faults?: readonly ScheduledFault[];
  /**
   * It goes on until this is so, for a minute more at most: a slow machine has asked little when time is up.
   * @default always
   */
  readonly enough?: (verdicts: Load["verdicts"]) => boolean;
  readonly signal?: AbortSignal;
}

/** Violations whose histories are kept. */
const MAX_VIOLATIONS = 10;

/** Reclaiming KV waits for notifications, and tries three times. */
const QUIET_MS = 30_000;
const HEAL_MS = 30_000;

/** How much longer it may go on until it is enough. */
const MORE_MS = 60_000;

/** Lines of the log that are told of engines that do not get well. */
const MAX_LINES = 40;

/** How often memory is looked at. */
const HEAP_MS = 5_000;

/** What the heap may grow, in bytes: what code, and the run's own counts, take. */
const MAX_GROWTH = 24 * 1024 * 1024;

/** Requests at a time that warm up what is made once, and try engines and pairs again. */
const PROBES = 12;

/** Run chaos; resolves whatever is found. Rejects where the fleet cannot be had. */
export async function runChaos(
  options: ChaosOptions,
  ports: ChaosPorts = {},
): Promise<ChaosReport> {
  const clock = ports.clock ?? systemClock();
  const diary = new Diary(clock);
  await using fleet = await startFleet(options, {
    clock,
    diary,
    ...(ports.front === undefined ? {} : { front: ports.front }),
  });
  return await new Run(options, ports, { clock, diary, fleet }).all();
}

async function probeMany(load: Load, wrong?: string): Promise<void> {
  await Promise.all(Array.from({ length: PROBES }, () => load.probe(wrong)));
}

interface RunParts {
  readonly clock: Clock;
  readonly diary: Diary;
  readonly fleet: ChaosFleet;
}

class Run {
  readonly #options: ChaosOptions;
  readonly #ports: ChaosPorts;
  readonly #parts: RunParts;
  readonly #heaps: number[] = [];
  readonly #violations: Violation[] = [];
  #violationCount = 0;

  constructor(options: ChaosOptions, ports: ChaosPorts, parts: RunParts) {
    this.#options = options;
    this.#ports = ports;
    this.#parts = parts;
  }

  async all(): Promise<ChaosReport> {
    const { clock, diary, fleet } = this.#parts;
    const { seed } = this.#options;
    const adversary = new Adversary(fleet, clock);
    using load = new Load({
      seed,
      clock,
      fleet,
      diary,
      adversary,
      onViolation: (violation) => this.#violated(violation),
    });
    await this.#warmUp(load);
    const timers = fleet.clock.pending;
    await this.#storm(load, adversary);
    for (const problem of adversary.problems) this.#found(problem);
    const healMs = await this.#heal(load, adversary);
    await this.#quiet();
    await this.#timersGone(timers);
    this.#measure();
    this.#checkHeap();
    return {
      options: this.#options,
      requests: load.asked,
      verdicts: load.verdicts,
      statuses: load.statuses,
      leftAt: load.leftAt,
      faults: adversary.counts,
      heaps: this.#heaps,
      healMs,
      givenUp: fleet.decodes.reduce((sum, { engine }) => sum + (engine?.stats().heldKv ?? 0), 0),
      violations: this.#violations,
      violationCount: this.#violationCount,
    };
  }

  async #warmUp(load: Load): Promise<void> {
    // What comes first may be too slow on a busy machine, and is told so; what comes then is not.
    await probeMany(load);
    await probeMany(load, "not answered rightly before anything went wrong");
    await this.#quiet();
    this.#measure();
  }

  async #storm(load: Load, adversary: Adversary): Promise<void> {
    const { clock } = this.#parts;
    const { minutes, clients } = this.#options;
    const { signal, enough } = this.#ports;
    const durationMs = minutes * 60_000;
    const end = clock.now() + durationMs;
    const isOver = (): boolean => {
      const late = clock.now() - end;
      return signal?.aborted === true ||
        (late >= 0 && (late >= MORE_MS || enough === undefined || enough(load.verdicts)));
    };
    const stop = new AbortController();
    signal?.addEventListener("abort", () => stop.abort(), { once: true });
    const faults = this.#ports.faults ?? scheduleFaults(this.#options, durationMs);
    const watching = this.#watchHeap(stop.signal);
    const loading = load.run(clients, isOver).finally(() => stop.abort());
    await Promise.all([adversary.run(faults, stop.signal), loading]);
    await watching;
  }

  async #watchHeap(signal: AbortSignal): Promise<void> {
    while (await sleep(this.#parts.clock, HEAP_MS, signal) === "elapsed") this.#measure();
  }

  /** Bring everything back, and wait until the router sees it; how long that took. */
  async #heal(load: Load, adversary: Adversary): Promise<number> {
    const { clock, fleet } = this.#parts;
    const began = clock.now();
    // KV of a router's process that was killed stays where it is until its engine has gone.
    if (adversary.counts.has(WORKER_KILLED)) {
      for (const slot of fleet.decodes) await slot.kill();
      for (const slot of fleet.decodes) await slot.start();
    }
    for (const slot of fleet.slots) {
      // LMCache's prefill engines meet restarted decode engines only when they are restarted.
      if (this.#options.protocol === "lmcache" && fleet.prefills.includes(slot)) await slot.kill();
      await slot.start();
      fleet.source.upsert(slot.record);
    }
    const problem = await settled(clock, async () => {
      // Pairs are tried again by requests that come to them.
      await probeMany(load);
      const found = await ailments(fleet);
      return found.length === 0 ? undefined : found.join("; ");
    }, this.#ports.quietMs ?? HEAL_MS);
    const healMs = clock.now() - began;
    if (problem !== undefined) {
      this.#violated({
        what: `not good again after ${Math.round(healMs)} ms: ${problem}`,
        router: this.#parts.diary.lines('"message":"Engine ').slice(-MAX_LINES),
        engines: fleet.slots.flatMap((slot) => slot.history(began - HEAL_MS, clock.now())),
      });
    }
    await probeMany(load, "not answered rightly after all was well again");
    return healMs;
  }

  async #quiet(): Promise<void> {
    const { clock, fleet, diary } = this.#parts;
    const problem = await settled(clock, () => {
      const left = leftovers(
        fleet,
        ({ record }) => diary.lines(GIVEN_UP, `"${record.url}"`).length > 0,
      );
      return Object.keys(left).length === 0 ? undefined : JSON.stringify(left);
    }, this.#ports.quietMs ?? QUIET_MS);
    if (problem !== undefined) this.#found(`left over: ${problem}`);
  }

  async #timersGone(most: number): Promise<void> {
    const { clock, fleet } = this.#parts;
    const problem = await settled(clock, () => {
      const { pending } = fleet.clock;
      return pending <= most ? undefined : `${pending} timers, of ${most} at the start`;
    }, this.#ports.quietMs ?? QUIET_MS);
    if (problem !== undefined) this.#found(problem);
  }

  #measure(): void {
    this.#heaps.push(heapUsed());
  }

  #checkHeap(): void {
    const [first = 0] = this.#heaps;
    const grown = (this.#heaps.at(-1) ?? 0) - first;
    if (grown > MAX_GROWTH) this.#found(`the heap has grown by ${grown} bytes: ${this.#heaps}`);
  }

  #found(what: string, router: readonly string[] = []): void {
    this.#violated({ what, router, engines: [] });
  }

  #violated(violation: Violation): void {
    this.#violationCount++;
    if (this.#violations.length < MAX_VIOLATIONS) this.#violations.push(violation);
  }
}
