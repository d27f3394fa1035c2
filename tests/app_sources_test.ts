import { createLogger } from "../lib/base/mod.ts";
import { watchSources } from "../lib/app_sources.ts";
import type { SourceState } from "../lib/discovery/mod.ts";
import { Metrics } from "../lib/metrics/mod.ts";
import { assertEquals, assertStringIncludes } from "./support/assert.ts";
import { FakeClock } from "./support/fake_clock.ts";

function stateOf(more: Partial<SourceState> = {}): SourceState {
  return { name: "dns", engines: 2, leftOut: 1, synced: true, ailment: undefined, ...more };
}

Deno.test("watchSources() tells the log of each change once", async () => {
  const clock = new FakeClock();
  const lines: string[] = [];
  let states = [stateOf()];
  const log = createLogger(clock, (line) => void lines.push(line.split(" ").slice(2).join(" ")), {
    level: "info",
    format: "text",
  });
  const metrics = new Metrics();
  using _watch = watchSources({ sources: () => states }, { clock, log, metrics, exposed: true });
  await clock.advance(3_000);
  assertEquals(lines, []);
  states = [stateOf({ ailment: "no answer" })];
  await clock.advance(5_000);
  assertEquals(lines.length, 1);
  assertStringIncludes(lines[0] ?? "", "Engines cannot be looked for; those that are known stay");
  states = [stateOf()];
  await clock.advance(5_000);
  assertEquals(lines.length, 2);
  assertStringIncludes(lines[1] ?? "", "Engines are looked for again");
});

Deno.test("watchSources() fails health while no engine is known, and says what is hidden", () => {
  const clock = new FakeClock();
  const log = createLogger(clock, () => {}, { level: "info", format: "text" });
  let states = [stateOf({ ailment: "http://10.0.0.1 does not answer" })];
  const parts = { clock, log, metrics: new Metrics() };
  using told = watchSources({ sources: () => states }, { ...parts, exposed: true });
  using hidden = watchSources({ sources: () => states }, { ...parts, exposed: false });
  assertEquals(told.ailment(), undefined);
  assertEquals(told.remarks(), { discovery: { dns: "http://10.0.0.1 does not answer" } });
  assertEquals(JSON.stringify(hidden.remarks()).includes("10.0.0.1"), false);
  states = [stateOf({ engines: 1, ailment: "it is away" })];
  assertEquals(told.ailment(), 'no engine is known, and the source "dns" cannot look for any');
  states = [stateOf({ engines: 0, leftOut: 0 })];
  assertEquals([told.ailment(), told.remarks()], [undefined, {}]);
});

Deno.test("watchSources() sets the gauges of each source, and of none that is gone", async () => {
  const clock = new FakeClock();
  const log = createLogger(clock, () => {}, { level: "info", format: "text" });
  const metrics = new Metrics();
  let states = [stateOf(), stateOf({ name: "old", synced: false, ailment: "away" })];
  using watch = watchSources({ sources: () => states }, { clock, log, metrics, exposed: true });
  watch.gauge();
  const text = await metrics.text();
  for (
    const line of [
      'pd_router_discovery_engines{source="dns"} 2',
      'pd_router_discovery_left_out{source="dns"} 1',
      'pd_router_discovery_up{source="old"} 0',
      'pd_router_discovery_synced{source="old"} 0',
      'pd_router_discovery_synced{source="dns"} 1',
    ]
  ) assertStringIncludes(text, line);
  states = [stateOf()];
  watch.gauge();
  assertEquals((await metrics.text()).includes('"old"'), false);
});
