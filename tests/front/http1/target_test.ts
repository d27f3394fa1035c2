import { isAuthority, pathOf } from "../../../lib/front/http1/target.ts";
import { Refusal } from "../../../lib/front/http1/refusal.ts";
import { assertEquals, assertThrows } from "../../support/assert.ts";

const AUTHORITIES: readonly (readonly [text: string, is: boolean])[] = [
  ["a", true],
  ["router.example", true],
  ["router.example:8000", true],
  ["10.0.0.1:80", true],
  ["[::1]", true],
  ["[2001:db8::1]:443", true],
  ["[::ffff:10.0.0.1]", true],
  ["a_b-c~d", true],
  ["a%20b", true],
  ["a:", true],
  ["a:65535", true],
  ["A", true],
  ["", false],
  [":80", false],
  ["a:65536", false],
  ["a:99999999999999999999", false],
  ["a:-1", false],
  ["a:+1", false],
  ["a:1:2", false],
  ["a:80a", false],
  ["::1", false],
  ["[]", false],
  ["[10.0.0.1]", false],
  ["[::1", false],
  ["[::1]x", false],
  ["[::g]", false],
  ["a/b", false],
  ["x/metrics?", false],
  ["a?b", false],
  ["a#b", false],
  ["u@a", false],
  ["a b", false],
  ["a\tb", false],
  ["a\\b", false],
  ["a%2", false],
  ["a%zz", false],
  ["caf\xe9", false],
  ["a\n", false],
  ["a<b>", false],
  ["x".repeat(300), true],
  ["x".repeat(301), false],
];

for (const [text, is] of AUTHORITIES) {
  Deno.test(`isAuthority() of ${JSON.stringify(text.slice(0, 30))}, ${text.length} long`, () => {
    assertEquals(isAuthority(text), is);
  });
}

Deno.test("pathOf() hands paths on as they are", () => {
  for (const target of ["/", "//", "/a/../b?c=%2F#".slice(0, -1), "/*", "/http://a/b", "/?"]) {
    assertEquals(pathOf("GET", target), target);
  }
});

Deno.test("pathOf() takes path and query out of an absolute form", () => {
  const cases: [target: string, path: string][] = [
    ["http://a/b?c", "/b?c"],
    ["https://a:1/b", "/b"],
    ["HTTP://a", "/"],
    ["http://a?b", "/?b"],
    ["http://a/?b", "/?b"],
    ["http://[::1]:80//c", "//c"],
  ];
  for (const [target, path] of cases) assertEquals(pathOf("POST", target), path, target);
});

Deno.test("pathOf() takes * for OPTIONS alone", () => {
  assertEquals(pathOf("OPTIONS", "*"), "*");
  assertEquals(assertThrows(() => pathOf("GET", "*"), Refusal).status, 400);
  assertEquals(assertThrows(() => pathOf("options", "*"), Refusal).status, 400);
  assertEquals(assertThrows(() => pathOf("OPTIONS", "**"), Refusal).status, 400);
});

for (
  const target of [
    "a",
    "a/b",
    "?a",
    "http:/a/b",
    "http:///b",
    "http://",
    "http://u@a/b",
    "http://u:p@a/b",
    "http://a:b/c",
    "http://a\\b/c",
    "ftp://a/b",
    "ws://a/b",
    "urn:a",
    "a:80",
  ]
) {
  Deno.test(`pathOf() refuses ${target}`, () => {
    assertEquals(assertThrows(() => pathOf("GET", target), Refusal).status, 400);
  });
}

Deno.test("pathOf() is no tunnel", () => {
  assertEquals(assertThrows(() => pathOf("CONNECT", "a:80"), Refusal).status, 501);
  assertEquals(assertThrows(() => pathOf("CONNECT", "/"), Refusal).status, 501);
});
