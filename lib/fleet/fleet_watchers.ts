/** Who is told of what happens in a fleet. @module */
import type { Engine } from "../base/mod.ts";
import type { FleetChange } from "./fleet_options.ts";

/** Those who watch a fleet, until each disposes of what it was given. None may throw. */
export class FleetWatchers {
  readonly #changes = new Set<(change: FleetChange) => void>();
  readonly #room = new Set<(engine?: Engine) => void>();

  /** Have `on` told of every change from here on. */
  watch(on: (change: FleetChange) => void): Disposable {
    this.#changes.add(on);
    return { [Symbol.dispose]: () => void this.#changes.delete(on) };
  }

  /** As `Seating.watchRoom`. */
  watchRoom(on: (engine?: Engine) => void): Disposable {
    this.#room.add(on);
    const changes = this.watch(() => on());
    return {
      [Symbol.dispose]: () => {
        this.#room.delete(on);
        changes[Symbol.dispose]();
      },
    };
  }

  tell(change: FleetChange): void {
    for (const listener of this.#changes) listener(change);
  }

  tellRoom(engine: Engine): void {
    for (const watcher of this.#room) watcher(engine);
  }
}
