/** A bounded hand-over of messages from several producers to one consumer. @module */

/** Producers look at `full` after they push and wait for `room`; the consumer iterates. */
export class MessageQueue<M> {
  readonly #limit: number;
  #messages: M[] = [];
  #failure: { readonly error: unknown } | undefined;
  #closed = false;
  #wakeConsumer: (() => void) | undefined;
  #wakeProducers: (() => void)[] = [];

  /** Producers should pause at `limit` messages. */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Whether it was closed or has failed. */
  get closed(): boolean {
    return this.#closed;
  }

  get full(): boolean {
    return this.#messages.length >= this.#limit;
  }

  push(message: M): void {
    if (this.#closed) return;
    this.#messages.push(message);
    this.#wake();
  }

  /** Resolves when the queue is not full, or closed. */
  room(): Promise<void> {
    if (!this.full) return Promise.resolve();
    return new Promise((resolve) => this.#wakeProducers.push(resolve));
  }

  /** End the iteration; what has not been taken is dropped. */
  close(): void {
    this.#closed = true;
    this.#messages = [];
    this.#wake();
    this.#wakeAllProducers();
  }

  /** End the iteration with `error`. */
  fail(error: unknown): void {
    this.#failure ??= { error };
    this.close();
  }

  /**
   * Messages in order, until `close` or `fail`. A consumer that stops before leaves the rest to the
   * next one.
   */
  async *drain(): AsyncGenerator<M, void> {
    for (;;) {
      const batch = this.#messages.values();
      this.#messages = [];
      this.#wakeAllProducers();
      try {
        for (const message of batch) {
          if (this.#closed) break;
          yield message;
        }
      } finally {
        if (!this.#closed) this.#messages.unshift(...batch);
      }
      if (this.#failure !== undefined) throw this.#failure.error;
      if (this.#closed) return;
      if (this.#messages.length === 0) {
        await new Promise<void>((resolve) => this.#wakeConsumer = resolve);
      }
    }
  }

  #wake(): void {
    const wake = this.#wakeConsumer;
    this.#wakeConsumer = undefined;
    wake?.();
  }

  #wakeAllProducers(): void {
    const producers = this.#wakeProducers;
    if (producers.length === 0) return;
    this.#wakeProducers = [];
    for (const wake of producers) wake();
  }
}
