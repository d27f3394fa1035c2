/** One engine of the fleet while it is there, and as long as something is under way on it. @module */
import { type Engine, Lease, onSide, type Side } from "../base/mod.ts";
import type { EngineLoad } from "../gossip/mod.ts";
import { cardsFor, type ModelCard, plainModelCard } from "../openai/mod.ts";
import { type Candidate, type EngineStats, GOOD, type Verdict } from "../selection/mod.ts";
import type { EngineReading } from "./engine_series.ts";
import type { Elsewhere } from "./others.ts";
import { OwnLoad } from "./own_load.ts";
import { type SeatLimits, Seats, UNBOUNDED } from "./seats.ts";
import type { EngineEntry } from "./view.ts";

/** Mutable; the fleet alone changes it. */
export class LiveEngine implements Candidate {
  /** As its source has it; empty models are to be read from the engine. */
  configured: Engine;
  /** With the models it serves, on the side that it is on. */
  engine: Engine;
  /** Where it can be on either: whole requests have an engine at once. */
  #side: Side = "decode";
  /** Since when, in Unix seconds. */
  #since: number;
  cards: readonly ModelCard[];
  readonly created: number;
  /** Of all routers that are heard; plain fields, as every choice reads them of every engine. */
  inflight = 0;
  promptTokens = 0;
  /** Of this router alone. */
  ownInflight = 0;
  ownPromptTokens = 0;
  readonly load: Seats;
  /** What other routers have at it; absent where there are none. */
  readonly elsewhere: Elsewhere | undefined;
  /** What it said last of its load, as far as that still holds. */
  stats: (EngineStats & EngineReading) | undefined;
  verdict: Verdict = GOOD;
  /** Its source has said that it goes. */
  leaving = false;
  /** It has been told to sleep, and answers nothing until it is woken up. */
  asleep = false;

  /** What other routers are told of it, as it is at the moment. */
  readonly told: EngineLoad & { silent: boolean; waits: boolean } = new OwnLoad(this);

  /** `created` in Unix seconds; `onRoom` is told whenever a request gives something of it back. */
  constructor(
    configured: Engine,
    created: number,
    limits: SeatLimits = UNBOUNDED,
    onRoom: () => void = () => {},
    elsewhere?: Elsewhere,
  ) {
    this.configured = configured;
    this.engine = onSide(configured, this.#side);
    this.elsewhere = elsewhere;
    this.load = new Seats(this.engine, limits, onRoom, elsewhere);
    if (elsewhere !== undefined) {
      elsewhere.sum.onMove = (less) => {
        this.#hear(elsewhere);
        if (!less) return;
        onRoom();
        // What is left is not taken before it is allowed again: the sooner, where requests wait.
        if (this.told.waits) elsewhere.hurry();
      };
      this.#hear(elsewhere);
    }
    this.created = this.#since = created;
    this.cards = configured.models.map((model) => plainModelCard(model, created));
  }

  /** This router has one request more at it, or one less. */
  count(delta: 1 | -1): void {
    this.ownInflight += delta;
    this.inflight += delta;
  }

  /** What it says of its load at `readMs`; undefined where that is not known any more. */
  noteLoad(reading: EngineReading | undefined, readMs: number): void {
    this.stats = reading && { ...reading, own: this.inflight, readMs };
  }

  /** What the view tells of it. */
  entry(): EngineEntry {
    const { engine, cards, created, load, asleep } = this;
    return {
      engine,
      cards,
      created,
      ...(load.bounded ? { load } : {}),
      ...(asleep ? { asleep } : {}),
      ...(engine.elastic === true ? { onSideSince: this.#since } : {}),
    };
  }

  /**
   * Have it on `side` since `since`, in Unix seconds; what it has under way stays. False where it
   * cannot, or is.
   */
  turn(side: Side, since: number): boolean {
    if (this.configured.role !== "both" || this.#side === side) return false;
    this.#side = side;
    this.#since = since;
    this.engine = { ...this.engine, role: side };
    this.load.configure(this.engine);
    return true;
  }

  /** Count `tokens` that it has to compute, until what is returned is released. */
  owe(tokens: number): Lease {
    this.#add(tokens);
    return new Lease(() => {
      this.#add(-tokens);
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
    const record = fixed ? configured : { ...configured, models: this.engine.models };
    this.engine = onSide(record, this.#side);
    this.load.configure(this.engine);
    if (!fixed) return;
    const kept = this.cards.filter(({ id }) => configured.models.includes(id));
    this.cards = kept.length > 0
      ? kept
      : configured.models.map((model) => plainModelCard(model, this.created));
  }

  /** Take the cards it gave. Configured models stay as they are; adapters on them come and go. */
  learn(cards: readonly ModelCard[]): void {
    const { models } = this.configured;
    const kept = cardsFor(models, cards);
    const served = new Set([...models, ...kept.map(({ id }) => id)]);
    this.engine = onSide({ ...this.configured, models: [...served] }, this.#side);
    if (kept.length > 0 || models.length === 0) this.cards = kept;
  }

  #add(tokens: number): void {
    this.ownPromptTokens += tokens;
    this.promptTokens += tokens;
  }

  /** What others have there is another. */
  #hear({ sum }: Elsewhere): void {
    this.inflight = this.ownInflight + sum.inflight;
    this.promptTokens = this.ownPromptTokens + sum.promptTokens;
    this.load.hear(sum);
  }
}
