// @ts-check
/** What `/admin/live` has told so far, put together, and what follows from it. Pure. @module */

/** @typedef {import("../../observe/mod.ts").EngineLive} EngineLive */
/** @typedef {import("../../observe/mod.ts").PairLive} PairLive */
/** @typedef {import("../../observe/mod.ts").FleetEvent} FleetEvent */
/** @typedef {import("../../observe/mod.ts").HelloEvent} HelloEvent */
/** @typedef {import("../../observe/mod.ts").RequestsEvent} RequestsEvent */
/** @typedef {import("../../observe/mod.ts").RequestView} RequestView */
/** @typedef {import("../../observe/mod.ts").RouterLive} RouterLive */
/** @typedef {import("../../observe/mod.ts").DistributionLive} DistributionLive */

/** Requests that are kept to be shown. */
export const MAX_RECENT = 60;

/** Rates that are kept, one for each event. */
export const MAX_RATES = 120;

/** How long an engine that has gone is still shown, in seconds. */
export const GONE_FOR = 60;

/** How much of a pair's rate is the latest second's. */
const FRESH = 0.4;

/** @param {{ readonly prefill: string, readonly decode: string }} pair */
export function pairKey({ prefill, decode }) {
  return JSON.stringify([prefill, decode]);
}

/** What is known of the fleet. Mutable; takes events as they come. */
export class FleetState {
  /** @type {Map<string, EngineLive>} */
  engines = new Map();
  /** @type {Map<string, PairLive>} */
  pairs = new Map();
  /** Handoffs that end in a second, smoothed, by pair. @type {Map<string, number>} */
  flows = new Map();
  /** Engines that have gone lately, and when. @type {Map<string, { engine: EngineLive, at: number }>} */
  gone = new Map();
  /** @type {Map<string, DistributionLive>} */
  times = new Map();
  /** @type {HelloEvent | undefined} */
  hello;
  /** @type {RouterLive | undefined} */
  router;
  /** Unix seconds, as the router said. */
  now = 0;
  /** Requests that ended in a second, the earliest first. @type {number[]} */
  rates = [];
  /** The latest first. @type {readonly RequestView[]} */
  recent = [];

  /**
   * Take one event; what is none is passed over.
   * @param {string} name
   * @param {any} data
   */
  take(name, data) {
    if (typeof data !== "object" || data === null) return;
    switch (name) {
      case "hello":
        this.#hello(data);
        break;
      case "fleet":
        this.#fleet(data);
        break;
      case "requests":
        this.add(data.ended.toReversed());
        break;
      default:
    }
  }

  /**
   * Add requests, the latest first; those that are known already are not added again.
   * @param {readonly RequestView[]} requests
   */
  add(requests) {
    /** @type {Map<string, RequestView>} */
    const all = new Map();
    for (const each of [...requests, ...this.recent]) {
      const key = requestKey(each);
      if (!all.has(key)) all.set(key, each);
    }
    this.recent = [...all.values()].sort((one, other) => endOf(other) - endOf(one))
      .slice(0, MAX_RECENT);
  }

  /** @param {HelloEvent} hello */
  #hello(hello) {
    const isOther = this.hello !== undefined && this.hello.started !== hello.started;
    this.hello = hello;
    // Another life of the router: nothing of the one before holds.
    if (isOther) {
      this.rates = [];
      this.flows.clear();
      this.gone.clear();
    }
  }

  /** @param {FleetEvent} event */
  #fleet(event) {
    const { full, now, router } = event;
    const seconds = this.now === 0 ? 0 : now - this.now;
    const before = this.pairs;
    if (full) {
      this.engines = new Map();
      this.times = new Map();
    }
    this.pairs = full ? new Map() : new Map(before);
    for (const engine of event.engines) {
      this.engines.set(engine.id, engine);
      this.gone.delete(engine.id);
    }
    for (const id of event.gone) this.#leave(id, now);
    for (const [id, { at }] of this.gone) if (now - at > GONE_FOR) this.gone.delete(id);
    for (const pair of event.pairs) this.pairs.set(pairKey(pair), pair);
    for (const [prefill, decode] of event.gone_pairs) {
      this.pairs.delete(pairKey({ prefill, decode }));
    }
    for (const [name, times] of Object.entries(event.times)) this.times.set(name, times);
    this.#flow(before, seconds);
    if (seconds > 0) this.rates = [...this.rates, router.rate].slice(-MAX_RATES);
    this.router = router;
    this.now = now;
  }

  /**
   * @param {string} id
   * @param {number} at
   */
  #leave(id, at) {
    const engine = this.engines.get(id);
    this.engines.delete(id);
    if (engine !== undefined) this.gone.set(id, { engine: { ...engine, state: "gone" }, at });
  }

  /**
   * @param {ReadonlyMap<string, PairLive>} before
   * @param {number} seconds
   */
  #flow(before, seconds) {
    for (const key of this.flows.keys()) if (!this.pairs.has(key)) this.flows.delete(key);
    if (seconds <= 0) return;
    for (const [key, pair] of this.pairs) {
      const known = before.get(key);
      const ended = known === undefined ? 0 : pair.ok + pair.failed - known.ok - known.failed;
      const last = this.flows.get(key) ?? 0;
      const rate = last * (1 - FRESH) + (Math.max(0, ended) / seconds) * FRESH;
      this.flows.set(key, rate < 0.05 ? 0 : rate);
    }
  }
}

/** @param {RequestView} request */
export function requestKey({ seq, id, received }) {
  return `${seq} ${received} ${id}`;
}

/** When it ended, or how far it is known, in Unix seconds. @param {RequestView} request */
export function endOf({ received, phases }) {
  return received + (phases.total ?? 0) / 1_000;
}

/** Requests under way on a pair. @param {PairLive} pair */
export function busy({ under_way }) {
  return Object.values(under_way).reduce((sum, each) => sum + each, 0);
}
