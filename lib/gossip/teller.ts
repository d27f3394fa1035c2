/** What this router has told its peers, so that it tells what has changed alone. @module */
import { type EngineLoad, EntryWriter, type KeyUse, MAX_CHUNKS, MAX_NAMES } from "./entries.ts";
import { beginUpdate, flagUpdate } from "./message.ts";
import type { VerdictTold } from "./verdict.ts";
import { WireWriter } from "./wire.ts";

/** A message with more than this is sent, in bytes: an entry more is never more than one may be. */
const FULL_BYTES = 32 * 1024;

/** How whoever knows something tells it. What is known to peers already is not told again. */
export interface Telling {
  /** All that holds is to be told, as nothing of it is known. */
  readonly all: boolean;
  /** Told of every engine that is there, each time; of one that is not, all is forgotten. */
  load(engine: string, load: EngineLoad): void;
  /** What is held against an engine, of which load is told as well. */
  verdict(engine: string, told: VerdictTold): void;
  pair(prefill: string, decode: string, told: VerdictTold): void;
  key(name: string, use: KeyUse): void;
  /** 0 where there are none any more. */
  address(address: string, connections: number): void;
  /** An engine, of which load is told as well, has met a prompt that begins with `chunks`. */
  met(engine: string, chunks: Float64Array): void;
}

interface Cell extends EngineLoad {
  readonly number: number;
  inflight: number;
  promptTokens: number;
  seats: number;
  transfers: number;
  kvBytes: number;
  silent: boolean;
  waits: boolean;
  side: EngineLoad["side"];
  /** When it was last told that it is there. */
  turn: number;
  /** Peers know its number. */
  named: boolean;
}

/** Writes updates, and hands each to `send`, which must take it before it returns. */
export class Teller implements Telling {
  readonly #life: number;
  readonly #send: (message: Uint8Array) => void;
  readonly #wire = new WireWriter();
  readonly #entries = new EntryWriter(this.#wire);
  readonly #cells = new Map<string, Cell>();
  readonly #free: number[] = [];
  #number = 0;
  #turn = 0;
  #all = false;
  #settled = false;
  /** Of this turn, no message has gone yet. */
  #first = true;
  /** Length of an update without entries. */
  #empty = 0;

  constructor(life: number, send: (message: Uint8Array) => void) {
    this.#life = life;
    this.#send = send;
  }

  get all(): boolean {
    return this.#all;
  }

  /** Engines that are there. */
  get size(): number {
    return this.#cells.size;
  }

  /**
   * Tell what `gather` tells; with `all`, from nothing on. With `sign`, a message goes even where there is
   * nothing to tell. Messages say whether this router is `settled`. Whether any has gone.
   */
  tell(
    gather: (telling: Telling) => void,
    { all = false, sign = false, settled = false } = {},
  ): boolean {
    this.#all = all;
    this.#settled = settled;
    this.#first = true;
    this.#turn++;
    if (all) { for (const cell of this.#cells.values()) cell.named = false; }
    this.#begin();
    gather(this);
    this.#dropAbsent();
    if (this.#first && this.#wire.length === this.#empty && !all && !sign) {
      this.#number--;
      return false;
    }
    this.#end(true);
    return true;
  }

  load(engine: string, load: EngineLoad): void {
    const cell = this.#cellOf(engine);
    if (cell === undefined) return;
    cell.turn = this.#turn;
    if (isSame(cell, load) && (!this.#all || isIdle(cell))) return;
    cell.inflight = load.inflight;
    cell.promptTokens = load.promptTokens;
    cell.seats = load.seats;
    cell.transfers = load.transfers;
    cell.kvBytes = load.kvBytes;
    cell.silent = load.silent;
    cell.waits = load.waits;
    cell.side = load.side;
    this.#name(cell, engine);
    this.#entries.load(cell.number, cell);
    this.#flow();
  }

  verdict(engine: string, told: VerdictTold): void {
    const cell = this.#cellOf(engine);
    if (cell === undefined) return;
    this.#name(cell, engine);
    this.#entries.verdict(cell.number, told);
    this.#flow();
  }

  pair(prefill: string, decode: string, told: VerdictTold): void {
    const [one, other] = [this.#cellOf(prefill), this.#cellOf(decode)];
    if (one === undefined || other === undefined) return;
    this.#name(one, prefill);
    this.#name(other, decode);
    this.#entries.pair(one.number, other.number, told);
    this.#flow();
  }

  key(name: string, use: KeyUse): void {
    this.#entries.key(name, use);
    this.#flow();
  }

  address(address: string, connections: number): void {
    this.#entries.address(address, connections);
    this.#flow();
  }

  met(engine: string, chunks: Float64Array): void {
    const cell = this.#cellOf(engine);
    if (cell === undefined || chunks.length === 0) return;
    this.#name(cell, engine);
    this.#entries.met(cell.number, chunks.subarray(0, MAX_CHUNKS));
    this.#flow();
  }

  /** The cell of an engine; undefined where there are as many as may be. */
  #cellOf(engine: string): Cell | undefined {
    const known = this.#cells.get(engine);
    if (known !== undefined) return known;
    if (this.#cells.size >= MAX_NAMES) return undefined;
    const cell = {
      number: this.#free.pop() ?? this.#cells.size,
      inflight: 0,
      promptTokens: 0,
      seats: 0,
      transfers: 0,
      kvBytes: 0,
      silent: false,
      waits: false,
      side: undefined,
      turn: this.#turn,
      named: false,
    };
    this.#cells.set(engine, cell);
    return cell;
  }

  #name(cell: Cell, engine: string): void {
    if (cell.named) return;
    cell.named = true;
    this.#entries.name(cell.number, engine);
  }

  #dropAbsent(): void {
    for (const [engine, cell] of this.#cells) {
      if (cell.turn === this.#turn) continue;
      this.#cells.delete(engine);
      this.#free.push(cell.number);
      if (cell.named) this.#entries.drop(cell.number);
      this.#flow();
    }
  }

  #begin(): void {
    beginUpdate(this.#wire, this.#life, this.#number++);
    this.#empty = this.#wire.length;
  }

  /** A message that is full goes. */
  #flow(): void {
    if (this.#wire.length < FULL_BYTES) return;
    this.#end(false);
    this.#begin();
  }

  #end(last: boolean): void {
    const [all, settled] = [this.#all, this.#settled];
    flagUpdate(this.#wire, { first: all && this.#first, last: all && last, settled });
    this.#first = false;
    this.#send(this.#wire.view());
  }
}

function isSame(one: EngineLoad, other: EngineLoad): boolean {
  return one.inflight === other.inflight && one.seats === other.seats &&
    one.promptTokens === other.promptTokens && one.transfers === other.transfers &&
    one.kvBytes === other.kvBytes && one.silent === other.silent &&
    one.waits === other.waits && one.side === other.side;
}

function isIdle(load: EngineLoad): boolean {
  const { inflight, promptTokens, seats, transfers, kvBytes, silent, waits, side } = load;
  const underWay = inflight + promptTokens + seats + transfers + kvBytes;
  return underWay === 0 && !silent && !waits && side === undefined;
}
