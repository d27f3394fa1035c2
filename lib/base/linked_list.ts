/** A list whose members come and go many times a second, in the order of their coming. @module */

/** What can be in a list: in one at a time. */
export class Linked {
  /** The list that it is in, and those beside it; the list's own. */
  list: LinkedList<Linked> | undefined;
  before: Linked | undefined;
  behind: Linked | undefined;
}

/**
 * Like a `Set`, for members that know of it. A `Set` makes another table every few additions and removals,
 * and a table that it has left leads to the next: what was once in one of these is kept until all of
 * the heap is collected, where this keeps nothing of those that have gone.
 */
export class LinkedList<T extends Linked> implements Iterable<T> {
  #first: Linked | undefined;
  #last: Linked | undefined;
  #size = 0;

  /** How many are in it. */
  get size(): number {
    return this.#size;
  }

  /** The one that came first; undefined where there is none. */
  get first(): T | undefined {
    // Only what `add` was given is in it.
    return this.#first as T | undefined;
  }

  /** Add one that is in no list, behind all others. */
  add(one: T): void {
    one.list = this as LinkedList<Linked>;
    one.before = this.#last;
    if (this.#last === undefined) this.#first = one;
    else this.#last.behind = one;
    this.#last = one;
    this.#size++;
  }

  /** Remove one; whether it was in this list. */
  delete(one: T): boolean {
    if (one.list !== this) return false;
    const { before, behind } = one;
    if (before === undefined) this.#first = behind;
    else before.behind = behind;
    if (behind === undefined) this.#last = before;
    else behind.before = before;
    one.list = one.before = one.behind = undefined;
    this.#size--;
    return true;
  }

  /** All of them, those first that came first; nothing is to come or go meanwhile. */
  *[Symbol.iterator](): Generator<T, void, void> {
    for (let one: Linked | undefined = this.#first; one !== undefined; one = one.behind) {
      yield one as T;
    }
  }

  /** Remove all. */
  clear(): void {
    for (let one = this.first; one !== undefined; one = this.first) this.delete(one);
  }
}
