/** Services and their EndpointSlices, put together. @module */
import type { FoundEngine } from "./found.ts";
import type { SeenEngines } from "./seen_engines.ts";

/** A Service serves while any of its slices has an endpoint that is ready. */
export class ServiceEngines {
  readonly #seen: Pick<SeenEngines, "put" | "gone">;
  readonly #services = new Map<string, FoundEngine>();
  /** Services by slice, and how many slices each has, of those with an endpoint that is ready. */
  readonly #slices = new Map<string, string>();
  readonly #ready = new Map<string, number>();

  constructor(seen: Pick<SeenEngines, "put" | "gone">) {
    this.#seen = seen;
  }

  putService(name: string, engine: FoundEngine): void {
    this.#services.set(name, engine);
    this.#tell(name);
  }

  serviceGone(name: string): void {
    this.#services.delete(name);
    this.#tell(name);
  }

  /** A slice with an endpoint that is ready. */
  putSlice(slice: string, service: string): void {
    const before = this.#slices.get(slice);
    if (before === service) return;
    this.#slices.set(slice, service);
    this.#count(service, 1);
    if (before !== undefined) this.#count(before, -1);
  }

  /** It has none any more, or is no more. */
  sliceGone(slice: string): void {
    const service = this.#slices.get(slice);
    if (service === undefined) return;
    this.#slices.delete(slice);
    this.#count(service, -1);
  }

  #count(service: string, delta: number): void {
    const count = (this.#ready.get(service) ?? 0) + delta;
    if (count === 0) this.#ready.delete(service);
    else this.#ready.set(service, count);
    this.#tell(service);
  }

  #tell(name: string): void {
    const engine = this.#services.get(name);
    if (engine === undefined) return this.#seen.gone(name);
    this.#seen.put(name, {
      uid: engine.started ?? "",
      serving: this.#ready.has(name),
      engine,
    });
  }
}
