/** Being told that something is given up, without an `AbortSignal` being made for it. @module */

/**
 * What waits need of an `AbortSignal`, which is one of these. The platform's cost a microsecond each to
 * make, to listen to, and to listen to no more: too much for what nearly never happens.
 */
export interface AbortWatch {
  readonly aborted: boolean;
  /** Why; undefined before it is aborted. */
  // deno-lint-ignore no-explicit-any
  readonly reason: any;
  /** Have `listener` called once it is aborted; one that is added later is never called. */
  addEventListener(type: "abort", listener: () => void, options?: { once?: boolean }): void;
  /** Not any more. */
  removeEventListener(type: "abort", listener: () => void): void;
}

/** Aborts once. Its `AbortSignal` is made for whoever asks for it. */
export class LazyAbort implements AbortWatch {
  #aborted = false;
  #reason: unknown;
  /** Most have one listener at a time, and nearly all others two. */
  #listener: (() => void) | undefined;
  #another: (() => void) | undefined;
  #others: Set<() => void> | undefined;
  #controller: AbortController | undefined;

  get aborted(): boolean {
    return this.#aborted;
  }

  get reason(): unknown {
    if (this.#aborted) this.#reason ??= new DOMException("It was given up", "AbortError");
    return this.#reason;
  }

  /** The same as the platform has it. */
  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.#aborted) this.#controller.abort(this.reason);
    }
    return this.#controller.signal;
  }

  /** Abort; any number of times, of which the first counts. Listeners must not throw. */
  abort(reason?: unknown): void {
    if (this.#aborted) return;
    this.#aborted = true;
    this.#reason = reason;
    const [listener, another, others] = [this.#listener, this.#another, this.#others];
    this.#listener = this.#another = this.#others = undefined;
    listener?.();
    another?.();
    for (const other of others ?? []) other();
    this.#controller?.abort(this.reason);
  }

  addEventListener(_type: "abort", listener: () => void): void {
    if (this.#aborted || listener === this.#listener || listener === this.#another) return;
    if (this.#others?.has(listener)) return;
    if (this.#listener === undefined) this.#listener = listener;
    else if (this.#another === undefined) this.#another = listener;
    else (this.#others ??= new Set()).add(listener);
  }

  removeEventListener(_type: "abort", listener: () => void): void {
    if (listener === this.#listener) this.#listener = undefined;
    else if (listener === this.#another) this.#another = undefined;
    else this.#others?.delete(listener);
  }
}

/** `watch` as the platform has it: for those of its functions that take nothing else. */
export function signalOf(watch: AbortWatch): AbortSignal {
  if (watch instanceof AbortSignal) return watch;
  if (watch instanceof LazyAbort) return watch.signal;
  const controller = new AbortController();
  if (watch.aborted) controller.abort(watch.reason);
  else watch.addEventListener("abort", () => controller.abort(watch.reason), { once: true });
  return controller.signal;
}
