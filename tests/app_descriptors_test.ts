import { createLogger, type LogLevel } from "../lib/base/mod.ts";
import { DescriptorKeeper, frontTeller } from "../lib/app_descriptors.ts";
import { Metrics } from "../lib/metrics/mod.ts";
import { assert, assertEquals, assertStringIncludes } from "./support/assert.ts";
import { FakeClock } from "./support/fake_clock.ts";
import { FakeDescriptors } from "./support/scarce.ts";

/** A keeper of two descriptors, what it says and what it counts. */
function keep(): {
  readonly clock: FakeClock;
  readonly there: FakeDescriptors;
  readonly keeper: DescriptorKeeper;
  readonly lines: string[];
  readonly metrics: Metrics;
} {
  const clock = new FakeClock();
  const there = new FakeDescriptors(2);
  const lines: string[] = [];
  const metrics = new Metrics();
  const log = logTo(lines);
  const keeper = new DescriptorKeeper({ clock, log, metrics, reserve: 2, take: there.take });
  return { clock, there, keeper, lines, metrics };
}

function logTo(lines: string[]): ReturnType<typeof createLogger> {
  const sink = (line: string, level: LogLevel): void => void lines.push(`${level} ${line}`);
  return createLogger(new FakeClock(), sink, { level: "info", format: "text" });
}

/** A front that can close so many clients. */
function frontWith(idle: number): { makeRoom(): Promise<boolean>; asked: number } {
  const front = {
    asked: 0,
    makeRoom: () => (front.asked++, Promise.resolve(idle-- > 0)),
  };
  return front;
}

Deno.test("DescriptorKeeper gives engines what is held back, and then clients' that wait", async () => {
  const { there, keeper } = keep();
  using _keeper = keeper;
  const front = frontWith(1);
  keeper.attach(front);
  const source = keeper.source("engine");
  assertEquals(source.scarce(), true);
  const results: boolean[] = [];
  for (let index = 0; index < 4; index++) results.push(await source.makeRoom());
  assertEquals([results, front.asked, there.taken], [[true, true, true, false], 2, 0]);
  assertEquals(source.scarce(), false);
});

Deno.test("DescriptorKeeper holds nothing back for notifications", async () => {
  const { there, keeper } = keep();
  using _keeper = keeper;
  const source = keeper.source("notification");
  assertEquals(await source.makeRoom(), false);
  keeper.attach(frontWith(1));
  assertEquals([await source.makeRoom(), there.taken], [true, 2]);
});

Deno.test("DescriptorKeeper counts each shortage, and tells of them once until there are none", async () => {
  const { clock, keeper, lines, metrics } = keep();
  using _keeper = keeper;
  const source = keeper.source("engine");
  for (let second = 0; second < 5; second++) {
    await source.makeRoom();
    await clock.advance(9_000);
  }
  assertEquals(lines.length, 1);
  assertStringIncludes(lines[0] ?? "", "warning");
  await clock.advance(10_000);
  await keeper.source("notification").makeRoom();
  assertEquals(lines.length, 2);
  const text = await metrics.text();
  assertStringIncludes(text, 'pd_router_descriptor_shortages_total{use="engine"} 5');
  assertStringIncludes(text, 'pd_router_descriptor_shortages_total{use="notification"} 1');
});

Deno.test("DescriptorKeeper gives all back when it is disposed", async () => {
  const { clock, there, keeper } = keep();
  await keeper.source("engine").makeRoom();
  keeper[Symbol.dispose]();
  assertEquals([there.taken, clock.pending], [0, 0]);
});

Deno.test("frontTeller() counts refusals by reason, and tells when accepting fails and goes on", async () => {
  const lines: string[] = [];
  const metrics = new Metrics();
  const tell = frontTeller({ log: logTo(lines), metrics });
  for (const why of ["connections", "connections", "address", "malformed"] as const) {
    tell({ kind: "refused", why });
  }
  for (const why of ["head", "body", "write", "idle"] as const) tell({ kind: "timed-out", why });
  assertEquals(lines, []);
  tell({ kind: "not-accepting", error: new Error("Too many open files") });
  tell({ kind: "accepting" });
  assertEquals(lines.map((line) => line.split(" ")[0]), ["error", "info"]);
  assertStringIncludes(lines[0] ?? "", "Too many open files");
  const text = await metrics.text();
  const counted = text.split("\n").filter((line) =>
    line.startsWith("pd_router_client_refusals_total{")
  );
  assertEquals(counted.length, 7);
  assert(counted.includes('pd_router_client_refusals_total{reason="connections"} 2'));
});

Deno.test("DescriptorKeeper.spare() gives listeners what is held back, and tells of it", async () => {
  const { there, keeper, lines, metrics } = keep();
  using _keeper = keeper;
  assertEquals([keeper.spare(), keeper.spare(), keeper.spare()], [true, true, false]);
  assertEquals([there.taken, lines.length], [0, 1]);
  assertStringIncludes(lines[0] ?? "", "use=listener");
  const line = 'pd_router_descriptor_shortages_total{use="listener"} 3';
  assertStringIncludes(await metrics.text(), line);
});
