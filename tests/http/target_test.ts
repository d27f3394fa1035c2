import { RouterError, seededRandom } from "../../lib/base/mod.ts";
import { routeOf } from "../../lib/http/routes.ts";
import { parseTarget, type Target } from "../../lib/http/target.ts";
import { assert, assertEquals, assertStringIncludes, assertThrows } from "../support/assert.ts";

function both(target: string, root = ""): readonly [path: string, query: string] {
  const { path, query } = parseTarget(target, root);
  return [path, query];
}

Deno.test("parseTarget() takes a path and a query apart", () => {
  const rows: readonly (readonly [target: string, path: string, query: string])[] = [
    ["/", "/", ""],
    ["/v1/models", "/v1/models", ""],
    ["/v1/models/", "/v1/models", ""],
    ["//v1/models", "/v1/models", ""],
    ["////", "/", ""],
    ["/v1//models", "/v1//models", ""],
    ["/v1/models?", "/v1/models", "?"],
    ["/v1/models?a=b&c=%20d", "/v1/models", "?a=b&c=%20d"],
    ["/health?x=/../metrics", "/health", "?x=/../metrics"],
    ["/health?a?b", "/health", "?a?b"],
    ["/%76%31/models", "/v1/models", ""],
    ["/v1/models/org%2Fname", "/v1/models/org/name", ""],
    ["/v1/models/org/name", "/v1/models/org/name", ""],
    ["/%76%31/models/org%2fname", "/v1/models/org/name", ""],
    ["/v1/models/100%25", "/v1/models/100%", ""],
    ["/v1/models/a%2541", "/v1/models/a%41", ""],
    ["/v1/models/%C3%BC", "/v1/models/\u00fc", ""],
    ["/v1/models/a%3Fb", "/v1/models/a?b", ""],
    ["/v1/models;x=1", "/v1/models;x=1", ""],
    ["/v1/models/a..b", "/v1/models/a..b", ""],
    ["/v1/models/...", "/v1/models/...", ""],
    ["/http://x/metrics", "/http://x/metrics", ""],
  ];
  for (const [target, path, query] of rows) assertEquals(both(target), [path, query], target);
});

const ODD: readonly (readonly [target: string, why: string])[] = [
  ["", "begins with '/'"],
  ["*", "begins with '/'"],
  ["v1/models", "begins with '/'"],
  ["http://x/metrics", "begins with '/'"],
  ["x:80", "begins with '/'"],
  ["?a=b", "begins with '/'"],
  ["/.", "segments"],
  ["/..", "segments"],
  ["/../metrics", "segments"],
  ["/v1/../metrics", "segments"],
  ["/v1/./models", "segments"],
  ["/v1/models/..", "segments"],
  ["/%2e%2e/metrics", "segments"],
  ["/v1/%2E./metrics", "segments"],
  ["/v1/models/%2e%2e%2fmetrics", "segments"],
  ["/v1/models/..%2F..%2Fmetrics", "segments"],
  ["/v1\\models", "backslashes"],
  ["/v1%5cmodels", "backslashes"],
  ["/..%5C..%5Cmetrics", "backslashes"],
  ["/v1/models/a\\..\\b", "backslashes"],
  ["/v1%2fmodels", "encoded '/'"],
  ["/%2Fmetrics", "encoded '/'"],
  ["%2Fmetrics", "begins with '/'"],
  ["/v1%2Fmodels/org", "encoded '/'"],
  ["/v1/completions%2F", "encoded '/'"],
  ["/health#x", "fragment"],
  ["/health?a#x", "fragment"],
  ["/health%00", "control characters"],
  ["/health%0d%0aX:1", "control characters"],
  ["/health%7f", "control characters"],
  ["/health\0", "have to be encoded"],
  ["/health x", "have to be encoded"],
  ["/health?a=\u00fc", "have to be encoded"],
  ["/v1/models/\u00fc", "have to be encoded"],
  ["/health%", "begins no encoded character"],
  ["/health%zz", "begins no encoded character"],
  ["/%c0%af", "begins no encoded character"],
  ["/%ff", "begins no encoded character"],
  [`/${"a".repeat(16 * 1024)}`, "too long"],
  [`/health?${"a".repeat(16 * 1024)}`, "too long"],
];

Deno.test("parseTarget() refuses what not all who read it would understand alike", () => {
  for (const [target, why] of ODD) {
    const error = assertThrows(() => parseTarget(target, ""), RouterError);
    assertEquals(error.code, "bad-request", target);
    assertStringIncludes(error.message, why, target);
  }
});

Deno.test("parseTarget() takes the root path off, where it is one", () => {
  const rows: readonly (readonly [target: string, path: string])[] = [
    ["/llm/v1/models", "/v1/models"],
    ["//llm/v1/models/", "/v1/models"],
    ["/%6clm/health", "/health"],
    ["/llm", "/"],
    ["/llm/", "/"],
    ["/v1/models", "/v1/models"],
    ["/llmx/v1/models", "/llmx/v1/models"],
    ["/llm/llm/health", "/llm/health"],
    ["/LLM/health", "/LLM/health"],
    ["/llm/v1/models/org%2Fname", "/v1/models/org/name"],
  ];
  for (const [target, path] of rows) assertEquals(both(target, "/llm"), [path, ""], target);
  assertEquals(both("/a/b/health?x", "/a/b"), ["/health", "?x"]);
  for (const target of ["/llm%2Fhealth", "/llm/../health", "/llm/%2e%2e/health"]) {
    assertThrows(() => parseTarget(target, "/llm"), RouterError);
  }
});

Deno.test("parseTarget() never finds an endpoint in a target that spells another way to it", () => {
  const random = seededRandom(14);
  const pieces = [
    "/",
    "//",
    ".",
    "..",
    "%2e",
    "%2f",
    "%5c",
    "\\",
    "metrics",
    "v1",
    "models",
    ";",
    "#",
  ];
  let taken = 0;
  for (let round = 0; round < 5_000; round++) {
    const length = 1 + Math.floor(random.next() * 6);
    const target = Array.from({ length }, () => pieces[Math.floor(random.next() * pieces.length)])
      .join("");
    const found = takenApart(target);
    if (found === undefined) continue;
    taken++;
    // Whoever reads it segment by segment comes to the same place.
    assert(!/(^|\/)\.\.?(\/|$)|\\/.test(found.path), target);
    if (found.path === "/metrics") assert(/^\/+metrics\/?$/.test(target), target);
  }
  assert(taken > 200, `${taken}`);
});

function takenApart(target: string): Target | undefined {
  try {
    return parseTarget(target, "");
  } catch (error) {
    if (error instanceof RouterError) return undefined;
    throw error;
  }
}

Deno.test("routeOf() finds an endpoint by the decoded path alone", () => {
  assertEquals(routeOf("GET", parseTarget("/%6detrics", "").path), routeOf("GET", "/metrics"));
  for (const path of ["/metrics;a", "/metricsx", "/v1//models", "/METRICS", "/docs"]) {
    const error = assertThrows(() => routeOf("GET", path), RouterError);
    assertEquals(error.code, "not-found", path);
  }
});
