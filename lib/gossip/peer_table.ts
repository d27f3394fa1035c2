/** What one peer has told, and what it adds to the sums of all. @module */
import type { Lease, Side } from "../base/mod.ts";
import type { PeerId } from "./bus.ts";
import type { Counts } from "./counts.ts";
import type { EngineSum, EngineSums } from "./engine_sums.ts";
import { type EngineLoad, type EntrySink, type KeyUse, MAX_NAMES } from "./entries.ts";
import type { VerdictTold } from "./verdict.ts";

/** Told of what peers say beside what is summed up. None may throw. */
export interface Hearing {
  /** Something is held against the engine called `engine`, or no longer is. */
  verdict(engine: string, told: VerdictTold): void;
  pair(prefill: string, decode: string, told: VerdictTold): void;
  /** `peer` has the engine on `side`, which it had not before. */
  side(engine: string, side: Side, peer: PeerId): void;
  /** The engine gives a peer no answer, which it did before. */
  silent(engine: string): void;
  /** The engine has met a prompt that begins with `chunks`, by the choice of a peer. */
  met(engine: string, chunks: Float64Array): void;
  /** The owner of a key has used so much more, elsewhere. */
  used(key: string, requests: number, tokens: number): void;
  /** Until the shares of a key are whole again, as a peer knows that was not known before; in ms. */
  resets(key: string, requestsMs: number, tokensMs: number): void;
}

/** Where what peers tell goes. */
export interface Shared {
  readonly engines: EngineSums;
  /** Requests that run, by key, and connections, by address. */
  readonly running: Counts;
  readonly addresses: Counts;
  readonly hearing: Hearing;
}

/** Most keys, and most addresses, of one peer. */
export const MAX_COUNTED = 65_536;

interface Named {
  readonly name: string;
  readonly sum: EngineSum;
  readonly lease: Lease;
  load: EngineLoad | undefined;
  round: number;
  /** That in which its load was told last. */
  loadRound: number;
}

interface Told<T> {
  value: T;
  round: number;
}

/** Of one life of a peer. */
export class PeerTable implements EntrySink {
  readonly #shared: Shared;
  readonly #peer: PeerId;
  readonly #engines = new Map<number, Named>();
  readonly #keys = new Map<string, Told<KeyUse>>();
  readonly #addresses = new Map<string, Told<number>>();
  /** How often all has been told: what is of an earlier round is not told again, and does not hold. */
  #round = 0;
  /** All is being told. */
  #filling = false;
  #broken = false;

  constructor(shared: Shared, peer: PeerId) {
    this.#shared = shared;
    this.#peer = peer;
  }

  /** Something does not go with what was told before: all is to be told anew. */
  get broken(): boolean {
    return this.#broken;
  }

  /** Engines that it has told of. */
  get size(): number {
    return this.#engines.size;
  }

  /** All that holds is told from here on. */
  begin(): void {
    this.#round++;
    this.#filling = true;
    this.#broken = false;
  }

  /** All has been told. */
  end(): void {
    this.#filling = false;
    for (const [number, named] of this.#engines) {
      if (named.round !== this.#round) this.drop(number);
      else if (named.loadRound !== this.#round) this.#moveLoad(named, undefined);
    }
    for (const [name, { round }] of this.#keys) if (round !== this.#round) this.#dropKey(name);
    for (const [address, { round }] of this.#addresses) {
      if (round !== this.#round) this.address(address, 0);
    }
  }

  /** Nothing that it has told holds. */
  forget(): void {
    this.begin();
    this.end();
  }

  name(number: number, name: string): void {
    const known = this.#engines.get(number);
    if (known?.name === name) {
      known.round = this.#round;
      return;
    }
    this.drop(number);
    if (this.#engines.size >= MAX_NAMES) {
      this.#broken = true;
      return;
    }
    const { sum, lease } = this.#shared.engines.hold(name);
    const round = this.#round;
    this.#engines.set(number, { name, sum, lease, load: undefined, round, loadRound: round });
  }

  drop(number: number): void {
    const known = this.#engines.get(number);
    if (known === undefined) return;
    this.#engines.delete(number);
    this.#moveLoad(known, undefined);
    known.lease.release();
  }

  load(number: number, load: EngineLoad): void {
    const known = this.#find(number);
    if (known === undefined) return;
    const { silent, side } = known.load ?? {};
    known.loadRound = this.#round;
    this.#moveLoad(known, load);
    const { hearing } = this.#shared;
    if (load.silent && silent !== true) hearing.silent(known.name);
    if (load.side !== undefined && load.side !== side) {
      hearing.side(known.name, load.side, this.#peer);
    }
  }

  verdict(number: number, told: VerdictTold): void {
    const known = this.#find(number);
    if (known !== undefined) this.#shared.hearing.verdict(known.name, told);
  }

  pair(prefill: number, decode: number, told: VerdictTold): void {
    const [one, other] = [this.#find(prefill), this.#find(decode)];
    if (one !== undefined && other !== undefined) {
      this.#shared.hearing.pair(one.name, other.name, told);
    }
  }

  met(number: number, chunks: Float64Array): void {
    const known = this.#find(number);
    if (known !== undefined) this.#shared.hearing.met(known.name, chunks);
  }

  key(name: string, use: KeyUse): void {
    const { running, hearing } = this.#shared;
    const known = this.#keys.get(name);
    if (known === undefined) {
      if (this.#keys.size >= MAX_COUNTED) return;
      this.#keys.set(name, { value: use, round: this.#round });
      running.add(name, use.running);
      // Of a key that it has not told of before, though it has told all, it had let nobody have anything.
      if (this.#filling) hearing.resets(name, use.requestsResetMs, use.tokensResetMs);
      else hearing.used(name, use.requests, use.tokens);
      return;
    }
    const { value: before } = known;
    known.value = use;
    known.round = this.#round;
    running.add(name, use.running - before.running);
    hearing.used(name, use.requests - before.requests, use.tokens - before.tokens);
  }

  address(address: string, connections: number): void {
    const known = this.#addresses.get(address);
    if (known === undefined && this.#addresses.size >= MAX_COUNTED) return;
    if (connections === 0) this.#addresses.delete(address);
    else this.#addresses.set(address, { value: connections, round: this.#round });
    this.#shared.addresses.add(address, connections - (known?.value ?? 0));
  }

  #moveLoad(named: Named, load: EngineLoad | undefined): void {
    const before = named.load;
    named.load = load;
    named.sum.move(before, load);
  }

  #dropKey(name: string): void {
    const known = this.#keys.get(name);
    this.#keys.delete(name);
    this.#shared.running.add(name, -(known?.value.running ?? 0));
  }

  /** The engine with `number`, which was named before. */
  #find(number: number): Named | undefined {
    const known = this.#engines.get(number);
    if (known === undefined) this.#broken = true;
    return known;
  }
}
