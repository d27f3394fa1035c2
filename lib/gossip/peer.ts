/** One peer, as far as it has been heard: which of its messages count, and whether any is missing. @module */
import type { PeerId } from "./bus.ts";
import type { Head } from "./message.ts";
import { PeerTable, type Shared } from "./peer_table.ts";

/** What a message is to what was heard before it. */
export type Standing =
  /** It is the next. */
  | "next"
  /** It was heard before, or is of a life that is over. */
  | "old"
  /** Something is missing before it. */
  | "gap";

type Update = Extract<Head, { readonly kind: "update" }>;

/** Follows one peer through its lives. */
export class Peer {
  readonly #shared: Shared;
  readonly #name: PeerId;
  #table: PeerTable;
  #life: number | undefined;
  #past: number | undefined;
  /** The number of its next update. */
  #next = 0;
  /** `told`: all that holds; `filling`: all is being told; `asked`: something is missing. */
  #state: "told" | "filling" | "missing" = "missing";
  /** It says that it has been there for a while. */
  settled = false;
  /** When it was heard last, and asked last. */
  heardMs: number;
  askedMs = -Infinity;

  constructor(shared: Shared, name: PeerId, nowMs: number) {
    this.#shared = shared;
    this.#name = name;
    this.#table = new PeerTable(shared, name);
    this.heardMs = nowMs;
  }

  /** Something that it has told is not known here. */
  get missing(): boolean {
    return this.#state === "missing";
  }

  /** Where its entries go. */
  get table(): PeerTable {
    return this.#table;
  }

  /** What an update is; its entries are to be taken where `takes` says so behind it. */
  place({ life, number, first }: Update): Standing {
    if (life !== this.#life) {
      if (life === this.#past) return "old";
      this.#begin(life);
      this.#next = number + 1;
      return first ? this.#fill("next") : "gap";
    }
    if (number < this.#next) return "old";
    const missed = number > this.#next;
    this.#next = number + 1;
    if (first) return this.#fill(missed ? "gap" : "next");
    if (!missed) return "next";
    this.#state = "missing";
    return "gap";
  }

  /** Whether entries count: not while names may mean something else. */
  get takes(): boolean {
    return this.#state !== "missing";
  }

  /** The entries of an update have been taken. */
  took({ last }: Update): void {
    if (this.#table.broken) this.#state = "missing";
    else if (last && this.#state === "filling") {
      this.#table.end();
      this.#state = "told";
    }
  }

  /** Nothing of it holds any more. */
  forget(): void {
    this.#table.forget();
  }

  #begin(life: number): void {
    this.#table.forget();
    this.#table = new PeerTable(this.#shared, this.#name);
    this.#past = this.#life;
    this.#life = life;
    this.#state = "missing";
  }

  #fill(standing: Standing): Standing {
    this.#table.begin();
    this.#state = "filling";
    return standing;
  }
}
