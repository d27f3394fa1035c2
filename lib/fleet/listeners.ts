/** Whoever is told of what happens in a fleet. @module */
import type { Engine } from "../base/mod.ts";
import type { FleetChange } from "./fleet_options.ts";

/** Told of every change. */
export type OnChange = (change: FleetChange) => void;

/** Told of an engine that may have room where it had none; without one, of any other change. */
export type OnRoom = (engine?: Engine) => void;

/** None of them may throw. */
export class Listeners {
  readonly #ofChanges = new Set<OnChange>();
  readonly #ofRoom = new Set<OnRoom>();

  /** Have `on` told of every change from here on. */
  add(on: OnChange): Disposable {
    this.#ofChanges.add(on);
    return { [Symbol.dispose]: () => void this.#ofChanges.delete(on) };
  }

  /** Have `on` told of room, and of every change. */
  addForRoom(on: OnRoom): Disposable {
    this.#ofRoom.add(on);
    const changes = this.add(() => on());
    return {
      [Symbol.dispose]: () => {
        this.#ofRoom.delete(on);
        changes[Symbol.dispose]();
      },
    };
  }

  /** Tell of a change. */
  tell(change: FleetChange): void {
    for (const on of this.#ofChanges) on(change);
  }

  /** Tell of an engine that may have room. */
  tellRoom(engine: Engine): void {
    for (const on of this.#ofRoom) on(engine);
  }
}
