/** What the router does where file descriptors run out: told, counted, and made room for. @module */
import {
  type Clock,
  describeError,
  DescriptorReserve,
  type DescriptorSource,
  type Logger,
  type TakeDescriptor,
} from "./base/mod.ts";
import type { Front, FrontEvent } from "./front/mod.ts";
import type { Metrics } from "./metrics/mod.ts";

/** A shortage is told again when there was none for so long, in milliseconds. */
const QUIET_MS = 10_000;

/** What wants for descriptors, as a metric label. */
export type DescriptorUse = "engine" | "notification" | "listener";

/** What descriptors are looked after with. */
export interface DescriptorKeeperParts {
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: Metrics;
  /** How many are held back for engines. */
  readonly reserve: number;
  readonly take?: TakeDescriptor;
}

/** Holds descriptors back for engines and listeners, and has clients that wait for nothing give theirs up. */
export class DescriptorKeeper implements Disposable {
  readonly #parts: DescriptorKeeperParts;
  readonly #reserve: DescriptorReserve;
  #front: Pick<Front, "makeRoom"> | undefined;
  #toldAt = -Infinity;

  constructor(parts: DescriptorKeeperParts) {
    const { clock, reserve: size, take } = parts;
    this.#parts = parts;
    this.#reserve = new DescriptorReserve({ clock, size, ...(take === undefined ? {} : { take }) });
  }

  /** From here on `front` is asked to close clients that wait. */
  attach(front: Pick<Front, "makeRoom">): void {
    this.#front = front;
  }

  /** Where `use` gets a descriptor from when there is none: those held back are for engines. */
  source(use: DescriptorUse): DescriptorSource {
    return {
      scarce: () => this.#reserve.scarce,
      makeRoom: async () => {
        this.#tell(use);
        if (use === "engine" && this.#reserve.spend()) return true;
        return await this.#front?.makeRoom() ?? false;
      },
    };
  }

  /** Give one up to listen for clients with; false when none is held. */
  spare(): boolean {
    this.#tell("listener");
    return this.#reserve.spend();
  }

  [Symbol.dispose](): void {
    this.#reserve[Symbol.dispose]();
  }

  #tell(use: DescriptorUse): void {
    const { clock, log, metrics } = this.#parts;
    metrics.count("pd_router_descriptor_shortages_total", { use });
    const now = clock.now();
    if (now - this.#toldAt >= QUIET_MS) {
      log.warning("No file descriptors are left: connections that are idle are closed", { use });
    }
    this.#toldAt = now;
  }
}

/** Tells of what happens to clients besides requests. */
export function frontTeller(
  { log, metrics }: Pick<DescriptorKeeperParts, "log" | "metrics">,
): (event: FrontEvent) => void {
  return (event) => {
    switch (event.kind) {
      case "refused":
      case "timed-out":
        metrics.count("pd_router_client_refusals_total", { reason: event.why });
        break;
      case "not-accepting":
        log.error("Cannot accept clients, and goes on trying", {
          error: describeError(event.error),
        });
        break;
      case "accepting":
        log.info("Accepts clients again");
        break;
      default:
        event satisfies never;
    }
  };
}
