/** Where engines publish their KV events, and the index of them, from what was written. @module */
import { type EndpointAt, engineAddressProblem, type KvEventsAt } from "../base/mod.ts";
import { routingOf } from "./policies.ts";
import type { EventPorts, RawKvEvents } from "./raw_engine.ts";
import type { KvEventOptions } from "./schema.ts";
import type { Settings } from "./settings.ts";

/** Data-parallel ranks of an engine. */
const MAX_RANKS = 1024;

/** The endpoints of an engine at `host`, or what is wrong with them. */
export function kvEventsOf(raw: RawKvEvents, host: string): KvEventsAt | string {
  const { topic = "", ranks = 1 } = raw;
  const events = endpointIn(raw.endpoint, host);
  const replay = raw.replay === undefined ? undefined : endpointIn(raw.replay, host);
  if (events === undefined || (raw.replay !== undefined && replay === undefined)) {
    return "kv_events: expected endpoints such as tcp://10.0.0.1:5557, or ports of the engine's host";
  }
  if (!Number.isInteger(ranks) || ranks < 1 || ranks > MAX_RANKS) {
    return `kv_events: ranks: expected an integer from 1 to ${MAX_RANKS}`;
  }
  const last = Math.max(events.port, replay?.port ?? 0) + ranks - 1;
  if (last > 65_535) return "kv_events: the last rank has no port";
  return { events, ...(replay === undefined ? {} : { replay }), topic, ranks };
}

/** The endpoints of an engine at `host` that says nothing of them. */
export function usualEvents(host: string, { events, replay }: EventPorts): KvEventsAt {
  const at = (port: number): EndpointAt => ({ host: bare(host), port });
  return {
    events: at(events),
    ...(replay === undefined ? {} : { replay: at(replay) }),
    topic: "",
    ranks: 1,
  };
}

/** Why an engine's endpoints are refused; undefined where they are not. */
export function endpointProblem({ events, replay }: KvEventsAt): string | undefined {
  for (const at of [events, ...(replay === undefined ? [] : [replay])]) {
    const host = at.host.includes(":") ? `[${at.host}]` : at.host;
    const problem = engineAddressProblem(`http://${host}:${at.port}`);
    if (problem !== undefined) return problem;
  }
  return undefined;
}

/** Whether some policy goes by KV events. */
export function goesByKv(settings: Settings): boolean {
  return routingOf(settings).kvThreshold !== undefined;
}

/** The ports, where some policy goes by KV events. */
export function eventPorts(settings: Settings, used: boolean): EventPorts | undefined {
  if (!used) return undefined;
  const replay = settings.get("kv-events-replay-port").value;
  return {
    events: settings.number("kv-events-port"),
    replay: typeof replay === "number" ? replay : undefined,
  };
}

/** The options of the index; none where no policy goes by it. */
export function kvEventOptions(settings: Settings): { readonly kvEvents?: KvEventOptions } {
  return goesByKv(settings) ? { kvEvents: { indexBytes: settings.number("kv-index-bytes") } } : {};
}

function endpointIn(text: string, host: string): EndpointAt | undefined {
  const own = /^\d+$/.test(text) ? `tcp://${host}:${text}` : text;
  const [, where, port] = /^tcp:\/\/(\[[\da-f:.]+\]|[^\s/:[\]]+):(\d{1,5})$/i.exec(own) ?? [];
  const number = Number(port);
  if (where === undefined || where === "*" || number < 1 || number > 65_535) return undefined;
  return { host: bare(where), port: number };
}

/** Without brackets around an IPv6 address. */
function bare(host: string): string {
  return host.replace(/^\[(.*)\]$/, "$1");
}
