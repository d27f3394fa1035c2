import { resolveConfig, type RouterConfig } from "../../lib/config/mod.ts";
import { workerConfig } from "../../lib/workers/share.ts";
import { assert, assertEquals } from "../support/assert.ts";

function configOf(flags: Readonly<Record<string, string>>): RouterConfig {
  const given = { "routing-logic": "roundrobin", decode: "http://a:1", ...flags };
  const resolved = resolveConfig({
    flags: new Map(Object.entries(given).map(([name, value]) => [name, [value]])),
    problems: [],
    env: () => undefined,
    file: undefined,
    providers: undefined,
    dynamic: undefined,
    checkFile: () => undefined,
    checkPair: () => undefined,
  });
  assert(resolved.ok, JSON.stringify(resolved));
  return resolved.config;
}

const HELLO = { number: 2, count: 3, port: 4_000 };

Deno.test("workerConfig() divides what is bounded for the router as a whole", () => {
  const config = configOf({
    "max-connections": "100",
    "queue-size": "10",
    "max-buffered-bytes": "300000000",
  });
  const { clients, admission, buffers, listen } = workerConfig(config, HELLO);
  assertEquals(
    [clients.maxConnections, admission.queueSize, buffers.maxBytes, listen.port],
    [34, 4, 100_000_000, 4_000],
  );
  const small = { ...config, maxRequestBytes: 200_000_000 };
  assertEquals(workerConfig(small, HELLO).buffers.maxBytes, 200_000_000, "room for the largest");
  assertEquals(clients.maxPerAddress, config.clients.maxPerAddress);
});

Deno.test("workerConfig() leaves files and canaries to the first, and the admin port to all", () => {
  const config = configOf({ "enable-batch-api": "true", "admin-listen": "127.0.0.1:0" });
  const shared = { ...HELLO, adminPort: 4_001 };
  const second = workerConfig(config, shared);
  assertEquals([second.batches, second.admin?.listen.port], [undefined, 4_001]);
  const first = workerConfig(config, { ...shared, number: 1 });
  assertEquals(first.batches, config.batches);
});
