/** The text of `/metrics`, which costs milliseconds, for however many ask for it. @module */
import { type Clock, encodeUtf8, sleep } from "../base/mod.ts";

/** What texts are made of. */
export interface ScrapeParts {
  readonly clock: Clock;
  readonly metrics: { text(): Promise<string> };
  /** Brings gauges up to date that are read rather than counted. */
  readonly refreshGauges: () => void;
}

/**
 * Makes one text at a time, and none in the turn of the event loop that another was made in. All who
 * ask before one is begun get the same, so that there is no line, and nobody is told what was before
 * he asked.
 */
export class Scrapes implements Disposable {
  readonly #parts: ScrapeParts;
  readonly #ending = new AbortController();
  /** Ends a turn behind the text that is made; never rejects. */
  #last: Promise<void> | undefined;
  /** The text that is not begun. */
  #next: Promise<Uint8Array> | undefined;

  constructor(parts: ScrapeParts) {
    this.#parts = parts;
  }

  /** The figures as they are at the call, or later. */
  text(): Promise<Uint8Array> {
    if (this.#next !== undefined) return this.#next;
    if (this.#last === undefined) return this.#make();
    return this.#next = this.#last.then(() => this.#make());
  }

  /** No turn is waited for any more. */
  [Symbol.dispose](): void {
    this.#ending.abort();
  }

  #make(): Promise<Uint8Array> {
    this.#next = undefined;
    const made = this.#read();
    const turn = (): Promise<unknown> => sleep(this.#parts.clock, 0, this.#ending.signal);
    const last = made.then(turn, turn).then(() => {
      if (this.#last === last) this.#last = undefined;
    });
    this.#last = last;
    return made;
  }

  async #read(): Promise<Uint8Array> {
    const { metrics, refreshGauges } = this.#parts;
    refreshGauges();
    return encodeUtf8(await metrics.text());
  }
}
