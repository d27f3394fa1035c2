/** The watchers of a fleet's engines, by the engine's id. @module */
import type { ModelWatcher } from "./model_watcher.ts";

/** Those that watch, and those that are about to end. */
export class Watchers implements AsyncDisposable {
  readonly #watchers = new Map<string, ModelWatcher>();
  readonly #ending = new Set<Promise<void>>();

  /** Resolves when the engines that are watched at this moment have been asked once. */
  get asked(): Promise<unknown> {
    return Promise.all([...this.#watchers.values()].map(({ asked }) => asked));
  }

  /** The watcher of an engine; undefined when it is not watched. */
  get(id: string): ModelWatcher | undefined {
    return this.#watchers.get(id);
  }

  /** Have `watcher` kept under `id`, of which there is none. */
  add(id: string, watcher: ModelWatcher): void {
    this.#watchers.set(id, watcher);
  }

  /** The engine has gone: it is not asked any more. */
  end(id: string): void {
    const watcher = this.#watchers.get(id);
    if (watcher === undefined) return;
    this.#watchers.delete(id);
    const ending = watcher[Symbol.asyncDispose]().finally(() => this.#ending.delete(ending));
    this.#ending.add(ending);
  }

  /** Ask engines, all when `ids` is absent; resolves when each has been asked, whatever came of it. */
  async ask(ids: Iterable<string> = this.#watchers.keys()): Promise<void> {
    await Promise.all(Array.from(ids, (id) => this.#watchers.get(id)?.ask()));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const id of [...this.#watchers.keys()]) this.end(id);
    await Promise.all(this.#ending);
  }
}
