/** A clock that moves only when told to. @module */
import type { Clock, Timer } from "../../lib/base/mod.ts";

/** Manual time: `advance` runs what falls due, in order. */
export class FakeClock implements Clock {
  #now = 0;
  #pending: { at: number; run: () => void }[] = [];

  /** Timers that have neither run nor been cancelled. */
  get pending(): number {
    return this.#pending.length;
  }

  /** Whether a timer falls due in `ms` from now, not before and not later. */
  dueIn(ms: number): boolean {
    return this.#pending.some(({ at }) => at === this.#now + ms);
  }

  now(): number {
    return this.#now;
  }

  unixMs(): number {
    return 1_700_000_000_000 + this.#now;
  }

  after(delayMs: number, run: () => void): Timer {
    const entry = { at: this.#now + Math.max(delayMs, 0), run };
    this.#pending.push(entry);
    const cancel = (): void => {
      this.#pending = this.#pending.filter((other) => other !== entry);
    };
    return { cancel, [Symbol.dispose]: cancel };
  }

  /** Move time by `ms`, running due timers in order and letting promises settle between them. */
  async advance(ms: number): Promise<void> {
    const end = this.#now + ms;
    for (;;) {
      await settle();
      const due = this.#pending.filter((entry) => entry.at <= end);
      if (due.length === 0) break;
      const next = due.reduce((first, entry) => entry.at < first.at ? entry : first);
      this.#pending = this.#pending.filter((entry) => entry !== next);
      this.#now = Math.max(this.#now, next.at);
      next.run();
    }
    this.#now = end;
    await settle();
  }
}

/** Let promise chains that need no I/O run to their end. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await Promise.resolve();
}
