/** A virtual clock: what is to happen, in the order of its time. @module */

interface Event {
  readonly at: number;
  readonly run: () => void;
}

/** Runs what is due, as fast as the machine can; times in seconds from 0. */
export class Events {
  readonly #heap: Event[] = [];
  #now = 0;

  get now(): number {
    return this.#now;
  }

  /** Have `run` called after so many seconds, at least 0. */
  after(seconds: number, run: () => void): void {
    const heap = this.#heap;
    const event = { at: this.#now + seconds, run };
    let at = heap.length;
    heap.push(event);
    while (at > 0) {
      const above = (at - 1) >> 1;
      const parent = heap[above];
      if (parent === undefined || parent.at <= event.at) break;
      heap[at] = parent;
      at = above;
    }
    heap[at] = event;
  }

  /** Run until nothing is to happen any more. */
  runAll(): void {
    for (let next = this.#pop(); next !== undefined; next = this.#pop()) {
      this.#now = next.at;
      next.run();
    }
  }

  #pop(): Event | undefined {
    const heap = this.#heap;
    const [top] = heap;
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return top;
    let at = 0;
    for (;;) {
      let below = 2 * at + 1;
      if ((heap[below + 1]?.at ?? Infinity) < (heap[below]?.at ?? Infinity)) below++;
      const child = heap[below];
      if (child === undefined || child.at >= last.at) break;
      heap[at] = child;
      at = below;
    }
    heap[at] = last;
    return top;
  }
}
