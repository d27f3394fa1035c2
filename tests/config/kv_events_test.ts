import type { KvEventsAt } from "../../lib/base/mod.ts";
import { kvEventsOf } from "../../lib/config/kv_events.ts";
import { resolveConfig } from "../../lib/config/mod.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { configOf } from "./support.ts";

const STATIC = {
  "static-backends": "http://10.0.0.1:8000,http://[fd00::1]:8000",
  "static-models": "m,m",
};
const USUAL = { topic: "", ranks: 1 };

/** The KV events of all engines of a configuration. */
function eventsOf(flags: Readonly<Record<string, string>>): readonly (KvEventsAt | undefined)[] {
  return configOf({ flags }).engines.map(({ kvEvents }) => kvEvents);
}

Deno.test("resolveConfig() has engines publish KV events with kvaware alone", () => {
  assertEquals(eventsOf({ ...STATIC, "routing-logic": "roundrobin" }), [undefined, undefined]);
  const kvaware = { ...STATIC, "routing-logic": "kvaware" };
  assertEquals(eventsOf(kvaware), [
    { events: { host: "10.0.0.1", port: 5557 }, ...USUAL },
    { events: { host: "fd00::1", port: 5557 }, ...USUAL },
  ]);
  const ports = { "kv-events-port": "6000", "kv-events-replay-port": "6001" };
  assertEquals(eventsOf({ ...kvaware, ...ports })[0], {
    events: { host: "10.0.0.1", port: 6000 },
    replay: { host: "10.0.0.1", port: 6001 },
    ...USUAL,
  });
  const { kvEvents, routing } = configOf({ flags: { ...kvaware, "kv-index-bytes": "2000000" } });
  assertEquals([kvEvents, routing.kvThreshold], [{ indexBytes: 2_000_000 }, 2_000]);
});

Deno.test("resolveConfig() reads KV events out of specs", () => {
  const spec = "http://10.0.0.1:8000;kv_events=7000;kv_events_replay=tcp://10.0.0.2:7001;" +
    "kv_events_topic=kv;kv_events_ranks=4";
  const flags = { prefill: spec, decode: "http://10.0.0.3:8000", "prefill-policy": "kvaware" };
  assertEquals(eventsOf(flags), [
    {
      events: { host: "10.0.0.1", port: 7000 },
      replay: { host: "10.0.0.2", port: 7001 },
      topic: "kv",
      ranks: 4,
    },
    { events: { host: "10.0.0.3", port: 5557 }, ...USUAL },
  ]);
});

Deno.test("resolveConfig() reads KV events out of a file's engines", () => {
  const content = {
    routing_logic: "kvaware",
    engines: [
      {
        url: "http://a:8000",
        model: "m",
        kv_events: { endpoint: "tcp://[fd00::9]:5557", topic: "t" },
      },
      { url: "http://b:8000", model: "m", kv_events: { endpoint: 5600, replay: 5601, ranks: 2 } },
    ],
  };
  const result = resolveConfig({
    flags: new Map(),
    env: () => undefined,
    file: { ok: true, path: "pd.yaml", content },
  });
  assert(result.ok);
  assertEquals(result.config.engines.map(({ kvEvents }) => kvEvents), [
    { events: { host: "fd00::9", port: 5557 }, topic: "t", ranks: 1 },
    { events: { host: "b", port: 5600 }, replay: { host: "b", port: 5601 }, topic: "", ranks: 2 },
  ]);
});

for (
  const [name, raw] of [
    ["a wildcard", { endpoint: "tcp://*:5557" }],
    ["another scheme", { endpoint: "ipc://events" }],
    ["no port", { endpoint: "tcp://10.0.0.1" }],
    ["port 0", { endpoint: "0" }],
    ["a port beyond all", { endpoint: "tcp://10.0.0.1:65536" }],
    ["a wrong replay", { endpoint: "5557", replay: "5558x" }],
    ["no ranks", { endpoint: "5557", ranks: 0 }],
    ["more ranks than ports", { endpoint: "65530", ranks: 7 }],
  ] as const
) {
  Deno.test(`kvEventsOf() refuses ${name}`, () => {
    const found = kvEventsOf(raw, "10.0.0.1");
    assert(typeof found === "string" && found.startsWith("kv_events: "), JSON.stringify(found));
  });
}

Deno.test("resolveConfig() refuses KV events of a metadata service", () => {
  const spec = "http://10.0.0.1:8000;kv_events=tcp://169.254.169.254:5557";
  const result = resolveConfig({
    flags: new Map([["prefill", [spec]], ["decode", ["http://10.0.0.2:8000"]]]),
    env: () => undefined,
  });
  assert(!result.ok);
  assert(result.problems.some(({ message }) => message.includes("link-local")));
});

Deno.test("resolveConfig() accepts the flags of the LMCache controller", () => {
  const flags = {
    ...STATIC,
    "routing-logic": "kvaware",
    "lmcache-controller-port": "9100",
    "lmcache-controller-reply-port": "9101",
    "lmcache-controller-heartbeat-port": "9102",
    "lmcache-health-check-interval": "6",
    "lmcache-worker-timeout": "31",
    "kv-aware-threshold": "500",
  };
  assertEquals(configOf({ flags }).routing.kvThreshold, 500);
});
