/** Who is told of what happens in a fleet. @module */
import type { Engine } from "../base/mod.ts";
import type { FleetChange } from "./fleet_options.ts";

/** Told in the order in which they came; none may throw. */
export class Listeners {
  readonly #listeners = new Set<(change: FleetChange) => void>();
  readonly #roomWatchers = new Set<(engine?: Engine) => void>();

  /** Have `on` told of every change from here on. */
  watch(on: (change: FleetChange) => void): Disposable {
    this.#listeners.add(on);
    return { [Symbol.dispose]: () => void this.#listeners.delete(on) };
  }

  /** Have `on` told when an engine may have room, and of every change: then without an engine. */
  watchRoom(on: (engine?: Engine) => void): Disposable {
    this.#roomWatchers.add(on);
    const changes = this.watch(() => on());
    return {
      [Symbol.dispose]: () => {
        this.#roomWatchers.delete(on);
        changes[Symbol.dispose]();
      },
    };
  }

  tell(change: FleetChange): void {
    for (const listener of this.#listeners) listener(change);
  }

  tellRoom(engine: Engine): void {
    for (const watcher of this.#roomWatchers) watcher(engine);
  }
}
