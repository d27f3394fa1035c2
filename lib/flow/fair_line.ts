/** Who is next of those that wait: fair over keys, and by priority within a key. Pure. @module */

/** Where one waits. */
export interface Standing {
  /** Whose share it is; all keys are served alike. */
  readonly key: string;
  /** Those of one lane wait for the same: while its first cannot go, none of it can. */
  readonly lane: string;
  /** Lower is earlier; among equals, who came first. */
  readonly priority: number;
}

interface Waiting<T> extends Standing {
  readonly item: T;
  readonly turn: number;
}

/** Those of one key, by lane, each in the order in which they go. */
type KeyLine<T> = Map<string, Waiting<T>[]>;

/** A line of items. Each is in it once, from `add` to `remove`, or until it is served or pushed out. */
export class FairLine<T> {
  /** In the order in which keys are served. */
  readonly #keys = new Map<string, KeyLine<T>>();
  readonly #waiting = new Map<T, Waiting<T>>();
  /** How many wait in each lane. */
  readonly #lanes = new Map<string, number>();
  #turn = 0;

  /** How many wait. */
  get length(): number {
    return this.#waiting.size;
  }

  /** How many keys do. */
  get keys(): number {
    return this.#keys.size;
  }

  /** Whether anybody waits in `lane`. */
  has(lane: string): boolean {
    return this.#lanes.has(lane);
  }

  /** Whether `item` waits. */
  holds(item: T): boolean {
    return this.#waiting.has(item);
  }

  /** How many of `key` wait. */
  of(key: string): number {
    let count = 0;
    for (const line of this.#keys.get(key)?.values() ?? []) count += line.length;
    return count;
  }

  add(item: T, standing: Standing): void {
    const waiting = { ...standing, item, turn: this.#turn++ };
    const { key, lane } = standing;
    const lines = this.#keys.get(key) ?? new Map<string, Waiting<T>[]>();
    this.#keys.set(key, lines);
    const line = lines.get(lane) ?? [];
    lines.set(lane, line);
    line.splice(placeOf(line, waiting), 0, waiting);
    this.#waiting.set(item, waiting);
    this.#lanes.set(lane, (this.#lanes.get(lane) ?? 0) + 1);
  }

  /** Take `item` out; false where it is not in the line. */
  remove(item: T): boolean {
    const waiting = this.#waiting.get(item);
    if (waiting !== undefined) this.#drop(waiting);
    return waiting !== undefined;
  }

  /** The last of the key of which most wait; undefined where nobody does. */
  lastOfLongest(): { readonly item: T; readonly key: string; readonly count: number } | undefined {
    let longest: { readonly item: T; readonly key: string; readonly count: number } | undefined;
    for (const [key, lines] of this.#keys) {
      const count = this.of(key);
      const last = lastOf(lines);
      if (last !== undefined && count > (longest?.count ?? 0)) {
        longest = { item: last.item, key, count };
      }
    }
    return longest;
  }

  /**
   * Offer what is there to one after the other, until the first of every lane of which `concerned` says
   * that it matters has declined. Who accepts is taken out of the line.
   */
  serve(accepts: (item: T) => boolean, concerned: (item: T) => boolean = () => true): void {
    const blocked = new Set<string>();
    while (blocked.size < this.#lanes.size) {
      if (!this.#serveOne(accepts, concerned, blocked)) return;
    }
  }

  #serveOne(
    accepts: (item: T) => boolean,
    concerned: (item: T) => boolean,
    blocked: Set<string>,
  ): boolean {
    for (const [key, lines] of this.#keys) {
      for (let next = firstOf(lines, blocked); next !== undefined;) {
        if (concerned(next.item) && accepts(next.item)) {
          this.#drop(next);
          this.#toTheEnd(key);
          return true;
        }
        blocked.add(next.lane);
        next = firstOf(lines, blocked);
      }
    }
    return false;
  }

  /** Whoever was served goes last. */
  #toTheEnd(key: string): void {
    const lines = this.#keys.get(key);
    if (lines === undefined) return;
    this.#keys.delete(key);
    this.#keys.set(key, lines);
  }

  #drop(waiting: Waiting<T>): void {
    const { key, lane, item } = waiting;
    // Whoever accepts may have taken itself out.
    if (!this.#waiting.delete(item)) return;
    const left = (this.#lanes.get(lane) ?? 0) - 1;
    if (left > 0) this.#lanes.set(lane, left);
    else this.#lanes.delete(lane);
    const lines = this.#keys.get(key);
    const line = lines?.get(lane);
    if (lines === undefined || line === undefined) return;
    line.splice(placeOf(line, waiting), 1);
    if (line.length === 0) lines.delete(lane);
    if (lines.size === 0) this.#keys.delete(key);
  }
}

/** Where `one` stands in `line`, or would. */
function placeOf<T>(line: readonly Waiting<T>[], one: Waiting<T>): number {
  let low = 0;
  let high = line.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const other = line[middle];
    if (other !== undefined && isBefore(other, one)) low = middle + 1;
    else high = middle;
  }
  return low;
}

function isBefore<T>(one: Waiting<T>, other: Waiting<T>): boolean {
  return one.priority < other.priority ||
    (one.priority === other.priority && one.turn < other.turn);
}

function firstOf<T>(lines: KeyLine<T>, blocked: ReadonlySet<string>): Waiting<T> | undefined {
  let first: Waiting<T> | undefined;
  for (const [lane, [head]] of lines) {
    if (head === undefined || blocked.has(lane)) continue;
    if (first === undefined || isBefore(head, first)) first = head;
  }
  return first;
}

function lastOf<T>(lines: KeyLine<T>): Waiting<T> | undefined {
  let last: Waiting<T> | undefined;
  for (const line of lines.values()) {
    const tail = line.at(-1);
    if (tail !== undefined && (last === undefined || isBefore(last, tail))) last = tail;
  }
  return last;
}
