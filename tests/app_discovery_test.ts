import { openDiscovery } from "../lib/app_discovery.ts";
import { seededRandom, silentLogger } from "../lib/base/mod.ts";
import { Metrics } from "../lib/metrics/mod.ts";
import { assertEquals } from "./support/assert.ts";
import { FakeClock, settle } from "./support/fake_clock.ts";
import { resolved } from "./reload/support.ts";

Deno.test("AppDiscovery.apply() exchanges lists and rules at once, and keeps what is in both", async () => {
  const pair = "prefill: http://p:1\ndecode: http://d:1\nkv_protocol: nixl\n";
  const plain = "routing_logic: roundrobin\nstatic_backends: http://d:1\nstatic_models: m\n";
  await using discovery = openDiscovery(resolved(pair).config, {
    clock: new FakeClock(),
    random: seededRandom(1),
    log: silentLogger(),
    metrics: new Metrics(),
  });
  const engines = async (): Promise<readonly string[]> => {
    await settle();
    return [...discovery.book.entries()].map(({ engine, problems }) =>
      engine === undefined ? problems.join() : `${engine.role} ${engine.url} ${engine.kv}`
    ).sort();
  };
  assertEquals(await engines(), ["decode http://d:1 nixl", "prefill http://p:1 nixl"]);
  discovery.apply(resolved(plain).config);
  assertEquals(await engines(), ["any http://d:1 none"]);
  discovery.apply(resolved(plain).config);
  assertEquals(await engines(), ["any http://d:1 none"]);
  discovery.apply(resolved(pair).config);
  assertEquals(await engines(), ["decode http://d:1 nixl", "prefill http://p:1 nixl"]);
});
