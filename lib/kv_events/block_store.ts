/**
 * Blocks of many caches in typed arrays. A *place* is a block of a prompt, whoever has it; a *holding* is
 * one cache's having it, under the hash by which that cache calls it. Holdings of a cache are trees: each
 * hangs below the block before it, and goes with it.
 *
 * All memory is taken at once, of which the system gives what is used. Every step costs the same however
 * much there is.
 * @module
 */
import { capacityFor, takenBy } from "./block_memory.ts";
import { HashSlots, NOWHERE } from "./hash_slots.ts";

/** The most caches there can be at a time. */
export const MAX_LANES = 262_144;

/** What is told of a holding. */
export interface Holding {
  readonly lane: number;
  /** The holding before it; `NOWHERE` where a prompt begins. */
  readonly parent: number;
  /** The key of its place, in signed halves, and the cache's own hash, likewise. */
  readonly keyLow: number;
  readonly keyHigh: number;
  readonly low: number;
  readonly high: number;
}

/** A bounded store. */
export class BlockStore {
  /** Memory that it may come to take, in bytes. */
  readonly bytes: number;
  readonly capacity: number;
  /** Holdings dropped for want of room. */
  evicted = 0;
  #held = 0;
  // Of each place: its key, the first of its holdings, and what tells whose these are.
  readonly #placeLow: Int32Array;
  readonly #placeHigh: Int32Array;
  readonly #firstHolding: Int32Array;
  readonly #holderSum: Int32Array;
  readonly #places: HashSlots;
  #freePlace = 0;
  #freshPlace = 0;
  // Of each holding.
  readonly #low: Int32Array;
  readonly #high: Int32Array;
  readonly #holdings: HashSlots;
  readonly #place: Int32Array;
  readonly #lane: Int32Array;
  readonly #parent: Int32Array;
  readonly #firstChild: Int32Array;
  readonly #next: Int32Array;
  readonly #previous: Int32Array;
  readonly #nextOfPlace: Int32Array;
  readonly #previousOfPlace: Int32Array;
  /** Leaves, the one used longest ago first. */
  readonly #younger: Int32Array;
  readonly #older: Int32Array;
  readonly #copies: Uint8Array;
  readonly #media: Uint8Array;
  #oldest = NOWHERE;
  #youngest = NOWHERE;
  #freeHolding = NOWHERE;
  #freshHolding = 0;
  /** The first root of each lane. */
  readonly #roots: number[] = [];
  readonly #freeLanes: number[] = [];
  /** Lanes that are no more, and have something yet. */
  readonly #dead: number[] = [];

  constructor(maxBytes: number) {
    const capacity = capacityFor(maxBytes);
    this.capacity = capacity;
    this.bytes = takenBy(capacity);
    const links = (): Int32Array => new Int32Array(capacity);
    [this.#placeLow, this.#placeHigh, this.#firstHolding] = [links(), links(), links()];
    this.#holderSum = links();
    [this.#low, this.#high] = [links(), links()];
    [this.#place, this.#lane, this.#parent, this.#firstChild] = [
      links(),
      links(),
      links(),
      links(),
    ];
    [this.#next, this.#previous] = [links(), links()];
    [this.#nextOfPlace, this.#previousOfPlace] = [links(), links()];
    [this.#younger, this.#older] = [links(), links()];
    [this.#copies, this.#media] = [new Uint8Array(capacity), new Uint8Array(capacity)];
    this.#places = new HashSlots(this.#placeLow, this.#placeHigh);
    this.#holdings = new HashSlots(this.#low, this.#high);
    this.#freePlace = NOWHERE;
  }

  /** Holdings there are, those of lanes that are no more among them. */
  get held(): number {
    return this.#held;
  }

  /** Lanes that have had a number: all are below it. */
  get lanes(): number {
    return this.#roots.length;
  }

  /** A lane of nothing; undefined where there are too many. */
  openLane(): number | undefined {
    const lane = this.#freeLanes.pop() ?? this.#roots.length;
    if (lane >= MAX_LANES) return undefined;
    this.#roots[lane] = NOWHERE;
    return lane;
  }

  /** A lane is no more; what it has goes little by little. */
  closeLane(lane: number): void {
    if (this.#roots[lane] === NOWHERE) this.#freeLanes.push(lane);
    else this.#dead.push(lane);
  }

  /** Drop up to `most` holdings of lanes that are no more. */
  sweep(most: number): void {
    for (let left = most; left > 0;) {
      const lane = this.#dead.at(-1);
      if (lane === undefined) return;
      left = this.#sweepLane(lane, left);
      if (this.#roots[lane] !== NOWHERE) return;
      this.#dead.pop();
      this.#freeLanes.push(lane);
    }
  }

  /** The holding that a cache calls by that hash; `NOWHERE` without. */
  find(lane: number, low: number, high: number): number {
    const own = low ^ saltOf(lane);
    return this.#holdings.find(own, high, (holding) => this.#lane[holding] === lane);
  }

  /** Whether a holding is at the place of that key. */
  isAt(holding: number, low: number, high: number): boolean {
    const place = this.#place[holding] as number;
    return this.#placeLow[place] === low && this.#placeHigh[place] === high;
  }

  /** The key of a holding's place, into `into`. */
  keyOf(holding: number, into: Int32Array): void {
    const place = this.#place[holding] as number;
    into[0] = this.#placeLow[place] as number;
    into[1] = this.#placeHigh[place] as number;
  }

  /**
   * A holding that was not there; `NOWHERE` where there is no room but by dropping what is before it.
   * It is in no medium yet.
   */
  add({ lane, parent, keyLow, keyHigh, low, high }: Holding): number {
    if (parent !== NOWHERE) this.touch(parent);
    if (!this.#makeRoom(parent)) return NOWHERE;
    const holding = this.#takeHolding();
    this.#held++;
    this.#low[holding] = low ^ saltOf(lane);
    this.#high[holding] = high;
    this.#lane[holding] = lane;
    this.#copies[holding] = 0;
    this.#media[holding] = 0;
    this.#holdings.add(holding);
    this.#enterPlace(holding, keyLow, keyHigh);
    this.#hangBelow(holding, parent, lane);
    this.#firstChild[holding] = NOWHERE;
    this.#enlist(holding, this.#youngest, NOWHERE);
    return holding;
  }

  /** A block came in: one copy more, or into another medium, a bit of a byte; 0 is the usual one. */
  note(holding: number, medium: number): void {
    if (medium !== 0) this.#media[holding] = (this.#media[holding] as number) | medium;
    else if ((this.#copies[holding] as number) < 255) {
      this.#copies[holding] = (this.#copies[holding] as number) + 1;
    }
  }

  /** A block went out; with the last of its copies, the holding goes, and all behind it. */
  unnote(holding: number, medium: number): void {
    if (medium !== 0) this.#media[holding] = (this.#media[holding] as number) & ~medium;
    else if ((this.#copies[holding] as number) > 0) {
      this.#copies[holding] = (this.#copies[holding] as number) - 1;
    }
    if (this.#copies[holding] === 0 && this.#media[holding] === 0) this.drop(holding);
  }

  /** Drop a holding, and all behind it. */
  drop(holding: number): void {
    for (let at = holding;;) {
      while (this.#firstChild[at] !== NOWHERE) at = this.#firstChild[at] as number;
      const parent = this.#parent[at] as number;
      this.#free(at);
      if (at === holding) return;
      at = parent;
    }
  }

  /** A holding was used; that counts where it is a leaf: others stay as long as what is behind them. */
  touch(holding: number): void {
    if (this.#firstChild[holding] !== NOWHERE || this.#youngest === holding) return;
    this.#delist(holding);
    this.#enlist(holding, this.#youngest, NOWHERE);
  }

  /** Mark the lanes that hold the place of that key in `marks`; returns how many there are. */
  markHolders(low: number, high: number, marks: Uint32Array, mark: number): number {
    const place = this.#places.find(low, high);
    if (place === NOWHERE) return 0;
    let count = 0;
    for (
      let at = this.#firstHolding[place] as number;
      at !== NOWHERE;
      at = this.#nextOfPlace[at] as number
    ) {
      marks[this.#lane[at] as number] = mark;
      count++;
    }
    return count;
  }

  /**
   * A number that is the same of two places where the same lanes hold both, and hardly ever otherwise; 0
   * where nobody holds it.
   */
  holderSum(low: number, high: number): number {
    const place = this.#places.find(low, high);
    return place === NOWHERE ? 0 : this.#holderSum[place] as number;
  }

  /** The lanes that hold the place of that key. */
  holdersOf(low: number, high: number): number[] {
    const place = this.#places.find(low, high);
    const lanes: number[] = [];
    if (place === NOWHERE) return lanes;
    for (
      let at = this.#firstHolding[place] as number;
      at !== NOWHERE;
      at = this.#nextOfPlace[at] as number
    ) lanes.push(this.#lane[at] as number);
    return lanes;
  }

  /** The holdings of that place were used. */
  touchHolders(low: number, high: number): void {
    const place = this.#places.find(low, high);
    if (place === NOWHERE) return;
    for (
      let at = this.#firstHolding[place] as number;
      at !== NOWHERE;
      at = this.#nextOfPlace[at] as number
    ) this.touch(at);
  }

  /** Returns how many more may go. */
  #sweepLane(lane: number, most: number): number {
    let left = most;
    let at = this.#roots[lane] as number;
    while (left > 0 && at !== NOWHERE) {
      while (this.#firstChild[at] !== NOWHERE) at = this.#firstChild[at] as number;
      const parent = this.#parent[at] as number;
      this.#free(at);
      left--;
      at = parent === NOWHERE ? this.#roots[lane] as number : parent;
    }
    return left;
  }

  /** Whether there is room for a holding below `parent`, by dropping the leaf used longest ago. */
  #makeRoom(parent: number): boolean {
    if (this.#held < this.capacity) return true;
    this.sweep(1);
    if (this.#held < this.capacity) return true;
    if (this.#oldest === parent) return false;
    this.#free(this.#oldest);
    this.evicted++;
    return true;
  }

  #takeHolding(): number {
    const holding = this.#freeHolding;
    if (holding === NOWHERE) return this.#freshHolding++;
    this.#freeHolding = this.#next[holding] as number;
    return holding;
  }

  #enterPlace(holding: number, low: number, high: number): void {
    let place = this.#places.find(low, high);
    if (place === NOWHERE) {
      place = this.#freePlace === NOWHERE ? this.#freshPlace++ : this.#freePlace;
      if (place === this.#freePlace) this.#freePlace = this.#firstHolding[place] as number;
      this.#placeLow[place] = low;
      this.#placeHigh[place] = high;
      this.#firstHolding[place] = NOWHERE;
      this.#holderSum[place] = 0;
      this.#places.add(place);
    }
    this.#holderSum[place] = (this.#holderSum[place] as number) +
      markOf(this.#lane[holding] as number);
    const first = this.#firstHolding[place] as number;
    this.#place[holding] = place;
    this.#nextOfPlace[holding] = first;
    this.#previousOfPlace[holding] = NOWHERE;
    if (first !== NOWHERE) this.#previousOfPlace[first] = holding;
    this.#firstHolding[place] = holding;
  }

  #hangBelow(holding: number, parent: number, lane: number): void {
    const first = parent === NOWHERE
      ? this.#roots[lane] as number
      : this.#firstChild[parent] as number;
    this.#parent[holding] = parent;
    this.#previous[holding] = NOWHERE;
    this.#next[holding] = first;
    if (first !== NOWHERE) this.#previous[first] = holding;
    if (parent === NOWHERE) this.#roots[lane] = holding;
    else {
      if (first === NOWHERE) this.#delist(parent);
      this.#firstChild[parent] = holding;
    }
  }

  /** Free a leaf. */
  #free(holding: number): void {
    this.#held--;
    this.#delist(holding);
    this.#holdings.delete(holding);
    this.#leavePlace(holding);
    const next = this.#next[holding] as number;
    const previous = this.#previous[holding] as number;
    const parent = this.#parent[holding] as number;
    if (next !== NOWHERE) this.#previous[next] = previous;
    if (previous !== NOWHERE) this.#next[previous] = next;
    else if (parent === NOWHERE) this.#roots[this.#lane[holding] as number] = next;
    else {
      this.#firstChild[parent] = next;
      // What is left of a prompt goes as its end has gone, before that of others.
      if (next === NOWHERE) this.#enlist(parent, NOWHERE, this.#oldest);
    }
    this.#next[holding] = this.#freeHolding;
    this.#freeHolding = holding;
  }

  #leavePlace(holding: number): void {
    const place = this.#place[holding] as number;
    const next = this.#nextOfPlace[holding] as number;
    const previous = this.#previousOfPlace[holding] as number;
    this.#holderSum[place] = (this.#holderSum[place] as number) -
      markOf(this.#lane[holding] as number);
    if (next !== NOWHERE) this.#previousOfPlace[next] = previous;
    if (previous !== NOWHERE) this.#nextOfPlace[previous] = next;
    else if (next !== NOWHERE) this.#firstHolding[place] = next;
    else {
      this.#places.delete(place);
      this.#firstHolding[place] = this.#freePlace;
      this.#freePlace = place;
    }
  }

  /** Into the list of leaves, between an older and a younger one. */
  #enlist(holding: number, older: number, younger: number): void {
    this.#older[holding] = older;
    this.#younger[holding] = younger;
    if (older === NOWHERE) this.#oldest = holding;
    else this.#younger[older] = holding;
    if (younger === NOWHERE) this.#youngest = holding;
    else this.#older[younger] = holding;
  }

  #delist(holding: number): void {
    const older = this.#older[holding] as number;
    const younger = this.#younger[holding] as number;
    if (older === NOWHERE) this.#oldest = younger;
    else this.#younger[older] = younger;
    if (younger === NOWHERE) this.#youngest = older;
    else this.#older[younger] = older;
  }
}

/** What a lane adds to the sum of a place's holders. */
function markOf(lane: number): number {
  const bits = Math.imul(lane + 1, 0x85eb_ca6b);
  return Math.imul(bits ^ (bits >>> 15), 0xc2b2_ae35) | 1;
}

/** What sets the slots of one lane's hashes apart: engines call the same blocks alike. */
function saltOf(lane: number): number {
  return Math.imul(lane + 1, 0x9e37_79b1);
}
