/** A source of engines that tells what a test says, when it says it. @module */
import type { Engine } from "../../lib/base/mod.ts";
import type { EngineSource, SourceChange } from "../../lib/fleet/mod.ts";

/** Tells whoever follows it all that was said, from the beginning. */
export class ScriptedSource implements EngineSource {
  readonly #said: SourceChange[] = [];
  readonly #wakes = new Set<() => void>();
  #end: { readonly error?: unknown } | undefined;

  /** How many follow it. */
  following = 0;

  /** A source that begins with `engines`, which is all there is at first. */
  static of(engines: readonly Engine[] = []): ScriptedSource {
    const source = new ScriptedSource();
    for (const engine of engines) source.upsert(engine);
    source.synced();
    return source;
  }

  upsert(engine: Engine): void {
    this.#say({ kind: "upsert", engine });
  }

  leaving(id: string): void {
    this.#say({ kind: "leaving", id });
  }

  remove(id: string): void {
    this.#say({ kind: "remove", id });
  }

  synced(): void {
    this.#say({ kind: "synced" });
  }

  /** There will be nothing more; with `error`, it fails. */
  end(error?: unknown): void {
    this.#end = error === undefined ? {} : { error };
    this.#wake();
  }

  async *changes(stop: AbortSignal): AsyncGenerator<SourceChange> {
    this.following++;
    let wait = Promise.withResolvers<void>();
    const wake = (): void => wait.resolve();
    this.#wakes.add(wake);
    stop.addEventListener("abort", wake, { once: true });
    try {
      for (let at = 0; !stop.aborted;) {
        const change = this.#said[at];
        if (change !== undefined) {
          at++;
          yield change;
        } else if (this.#end !== undefined) {
          if ("error" in this.#end) throw this.#end.error;
          return;
        } else {
          await wait.promise;
          wait = Promise.withResolvers<void>();
        }
      }
    } finally {
      this.following--;
      this.#wakes.delete(wake);
      stop.removeEventListener("abort", wake);
    }
  }

  #say(change: SourceChange): void {
    this.#said.push(change);
    this.#wake();
  }

  #wake(): void {
    for (const wake of this.#wakes) wake();
  }
}
