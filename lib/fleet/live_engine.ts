/** One engine of the fleet while it is there, and as long as something is under way on it. @module */
import { type Engine, Lease } from "../base/mod.ts";
import { type ModelCard, plainModelCard } from "../openai/mod.ts";
import { type Candidate, GOOD, type Verdict } from "../selection/mod.ts";
import { type SeatLimits, Seats, UNBOUNDED } from "./seats.ts";
import type { EngineEntry } from "./view.ts";

/** Mutable; the fleet alone changes it. */
export class LiveEngine implements Candidate {
  /** As its source has it; empty models are to be read from the engine. */
  configured: Engine;
  /** With the models it serves. */
  engine: Engine;
  cards: readonly ModelCard[];
  readonly created: number;
  inflight = 0;
  promptTokens = 0;
  readonly load: Seats;
  verdict: Verdict = GOOD;
  /** Its source has said that it goes. */
  leaving = false;

  /** `created` in Unix seconds; `onRoom` is told whenever a request gives something of it back. */
  constructor(
    configured: Engine,
    created: number,
    limits: SeatLimits = UNBOUNDED,
    onRoom: () => void = () => {},
  ) {
    this.load = new Seats(configured, limits, onRoom);
    this.configured = configured;
    this.engine = configured;
    this.created = created;
    this.cards = configured.models.map((model) => plainModelCard(model, created));
  }

  /** What the view tells of it. */
  entry(): EngineEntry {
    const { engine, cards, created, load } = this;
    return { engine, cards, created, ...(load.bounded ? { load } : {}) };
  }

  /** Count `tokens` that it has to compute, until what is returned is released. */
  owe(tokens: number): Lease {
    this.promptTokens += tokens;
    return new Lease(() => {
      this.promptTokens -= tokens;
    });
  }

  /** Whether `record` is the one its source has told; one whose fields stand in another order is not. */
  isConfigured(record: Engine): boolean {
    return JSON.stringify(record) === JSON.stringify(this.configured);
  }

  /** Take another record of the same engine; without models, those known stay until it says its own. */
  configure(configured: Engine): void {
    const fixed = configured.models.length > 0;
    this.configured = configured;
    this.load.configure(configured);
    this.engine = fixed ? configured : { ...configured, models: this.engine.models };
    if (!fixed) return;
    const kept = this.cards.filter(({ id }) => configured.models.includes(id));
    this.cards = kept.length > 0
      ? kept
      : configured.models.map((model) => plainModelCard(model, this.created));
  }

  /** Take the cards it gave. Configured models stay as they are. */
  learn(cards: readonly ModelCard[]): void {
    if (this.configured.models.length === 0) {
      this.engine = { ...this.configured, models: cards.map(({ id }) => id) };
      this.cards = cards;
      return;
    }
    const kept = cards.filter(({ id }) => this.configured.models.includes(id));
    if (kept.length > 0) this.cards = kept;
  }
}
