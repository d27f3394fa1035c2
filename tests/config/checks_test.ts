import { resolveConfig } from "../../lib/config/mod.ts";
import { assertEquals } from "../support/assert.ts";
import { configOf, PAIR } from "./support.ts";

const STATIC = {
  "routing-logic": "roundrobin",
  "service-discovery": "static",
  "static-backends": "http://a:1/,http://b:2,http://a:1",
  "static-models": "m,n,o",
};

Deno.test("checkOptions() has none unless engines are to be tried", () => {
  assertEquals(
    configOf({ flags: { ...STATIC, "static-model-types": "chat,score,chat" } }).checks,
    undefined,
  );
});

Deno.test("checkOptions() knows types by engine and model, and the times", () => {
  const flags = {
    ...STATIC,
    "static-model-types": "chat,score,embeddings",
    "static-backend-health-checks": "true",
  };
  const types = new Map([
    ["http://a:1", new Map([["m", "chat"], ["o", "embeddings"]])],
    ["http://b:2", new Map([["n", "score"]])],
  ]);
  assertEquals(
    configOf({ flags }).checks,
    { everyMs: 60_000, timeoutMs: 10_000, types } as unknown,
  );
  const more = {
    "static-backend-health-check-interval": "5",
    "static-backend-health-check-timeout-seconds": "2",
  };
  assertEquals(configOf({ flags: { ...flags, ...more } }).checks, {
    everyMs: 5_000,
    timeoutMs: 2_000,
    types,
  } as unknown);
});

Deno.test("checkProblems() wants types of static engines, as nothing else says what to ask", () => {
  const flags = { ...STATIC, "static-backend-health-checks": "true" };
  const entries = Object.entries(flags).map(([name, value]) => [name, [value]] as const);
  const result = resolveConfig({ flags: new Map(entries), env: () => undefined });
  assertEquals(result.ok ? [] : result.problems, [{
    key: "--static-model-types",
    message: "required with --static-backend-health-checks: the type of each engine's model",
  }]);
  const pair = configOf({ flags: { ...PAIR, "static-backend-health-checks": "true" } });
  assertEquals(pair.checks?.types, new Map());
});
