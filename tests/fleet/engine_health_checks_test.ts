import { createLogger, seededRandom } from "../../lib/base/mod.ts";
import { EngineHealth } from "../../lib/fleet/mod.ts";
import { assertEquals } from "../support/assert.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { outcome } from "./health_conformance.ts";
import { engine } from "./support.ts";

const RULES = { failures: 3, pauseMs: 1_000, maxPauseMs: 60_000 };
const A = engine("a");
const B = engine("b");
const SHUT = { kind: "shut", why: "check-failed" } as const;
const FAILED = { leg: "check", end: "failed", code: "check-failed" } as const;

function healthOf(): { readonly clock: FakeClock; readonly health: EngineHealth } {
  const clock = new FakeClock();
  const health = new EngineHealth({
    clock,
    random: seededRandom(1),
    log: createLogger(clock, () => {}, { level: "error", format: "json" }),
    rules: { engine: RULES, pair: RULES, maxShutShare: 0.5 },
  });
  for (const each of [A, B, engine("c")]) health.know(each);
  return { clock, health };
}

Deno.test("EngineHealth shuts an engine that fails a check until one goes well, whatever its models say", async () => {
  const { clock, health } = healthOf();
  using _held = health;
  health.report(outcome(A, FAILED));
  assertEquals([health.engine("a"), health.engine("b")], [SHUT, { kind: "good" }]);
  await clock.advance(600_000);
  health.report(outcome(A, { leg: "models" }));
  health.report(outcome(A, { leg: "check", end: "left" }));
  health.report(outcome(A, { leg: "reclaim" }));
  assertEquals(health.engine("a"), SHUT);
  health.report(outcome(A, { leg: "check" }));
  assertEquals(health.engine("a"), { kind: "good" });
});

Deno.test("EngineHealth opens an engine that failed a check by a request begun since", async () => {
  const { clock, health } = healthOf();
  using _held = health;
  await clock.advance(10_000);
  health.report(outcome(A, FAILED));
  await clock.advance(1_000);
  health.report(outcome(A, { leg: "direct", ms: 5_000 }));
  assertEquals(health.engine("a"), SHUT);
  health.report(outcome(A, { leg: "direct", ms: 500 }));
  assertEquals(health.engine("a"), { kind: "good" });
});

Deno.test("EngineHealth has all of a role serve where too many fail their checks", () => {
  const { health } = healthOf();
  using _held = health;
  health.report(outcome(A, FAILED));
  health.report(outcome(B, FAILED));
  assertEquals([health.engine("a").kind, health.engine("b").kind], ["probation", "probation"]);
  health.report(outcome(A, { leg: "check" }));
  assertEquals([health.engine("a").kind, health.engine("b")], ["good", SHUT]);
});
