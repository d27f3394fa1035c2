/** Who is there: the engines by id, and the view of them. @module */
import { BoundedSet, type Engine } from "../base/mod.ts";
import type { LiveEngine } from "./live_engine.ts";
import { FleetView } from "./view.ts";

/** Model names remembered after their engines have gone. */
const MAX_SEEN = 10_000;

/** The engines of a fleet. */
export class Roster {
  readonly #engines = new Map<string, LiveEngine>();
  readonly #seen = new BoundedSet(MAX_SEEN);
  /** Ordered by URL. */
  #sorted: readonly LiveEngine[] | undefined;
  /** Built, as the order is, when it is asked for: changes come in swarms. */
  #view: FleetView | undefined;

  /** Engines that are there. */
  get size(): number {
    return this.#engines.size;
  }

  /** The engines at this moment. */
  get view(): FleetView {
    this.#sorted ??= [...this.#engines.values()].sort(byUrl);
    this.#view ??= new FleetView(
      this.#sorted.map((live) => live.entry()),
      this.#sorted.filter(({ leaving, asleep }) => !leaving && !asleep),
    );
    return this.#view;
  }

  /** All engines, those that leave too, in no order. */
  get all(): Iterable<LiveEngine> {
    return this.#engines.values();
  }

  /** The engine that is there under `id`. */
  get(id: string): LiveEngine | undefined {
    return this.#engines.get(id);
  }

  /** The engine that `engine` is a record of; under another address it is another engine. */
  of({ id, url }: Pick<Engine, "id" | "url">): LiveEngine | undefined {
    const live = this.#engines.get(id);
    return live?.engine.url === url ? live : undefined;
  }

  /** Put an engine in, under an id that is not there. */
  add(live: LiveEngine): void {
    this.#engines.set(live.engine.id, live);
    this.#sorted = undefined;
    this.renew(live);
  }

  /** Take an engine out that is there. */
  delete({ engine }: LiveEngine): void {
    this.#engines.delete(engine.id);
    this.#sorted = undefined;
    this.#view = undefined;
  }

  /** An engine that is there has another record or other cards than before, or goes, or stays. */
  renew({ engine }: LiveEngine): void {
    for (const model of engine.models) this.#seen.add(model);
    this.#view = undefined;
  }

  /** Whether any engine has ever served `model`. */
  hasSeen(model: string): boolean {
    return this.#seen.has(model);
  }
}

function byUrl({ engine: one }: LiveEngine, { engine: other }: LiveEngine): number {
  return compare(one.url, other.url) || compare(one.id, other.id);
}

function compare(one: string, other: string): number {
  if (one === other) return 0;
  return one < other ? -1 : 1;
}
