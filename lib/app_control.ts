/** Engines that are told what to do, put together: who tells them, and who finds out what has become of it. @module */
import type { Clock, Engine, Logger } from "./base/mod.ts";
import { guardedIn, type RouterConfig } from "./config/mod.ts";
import {
  type EngineCheck,
  type FetchCards,
  type Fleet,
  type FleetObserver,
  SleepWatch,
} from "./fleet/mod.ts";
import { EngineControl } from "./flow/mod.ts";
import type { FlowDeps } from "./request/mod.ts";

/** What it is put together from. */
export interface ControlParts extends Pick<FlowDeps, "upstream" | "timeouts"> {
  readonly clock: Clock;
}

/** The places of a fleet that it takes part in. */
export interface ControlWiring {
  fetching(fetch: FetchCards): FetchCards;
  observing(observer: FleetObserver): FleetObserver;
  /** The fleet is there. */
  attach(fleet: Fleet): EngineControl;
}

/** The wiring for what `configNow` gives at the moment. */
export function wireControl(
  configNow: () => RouterConfig,
  parts: ControlParts,
): ControlWiring {
  // Without that flag, those alone that this router knows to sleep.
  const all = (): boolean => configNow().control?.engines === true;
  let attached: { readonly fleet: Fleet; readonly control: EngineControl } | undefined;
  const watch = new SleepWatch({
    isAsleep: async (engine, signal) => await attached?.control.isAsleep(engine, signal),
    setAsleep: (engine, asleep) => attached?.fleet.setAsleep(engine, asleep),
    mayAsk: (engine) => all() || (attached !== undefined && sleeps(attached.fleet, engine)),
  });
  return {
    fetching: (fetch) => watch.behind(fetch),
    observing: (observer) => ({
      ...observer,
      onOutcome(outcome) {
        observer.onOutcome(outcome);
        watch.landed(outcome);
      },
    }),
    attach(fleet) {
      const control = new EngineControl({ ...parts, fleet, apiKey: configNow().apiKey });
      attached = { fleet, control };
      fleet.watch((change) => watch.follow(change));
      return control;
    },
  };
}

/** Have the log say by which of its paths clients can change engines for everybody. */
export function tellGuarded(config: RouterConfig, log: Pick<Logger, "warning">): void {
  for (const path of guardedIn(config.control?.passThrough ?? [])) {
    log.warning("A path is passed through by which clients change engines for all", { path });
  }
}

/** What engines are tried with: nothing while they sleep. */
export function checksAwake(
  fleet: Pick<Fleet, "snapshot">,
  checksOf: (engine: Engine) => readonly EngineCheck[],
): (engine: Engine) => readonly EngineCheck[] {
  return (engine) => sleeps(fleet, engine) ? [] : checksOf(engine);
}

function sleeps(fleet: Pick<Fleet, "snapshot">, { id }: Engine): boolean {
  return fleet.snapshot().entries.some(({ engine, asleep }) => engine.id === id && asleep === true);
}
