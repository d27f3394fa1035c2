import { needsKey } from "../../lib/doors/protection.ts";
import { assertEquals } from "../support/assert.ts";

const BY_DEFAULT = ["/metrics", "/version"];

const ROWS: readonly (readonly [path: string, open: readonly string[], needs: boolean])[] = [
  ["/health", [], false],
  ["/healthcheck", [], false],
  ["/ping", [], false],
  ["/ready", [], false],
  ["/version", BY_DEFAULT, false],
  ["/version", [], true],
  ["/metrics", BY_DEFAULT, false],
  ["/metrics", [], true],
  ["/metrics/", BY_DEFAULT, true],
  ["/engines", BY_DEFAULT, true],
  ["/engines", ["/engines"], false],
  ["/v1/models", BY_DEFAULT, true],
  ["/v1/models", ["/v1/models"], false],
  ["/v1/models/m", ["/v1/models"], false],
  ["/v1/modelsx", ["/v1/models"], true],
  ["/v1/models/m", BY_DEFAULT, true],
  ["/v1/completions", BY_DEFAULT, true],
  ["/tokenize", BY_DEFAULT, true],
  ["/unknown", BY_DEFAULT, true],
  ["/health/x", BY_DEFAULT, true],
  ["//health", BY_DEFAULT, true],
  ["", BY_DEFAULT, true],
];

for (const [path, open, needs] of ROWS) {
  Deno.test(`needsKey() is ${needs} of ${path} with [${open}] open`, () => {
    assertEquals(needsKey("GET", path, open), needs);
    assertEquals(needsKey("OPTIONS", path, open), false);
  });
}
