import { hostGauge } from "../lib/app_host.ts";
import { systemFigures } from "../lib/cli/host_figures.ts";
import { Metrics } from "../lib/metrics/mod.ts";
import { assert, assertEquals } from "./support/assert.ts";
import { FakeClock } from "./support/fake_clock.ts";

/** What is told of the host, by name. */
async function told(metrics: Metrics): Promise<Readonly<Record<string, number>>> {
  const lines = (await metrics.text()).split("\n").filter((line) => line.startsWith("router_"));
  return Object.fromEntries(lines.map((line) => {
    const [name = "", value] = line.split(" ");
    return [name, Number(value)];
  }));
}

Deno.test("hostGauge() tells shares in percent, of the CPU over the time since the last reading", async () => {
  const [clock, metrics] = [new FakeClock(), new Metrics()];
  let cpuMs = 700;
  const figures = { cpuMs: () => cpuMs, memoryUse: () => 0.25, diskUse: () => 0.5 };
  const gauge = hostGauge(clock, metrics, figures);
  await clock.advance(1_000);
  cpuMs += 300;
  gauge();
  const wanted = {
    router_cpu_usage_percent: 30,
    router_memory_usage_percent: 25,
    router_disk_usage_percent: 50,
  };
  assertEquals(await told(metrics), wanted);
  // Too soon for another share.
  await clock.advance(10);
  cpuMs += 10;
  gauge();
  assertEquals(await told(metrics), wanted);
  await clock.advance(190);
  gauge();
  assertEquals((await told(metrics))["router_cpu_usage_percent"], 5);
});

Deno.test("hostGauge() tells nothing of what is not known", async () => {
  const [clock, metrics] = [new FakeClock(), new Metrics()];
  hostGauge(clock, metrics, undefined)();
  assertEquals(await told(metrics), {});
  const figures = { cpuMs: () => 0, memoryUse: () => undefined, diskUse: () => undefined };
  hostGauge(clock, metrics, figures)();
  assertEquals(await told(metrics), { router_cpu_usage_percent: 0 });
});

Deno.test("systemFigures() tells of this machine what may be known", () => {
  const { cpuMs, memoryUse, diskUse } = systemFigures();
  assert(cpuMs() > 0);
  for (const share of [memoryUse(), diskUse()]) {
    assert(share !== undefined && share > 0 && share < 1, `${share}`);
  }
});

Deno.test("systemFigures() tells of its own time alone without permissions", async () => {
  const module = new URL("../lib/cli/host_figures.ts", import.meta.url);
  const script = `import { systemFigures } from ${JSON.stringify(module.href)};
    const { cpuMs, memoryUse, diskUse } = systemFigures();
    console.log(cpuMs() > 0, memoryUse(), diskUse());`;
  const path = await Deno.makeTempFile({ suffix: ".ts" });
  try {
    await Deno.writeTextFile(path, script);
    const { stdout } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "--no-prompt", "--no-check", path],
    }).output();
    assertEquals(new TextDecoder().decode(stdout), "true undefined undefined\n");
  } finally {
    await Deno.remove(path);
  }
});
