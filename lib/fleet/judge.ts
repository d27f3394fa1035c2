/** What holds for the engines that are there, as health learns. @module */
import type { EngineLives } from "./engine_lives.ts";
import type { FleetOptions } from "./fleet_options.ts";
import type { Begun, Health } from "./health.ts";
import type { Listeners } from "./listeners.ts";
import type { LiveEngine } from "./live_engine.ts";
import type { Roster } from "./roster.ts";
import { tellVerdict } from "./tell_verdict.ts";

/** What a judge works with. */
export interface JudgeParts extends Pick<FleetOptions, "log" | "observer"> {
  readonly health: Health;
  readonly roster: Roster;
  readonly listeners: Listeners;
  readonly lives: Pick<EngineLives, "returned">;
}

/** Has each engine's verdict follow what health says of it, and whoever waits told. */
export class Judge {
  readonly #parts: JudgeParts;

  constructor(parts: JudgeParts) {
    this.#parts = parts;
  }

  /** Take health's verdict on the engine `id`, if it is there. */
  judge(id: string): void {
    const { health, roster, listeners, lives, log, observer } = this.#parts;
    const live = roster.get(id);
    if (live === undefined) return;
    const was = live.verdict;
    live.verdict = live.leaving ? { kind: "leaving" } : health.engine(id);
    const { kind } = live.verdict;
    const leaves = kind === "leaving" || was.kind === "leaving";
    if (kind !== was.kind && !leaves) observer.onVerdict(live.engine, live.verdict);
    tellVerdict(log, live.engine, was, live.verdict);
    if (kind === "good" && (was.kind === "shut" || was.kind === "probation")) lives.returned(live);
    if (kind !== was.kind) listeners.tellRoom(live.engine);
  }

  /** A flight of `live` has begun; undefined where it is not there any more. */
  began(live: LiveEngine | undefined, begun: Begun): void {
    const { health } = this.#parts;
    if (live === undefined || health.began === undefined) return;
    health.began(begun);
    if (live.verdict.kind === "probation") this.judge(begun.engine.id);
  }

  /** A request has a seat of `live`: where that is on probation, others go around it. */
  seated(live: LiveEngine | undefined): void {
    if (live?.verdict.kind !== "probation") return;
    this.#parts.health.seated?.(live.engine);
    this.judge(live.engine.id);
  }

  /** An answer has begun well. */
  answering(begun: Begun): void {
    const { health, roster } = this.#parts;
    const live = roster.of(begun.engine);
    if (live === undefined || health.answering === undefined) return;
    health.answering(begun);
    // While the trial of an engine is answered, others may follow.
    if (live.verdict.kind === "shut") this.judge(begun.engine.id);
  }
}
