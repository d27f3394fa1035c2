import { OPERATIONS } from "../../lib/admin/operations.ts";
import { routed } from "../../lib/admin/paths.ts";
import { errorCodeOf } from "../../lib/base/mod.ts";
import { assertEquals, assertThrows } from "../support/assert.ts";
import { RouterError } from "../../lib/base/mod.ts";

const ROWS: readonly (readonly [string, string, operation: string, id: string, query: string])[] = [
  ["GET", "/admin/engines", "listEngines", "", ""],
  ["HEAD", "/admin/engines/", "listEngines", "", ""],
  ["GET", "/admin/engines/10.0.0.1:8000", "getEngine", "10.0.0.1:8000", ""],
  ["GET", "/admin/engines/10.0.0.1%3A8000/", "getEngine", "10.0.0.1:8000", ""],
  ["DELETE", "/admin/engines/[::1]:8000?drain=1", "removeEngine", "[::1]:8000", "drain=1"],
  ["PATCH", "/admin/engines/%5B%3A%3A1%5D%3A8000", "changeEngine", "[::1]:8000", ""],
  ["POST", "/admin/engines/h:1%2Fa%2Fb/drain", "drainEngine", "h:1/a/b", ""],
  // Decoded once: what is encoded twice stays encoded once.
  ["GET", "/admin/engines/h:1%252Fa", "getEngine", "h:1%2Fa", ""],
  ["GET", "/admin/engines/drain?a=b?c", "getEngine", "drain", "a=b?c"],
  ["GET", "/admin/engines/..%2F..%2Fx", "getEngine", "../../x", ""],
];

for (const [method, target, operation, id, query] of ROWS) {
  Deno.test(`routed() takes ${method} ${target} for ${operation}`, () => {
    const found = routed(OPERATIONS, method, target);
    assertEquals([found.operation.id, found.id, found.query], [operation, id, query]);
  });
}

const REFUSED: readonly (readonly [method: string, target: string, code: string])[] = [
  ["GET", "/admin/engines/h:1/a", "not-found"],
  ["GET", "/admin//engines", "not-found"],
  ["POST", "/admin/engines//drain", "not-found"],
  ["GET", "/v1/models", "not-found"],
  ["GET", "*", "not-found"],
  ["GET", "/admin/engines/%E0%A4%A", "bad-request"],
  ["GET", `/admin/engines/${"x".repeat(9_000)}`, "bad-request"],
  ["PUT", "/admin/engines", "method-not-allowed"],
  ["get", "/admin/engines", "method-not-allowed"],
];

for (const [method, target, code] of REFUSED) {
  Deno.test(`routed() refuses ${method} ${target.slice(0, 40)} as ${code}`, () => {
    const error = assertThrows(() => routed(OPERATIONS, method, target), RouterError);
    assertEquals<string | undefined>(errorCodeOf(error), code);
  });
}
