/** What is to be told under names, until it is read: under each how it is at last. @module */

/** Holds one state of each name at most, in the order in which names were first changed. */
export class LatestQueue<State> {
  readonly #waiting = new Map<string, State | undefined>();
  #synced = false;
  #failure: { readonly error: unknown } | undefined;
  #wake = Promise.withResolvers<void>();

  /** Have told how `name` is; undefined where it is gone. */
  push(name: string, state: State | undefined): void {
    this.#waiting.set(name, state);
    this.#wake.resolve();
  }

  /** Have told, behind all that waits, that everything there was at the beginning has been. */
  sync(): void {
    this.#synced = true;
    this.#wake.resolve();
  }

  /** Have the reading end with `error`. */
  fail(error: unknown): void {
    this.#failure ??= { error };
    this.#wake.resolve();
  }

  /** All of it, as `tell` puts it, until `stop` aborts; for one reader. */
  async *read<Change>(
    stop: AbortSignal,
    tell: (name: string, state: State | undefined) => Iterable<Change>,
  ): AsyncGenerator<Change | { readonly kind: "synced" }> {
    const end = (): void => this.#wake.resolve();
    stop.addEventListener("abort", end, { once: true });
    try {
      while (!stop.aborted) {
        if (this.#failure !== undefined) throw this.#failure.error;
        const [next] = this.#waiting;
        if (next !== undefined) {
          const [name, state] = next;
          this.#waiting.delete(name);
          yield* tell(name, state);
        } else if (this.#synced) {
          this.#synced = false;
          yield { kind: "synced" };
        } else {
          this.#wake = Promise.withResolvers();
          await this.#wake.promise;
        }
      }
    } finally {
      stop.removeEventListener("abort", end);
    }
  }
}
