/**
 * Whether the engine core still answers. Some requests end a real one for good, others stop it.
 *
 * The HTTP side outlives it here, so that tests and counters can be read; that of vLLM 0.32 fails
 * what runs and then ends its process.
 * @module
 */
import { type ApiError, internalError } from "./api_error.ts";

/** The state of one engine core. */
export class EngineLife {
  #state: "live" | "hung" | "dead" = "live";
  #onEnd: () => void = () => undefined;
  #startedMs = 0;

  /** When its process began, in Unix milliseconds. */
  get startedMs(): number {
    return this.#startedMs;
  }

  /** Its process begins. */
  start(unixMs: number): void {
    this.#startedMs = unixMs;
  }

  /** True once ended: every generation fails, `/health` is 503. */
  get dead(): boolean {
    return this.#state === "dead";
  }

  /** True once stuck: no generation is answered, `/health` stays 200. */
  get hung(): boolean {
    return this.#state === "hung";
  }

  /** @param onEnd Called when the core ends, to abort what runs. */
  watch(onEnd: () => void): void {
    this.#onEnd = onEnd;
  }

  /** End it; false when it was ended before. */
  end(): boolean {
    if (this.#state === "dead") return false;
    this.#state = "dead";
    this.#onEnd();
    return true;
  }

  /** Stop it where it is; an ended one stays ended. */
  hang(): void {
    if (this.#state === "live") this.#state = "hung";
  }

  /** A new core, as a restart gives. */
  revive(): void {
    this.#state = "live";
  }
}

/** What a request gets from an ended core: vLLM's `EngineDeadError`, `v1/engine/exceptions.py`. */
export function engineDead(): ApiError {
  return internalError(
    "EngineCore encountered an issue. See stack trace (above) for the root cause.",
  );
}
