/** What `/admin/live` has told so far, put together. @module */
import { recordOf } from "../base/mod.ts";
import type {
  DistributionLive,
  DistributionName,
  EngineLive,
  FleetEvent,
  HelloEvent,
  PairLive,
  RequestsEvent,
  RequestView,
  RouterLive,
} from "../observe/mod.ts";

/** Requests that are kept to be shown. */
const MAX_RECENT = 100;

/** Mutable; takes events as they come. */
export class TopState {
  readonly engines = new Map<string, EngineLive>();
  readonly pairs = new Map<string, PairLive>();
  readonly times = new Map<DistributionName, DistributionLive>();
  hello: HelloEvent | undefined;
  router: RouterLive | undefined;
  /** Unix seconds, as the router said. */
  now = 0;
  /** The latest first. */
  recent: readonly RequestView[] = [];

  /** Take one event's data; true where it tells the state anew. What is no event is passed over. */
  take(data: unknown): boolean {
    const value = recordOf(data);
    if (value === undefined) return false;
    if ("engines" in value) {
      this.#fleet(value as unknown as FleetEvent);
      return true;
    }
    if ("ended" in value) {
      const { ended } = value as unknown as RequestsEvent;
      this.recent = [...ended.toReversed(), ...this.recent].slice(0, MAX_RECENT);
    } else if ("version" in value) this.hello = value as unknown as HelloEvent;
    return false;
  }

  #fleet(event: FleetEvent): void {
    if (event.full) {
      this.engines.clear();
      this.pairs.clear();
      this.times.clear();
    }
    this.router = event.router;
    this.now = event.now;
    for (const engine of event.engines) this.engines.set(engine.id, engine);
    for (const id of event.gone) this.engines.delete(id);
    for (const pair of event.pairs) this.pairs.set(`${pair.prefill} ${pair.decode}`, pair);
    for (const [prefill, decode] of event.gone_pairs) this.pairs.delete(`${prefill} ${decode}`);
    for (const [name, times] of Object.entries(event.times)) {
      this.times.set(name as DistributionName, times);
    }
  }
}
