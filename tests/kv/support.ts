/** Engines, and parts that remember what is done to them, for the tests of this folder. @module */
import {
  createLogger,
  type Engine,
  type Logger,
  type NixlReceiver,
  type WaitEnd,
} from "../../lib/base/mod.ts";
import type { Landing } from "../../lib/kv/mod.ts";
import type { Pair } from "../../lib/selection/mod.ts";
import type { KvWaitOptions } from "../../lib/zmq/mod.ts";
import type { FakeClock } from "../support/fake_clock.ts";

/** A receiver of two ranks that takes both modes. */
export const RECEIVER: NixlReceiver = {
  host: "10.0.0.7",
  initPorts: [7300, 7301],
  allocPorts: [7400, 7401],
  modes: ["p1", "d1"],
};

/** An engine named by `id`, an LMCache decode engine unless `more` says otherwise. */
export function engine(id: string, more: Partial<Engine> = {}): Engine {
  const base = { id, url: `http://${id}:8000`, models: ["m"] } as const;
  return { ...base, role: "decode", kv: "lmcache", ...more };
}

/** Two engines whose KV moves by `kv`. */
export function pairOf(kv: Engine["kv"], decode: Partial<Engine> = {}): Pair {
  return {
    prefill: engine("p", { role: "prefill", kv }),
    decode: engine("d", { kv, ...decode }),
  };
}

/** Two engines of LMCache. */
export const LMCACHE_PAIR: Pair = pairOf("lmcache", { nixl: RECEIVER });

/** Lines of a log, each as `LEVEL message key=value ...`. */
export function keptLog(clock: FakeClock): { readonly log: Logger; readonly lines: string[] } {
  const lines: string[] = [];
  const log = createLogger(clock, (line) => lines.push(line.slice(line.indexOf(" ") + 1)), {
    level: "debug",
    format: "text",
  });
  return { log, lines };
}

/** Metrics that keep what they are told, in order. */
export class KeptMetrics {
  /** Each as `name value`, the value being the only label's. */
  readonly counted: string[] = [];
  /** Values of all gauges. */
  readonly gauged: number[] = [];

  count(name: string, labels: Readonly<Record<string, string>>): void {
    this.counted.push(`${name} ${Object.values(labels).join(" ")}`);
  }

  set(_name: string, _labels: Readonly<Record<string, string>>, value: number): void {
    this.gauged.push(value);
  }
}

/** News of a transfer that come when the test says so. */
export class FakeLanding implements Landing {
  cancelled = false;
  notified = 0;
  disposals = 0;
  readonly waits: KvWaitOptions[] = [];
  readonly #end = Promise.withResolvers<WaitEnd>();

  received(): number {
    return this.notified;
  }

  wait(options: KvWaitOptions): Promise<WaitEnd> {
    this.waits.push(options);
    if (options.signal?.aborted) this.end("aborted");
    options.signal?.addEventListener("abort", () => this.end("aborted"), { once: true });
    return this.#end.promise;
  }

  /** End all waits; only the first end counts. */
  end(end: WaitEnd): void {
    this.#end.resolve(end);
  }

  [Symbol.dispose](): void {
    this.disposals++;
    this.end("aborted");
  }
}
