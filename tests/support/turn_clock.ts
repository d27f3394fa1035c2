/** A clock by which the event loop's turns are counted. @module */
import { FakeClock, settle } from "./fake_clock.ts";

/** Enough for whatever goes on by promises alone to come to its end. */
const ROUNDS = 100;

/** Runs what is due in one turn after another, however much each begins. */
export class TurnClock extends FakeClock {
  turns = 0;

  override after(delayMs: number, run: () => void): ReturnType<FakeClock["after"]> {
    if (delayMs > 0) return super.after(delayMs, run);
    const due = { run };
    this.#due.add(due);
    const cancel = (): void => {
      this.#due.delete(due);
    };
    return { cancel, [Symbol.dispose]: cancel };
  }

  readonly #due = new Set<{ readonly run: () => void }>();

  override get pending(): number {
    return super.pending + this.#due.size;
  }

  /** The next turn: what is due and all that follows from it without another one. */
  async turn(): Promise<void> {
    this.turns++;
    const due = [...this.#due];
    this.#due.clear();
    for (const { run } of due) run();
    await this.rest();
  }

  /** All that goes on without a turn. */
  async rest(): Promise<void> {
    for (let round = 0; round < ROUNDS; round++) await settle();
  }
}
