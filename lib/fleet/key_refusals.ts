/** Which engines do not take the key of the router's own questions. @module */
import type { Engine, Logger } from "../base/mod.ts";
import type { FleetChange } from "./fleet_options.ts";
import type { Leg, Outcome } from "./flight.ts";

const OWN = "VLLM_API_KEY";
const CLIENTS = "the client's, or VLLM_API_KEY";

/** The router's own questions, and whose key they are asked with where clients' keys go on. */
const PASSED_ON: ReadonlyMap<Leg, string> = new Map([
  ["models", OWN],
  ["check", OWN],
  ["tokenize", CLIENTS],
  ["reclaim", CLIENTS],
]);

/** Where they stay here, everything is asked with the router's. */
const KEPT: ReadonlyMap<Leg, string> = new Map(
  (["models", "check", "tokenize", "reclaim", "prefill", "decode", "direct"] as const).map((leg) =>
    [leg, OWN] as const
  ),
);

const REFUSALS: ReadonlySet<number | undefined> = new Set([401, 403]);

/** Learns from outcomes; the log is told when an answer is another than the one before. */
export class KeyRefusals {
  readonly #log: Pick<Logger, "info" | "warning">;
  readonly #keepsKeys: () => boolean;
  /** Questions that are refused, by URL. */
  readonly #refused = new Map<string, Set<Leg>>();

  /** `keepsKeys` where clients' keys are not shown to engines. */
  constructor(log: Pick<Logger, "info" | "warning">, keepsKeys: boolean | (() => boolean) = false) {
    this.#log = log;
    this.#keepsKeys = typeof keepsKeys === "function" ? keepsKeys : () => keepsKeys;
  }

  /** Whether `engine` has refused to tell its models to the router's key. */
  has({ url }: Pick<Engine, "url">): boolean {
    return this.#refused.get(url)?.has("models") === true;
  }

  /** Learn from one flight. */
  report({ engine: { url }, leg, status }: Outcome): void {
    const key = (this.#keepsKeys() ? KEPT : PASSED_ON).get(leg);
    if (key === undefined || status === undefined) return;
    const refused = REFUSALS.has(status);
    const legs = this.#refused.get(url);
    if (refused === (legs?.has(leg) === true)) return;
    const fields = { url, question: leg, status, key };
    if (refused) {
      if (legs === undefined) this.#refused.set(url, new Set([leg]));
      else legs.add(leg);
      this.#log.warning("Engine refuses the key of a question of the router's", fields);
      return;
    }
    legs?.delete(leg);
    if (legs?.size === 0) this.#refused.delete(url);
    this.#log.info("Engine takes the key of the router's questions again", fields);
  }

  /** Forget an engine that is gone. */
  follow({ kind, engine }: FleetChange): void {
    if (kind === "forgotten") this.#refused.delete(engine.url);
  }
}
