/** Where simulated engines publish their KV events. @module */
import type { EndpointAt, KvEventsAt } from "../../lib/base/mod.ts";
import type { SimEngine, SimOptions } from "../../lib/sim/mod.ts";

/** Options of an engine that publishes, on ports of its own where it is told none. */
export function publishing(
  encoding: SimOptions["kvEventsEncoding"] = "map",
  ports: readonly [events: number, replay: number] = [0, 0],
): Partial<SimOptions> {
  const [events, replay] = ports;
  return {
    kvEventsEndpoint: `tcp://*:${events === 0 ? "*" : events}`,
    kvEventsReplay: `tcp://127.0.0.1:${replay}`,
    kvEventsEncoding: encoding,
  };
}

/** Where `engine` publishes, for its record; undefined where it does not. */
export function eventsOf(
  { kvEventsEndpoint, kvReplayEndpoint }: SimEngine,
): KvEventsAt | undefined {
  if (kvEventsEndpoint === undefined) return undefined;
  return {
    events: at(kvEventsEndpoint),
    ...(kvReplayEndpoint === undefined ? {} : { replay: at(kvReplayEndpoint) }),
    topic: "",
    ranks: 1,
  };
}

function at(endpoint: string): EndpointAt {
  return { host: "127.0.0.1", port: Number(/:(\d+)$/.exec(endpoint)?.[1]) };
}
