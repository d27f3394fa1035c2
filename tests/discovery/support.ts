/** Engines and sources for tests of discovery. @module */
import type { EngineRules, RawEngine } from "../../lib/config/mod.ts";
import type { FoundChange, FoundEngine, FoundSource } from "../../lib/discovery/mod.ts";

/** Engines that serve whole requests. */
export const PLAIN: EngineRules = {
  usual: "none",
  labels: { prefill: [], decode: [] },
  linkLocal: false,
};

/** Engines that hand prompts over by LMCache, their roles by label. */
export const HANDOFF: EngineRules = {
  usual: "lmcache",
  receivers: { initPorts: [7300], allocPorts: [7400], firstToken: "prefill" },
  labels: { prefill: ["prefill"], decode: ["decode"] },
  linkLocal: false,
};

/** An engine as it is written. */
export function rawAt(url: string, more: Partial<RawEngine> = {}): RawEngine {
  return { url, role: "any", models: [], ...more };
}

/** An engine as a source finds it. */
export function foundAt(
  key: string,
  url: string,
  { raw = {}, ...more }: Partial<Omit<FoundEngine, "raw">> & { raw?: Partial<RawEngine> } = {},
): FoundEngine {
  return { key, where: `test ${key}`, raw: rawAt(url, raw), ...more };
}

/** A source that says what a test has it say; it holds what was said and not read. */
export class SaidSource implements FoundSource {
  readonly name: string;
  ailment: string | undefined;
  readonly #said: (FoundChange | Error)[] = [];
  #more = Promise.withResolvers<void>();

  constructor(name = "said") {
    this.name = name;
  }

  say(...changes: readonly (FoundChange | Error)[]): void {
    this.#said.push(...changes);
    this.#more.resolve();
  }

  found(engine: FoundEngine): void {
    this.say({ kind: "found", engine });
  }

  async *changes(stop: AbortSignal): AsyncGenerator<FoundChange> {
    const wake = (): void => this.#more.resolve();
    stop.addEventListener("abort", wake, { once: true });
    try {
      while (!stop.aborted) {
        const change = this.#said.shift();
        if (change instanceof Error) throw change;
        if (change !== undefined) {
          yield change;
          continue;
        }
        this.#more = Promise.withResolvers();
        await this.#more.promise;
      }
    } finally {
      stop.removeEventListener("abort", wake);
    }
  }
}
