/** Looks at how much each model's engines have to do: moves those that can move, and tells how many are wanted. @module */
import { type Clock, type Engine, every, type Logger, type Role, type Side } from "../base/mod.ts";
import type { Candidate } from "../selection/mod.ts";
import { prefillDemand, servingDemand, Smoothed, TARGET } from "./demand.ts";
import { decideSplit, firstSide, type SideState, type SplitRules } from "./elastic_split.ts";
import type { Fleet } from "./fleet.ts";
import type { FleetChange } from "./fleet_options.ts";
import { ScaleHint } from "./scale_hint.ts";

/** What watching needs. */
export interface GroupWatchDeps {
  readonly clock: Clock;
  readonly log: Logger;
  readonly fleet: Pick<Fleet, "snapshot" | "turn" | "watch">;
  readonly rules: SplitRules;
  /**
   * Whether it is for this router to move engines, where there are others.
   * @default () => true
   */
  readonly leads?: (() => boolean) | undefined;
  /** An engine is on another side than before, for want of engines or for its load. */
  readonly onMove: (engine: Engine, to: Side) => void;
}

/** Engines that are wanted for a role of a model. */
export interface WantedEngines {
  readonly model: string;
  readonly role: Role;
  readonly engines: number;
}

/** How often engines are looked at, in milliseconds. */
export const LOOK_MS = 1_000;

/** Share of the least time between moves over which demand is smoothed. */
const MEMORY = 0.6;

/** Roles that are counted, and how their demand is told. */
const ROLES = [
  { role: "prefill", demandOf: prefillDemand, target: TARGET.prefill },
  { role: "decode", demandOf: servingDemand, target: TARGET.serving },
  { role: "any", demandOf: servingDemand, target: TARGET.serving },
] as const;

type Counted = (typeof ROLES)[number]["role"];

/** The engines of one model, whose KV moves in one way. */
interface Group {
  readonly model: string;
  readonly kv: Engine["kv"];
  readonly demand: Readonly<Record<Counted, Smoothed>>;
  readonly hints: Readonly<Record<Counted, ScaleHint>>;
  moved: { readonly to: Side; readonly atMs: number } | undefined;
}

/** Watches from its making until it is disposed. */
export class GroupWatch implements Disposable {
  readonly #deps: GroupWatchDeps;
  readonly #groups = new Map<string, Group>();
  /** Engines that can be on either side, and have been given one, by id. */
  readonly #placed = new Set<string>();
  readonly #timer: Disposable;
  readonly #changes: Disposable;
  #wanted: readonly WantedEngines[] = [];

  constructor(deps: GroupWatchDeps) {
    this.#deps = deps;
    this.#timer = every(deps.clock, LOOK_MS, () => this.#look());
    this.#changes = deps.fleet.watch((change) => this.#follow(change));
    for (const { engine } of deps.fleet.snapshot().entries) this.#place(engine);
  }

  /** How many engines are wanted, as of the last look; for a model by the first name that engines give. */
  get wanted(): readonly WantedEngines[] {
    return this.#wanted;
  }

  [Symbol.dispose](): void {
    this.#timer[Symbol.dispose]();
    this.#changes[Symbol.dispose]();
  }

  #follow({ kind, engine }: FleetChange): void {
    if (kind === "removed") this.#placed.delete(engine.id);
    else if (kind === "added" || kind === "changed") this.#place(engine);
  }

  /** Give an engine its first side, once it is known whose engines it is one of. */
  #place(engine: Engine): void {
    const [model] = engine.models;
    if (engine.elastic !== true || model === undefined || this.#placed.has(engine.id)) return;
    this.#placed.add(engine.id);
    const others = this.#deps.fleet.snapshot().engines.filter((other) =>
      other.id !== engine.id && other.models[0] === model && other.kv === engine.kv &&
      (other.elastic !== true || this.#placed.has(other.id))
    );
    const count = (side: Side): number => others.filter(({ role }) => role === side).length;
    this.#deps.fleet.turn(engine.id, firstSide(count("prefill"), count("decode")));
  }

  #look(): void {
    const seen = new Set<string>();
    const wanted: WantedEngines[] = [];
    for (const engine of this.#deps.fleet.snapshot().engines) {
      const [model] = engine.models;
      const key = JSON.stringify([model, engine.kv]);
      if (model === undefined || seen.has(key)) continue;
      seen.add(key);
      const group = this.#groups.get(key) ?? this.#groupOf(model, engine.kv);
      this.#groups.set(key, group);
      wanted.push(...this.#lookAt(group));
    }
    for (const key of this.#groups.keys()) if (!seen.has(key)) this.#groups.delete(key);
    this.#wanted = summed(wanted);
  }

  #groupOf(model: string, kv: Engine["kv"]): Group {
    const memoryMs = this.#deps.rules.intervalMs * MEMORY;
    const smoothed = (): Smoothed => new Smoothed(memoryMs);
    const hint = (): ScaleHint => new ScaleHint();
    return {
      model,
      kv,
      demand: { prefill: smoothed(), decode: smoothed(), any: smoothed() },
      hints: { prefill: hint(), decode: hint(), any: hint() },
      moved: undefined,
    };
  }

  /** What is wanted for `group`; moves one of its engines where that helps. */
  #lookAt(group: Group): readonly WantedEngines[] {
    const nowMs = this.#deps.clock.now();
    const { model, kv, demand, hints } = group;
    const { prefill, direct } = this.#deps.fleet.snapshot().group(model);
    const there = new Set([...prefill, ...direct]);
    const byRole = Map.groupBy(
      [...there].filter(({ engine }) => engine.kv === kv && engine.models[0] === model),
      ({ engine }) => engine.role,
    );
    const wanted: WantedEngines[] = [];
    for (const { role, demandOf, target } of ROLES) {
      const present = byRole.get(role) ?? [];
      demand[role].add(demandOf(present), nowMs);
      if (present.length === 0) continue;
      const engines = hints[role].next(demand[role].value / target, present.length);
      wanted.push({ model, role, engines });
    }
    this.#split(group, byRole, nowMs);
    return wanted;
  }

  #split(group: Group, byRole: ReadonlyMap<Role, readonly Candidate[]>, nowMs: number): void {
    const sideOf = (side: Side): readonly Candidate[] => byRole.get(side)?.filter(isThere) ?? [];
    const sides = { prefill: sideOf("prefill"), decode: sideOf("decode") };
    const state = (side: Side): SideState => ({
      engines: sides[side].length,
      movable: sides[side].filter(({ engine }) => engine.elastic).length,
      demand: group.demand[side].value,
    });
    const view = { prefill: state("prefill"), decode: state("decode") };
    if (view.prefill.movable + view.decode.movable === 0) return;
    const { rules, fleet, log, onMove, leads } = this.#deps;
    if (leads?.() === false) return;
    const { moved } = group;
    const last = moved && { to: moved.to, agoMs: nowMs - moved.atMs };
    const decision = decideSplit(view, rules, last);
    if (decision.kind === "stay") return;
    const { to, why } = decision;
    const chosen = leastBusy(sides[to === "prefill" ? "decode" : "prefill"]);
    if (chosen === undefined) return;
    group.moved = { to, atMs: nowMs };
    const { engine } = chosen;
    log.info("Engine is on another side from here on", {
      url: engine.url,
      side: to,
      why,
      prefill_engines: view.prefill.engines,
      prefill_demand: round(view.prefill.demand),
      decode_engines: view.decode.engines,
      decode_demand: round(view.decode.demand),
    });
    fleet.turn(engine.id, to);
    onMove(engine, to);
  }
}

function isThere({ verdict: { kind } }: Candidate): boolean {
  return kind !== "shut" && kind !== "leaving";
}

/** The engine that can move and has least under way. */
function leastBusy(side: readonly Candidate[]): Candidate | undefined {
  let least: Candidate | undefined;
  for (const candidate of side) {
    if (candidate.engine.elastic !== true) continue;
    if (least === undefined || candidate.inflight < least.inflight) least = candidate;
  }
  return least;
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}

/** One row for each model and role, whatever ways KV moves in. */
function summed(rows: readonly WantedEngines[]): readonly WantedEngines[] {
  const alike = Map.groupBy(rows, ({ model, role }) => JSON.stringify([model, role]));
  return [...alike.values()].flatMap(([first, ...more]) =>
    first === undefined
      ? []
      : [{ ...first, engines: more.reduce((sum, { engines }) => sum + engines, first.engines) }]
  );
}
