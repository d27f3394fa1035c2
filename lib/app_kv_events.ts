/** What follows the KV events of engines, built from the configuration. @module */
import type { Breather, Clock, Logger, Random } from "./base/mod.ts";
import type { RouterConfig } from "./config/mod.ts";
import { KvWatch } from "./kv_events/mod.ts";
import type { Metrics } from "./metrics/mod.ts";
import type { KvLookup } from "./request/mod.ts";
import type { PromptSource } from "./tokenization/mod.ts";
import { type Dial, parseOrigin, platformDial } from "./upstream/mod.ts";
import type { DialZmtp } from "./zmq/mod.ts";

/** What it works with. */
export interface KvEventPorts {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly metrics: Metrics;
  readonly breather: Breather;
  readonly refuseLinkLocal: boolean;
  /** Opens connections; the platform's sockets when absent. */
  readonly dial: Dial | undefined;
}

/** Follow them; undefined where no policy goes by them. Nothing is dialled before an engine is there. */
export function followKvEvents(
  { kvEvents }: Pick<RouterConfig, "kvEvents">,
  { clock, random, log, metrics, breather, refuseLinkLocal, dial }: KvEventPorts,
): KvWatch | undefined {
  if (kvEvents === undefined) return undefined;
  log.info(
    "kvaware goes by the KV events of engines (vLLM's --kv-events-config); no LMCache " +
      "controller is asked",
  );
  return new KvWatch(
    { maxBytes: kvEvents.indexBytes, seed: Math.floor(random.next() * 2 ** 32) },
    {
      clock,
      random,
      log,
      breather,
      dial: dialOf(dial ?? platformDial([], { refuseLinkLocal })),
      onEvents: (result, count) => {
        if (count > 0) metrics.count("pd_router_kv_events_total", { result }, count);
      },
      onGap: (result) => metrics.count("pd_router_kv_event_gaps_total", { result }),
    },
  );
}

/** Where prompts are looked up. */
export function lookupOf(watch: KvWatch, prompts: PromptSource): KvLookup {
  return {
    prompts,
    prompt: (ids, making) => watch.prompt(ids, making),
    cachedAt: (prompt, id) => watch.cachedAt(prompt, id),
  };
}

/** Gauges of it, set as they are asked for. */
export function gaugeKvEvents(metrics: Metrics, watch: KvWatch | undefined): void {
  if (watch === undefined) return;
  const { index, feeds } = watch;
  const { held, evicted } = index.blocks;
  metrics.set("pd_router_kv_index_bytes", {}, index.bytes);
  metrics.set("pd_router_kv_index_blocks", { state: "held" }, held);
  metrics.set("pd_router_kv_index_blocks", { state: "evicted" }, evicted);
  metrics.set("pd_router_kv_event_feeds", { state: "known" }, feeds.known);
  metrics.set("pd_router_kv_event_feeds", { state: "unknown" }, feeds.followed - feeds.known);
}

function dialOf(dial: Dial): DialZmtp {
  return ({ host, port }, signal) => {
    const name = host.includes(":") ? `[${host}]` : host;
    return dial(parseOrigin(`http://${name}:${port}`), signal);
  };
}
