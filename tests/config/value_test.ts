import type { Flag, FlagType } from "../../lib/config/mod.ts";
import { maskUrls, parsePorts, parseValue, shownValue } from "../../lib/config/value.ts";
import { assertEquals, assertStringIncludes } from "../support/assert.ts";

function flag(type: FlagType, more: Partial<Flag> = {}): Flag {
  return { name: "x", type, help: "X", ...more };
}

Deno.test("parseValue() takes what each type allows", () => {
  const rows: readonly (readonly [Flag, string | readonly string[], unknown])[] = [
    [flag("int"), "8001", 8001],
    [flag("int"), " +5 ", 5],
    [flag("int"), "-5", -5],
    [flag("int", { range: [0, 10] }), "0", 0],
    [flag("int", { range: [0, 10] }), "10", 10],
    [flag("float"), "0.25", 0.25],
    [flag("count"), "auto", "auto"],
    [flag("count", { range: [1, 64] }), "64", 64],
    [flag("seconds"), "1e-2", 0.01],
    [flag("seconds"), ".5", 0.5],
    [flag("seconds"), "5.", 5],
    [flag("seconds", { bare: 5 }), "on", 5],
    [flag("seconds", { bare: 5 }), "True", 5],
    [flag("seconds", { bare: 5 }), "1", 1],
    [flag("seconds", { bare: 5 }), "off", undefined],
    [flag("flag"), "true", true],
    [flag("flag"), "YES", true],
    [flag("flag"), "0", false],
    [flag("flag"), "off", false],
    [flag("string"), " text ", "text"],
    [flag("string", { choices: ["a", "b"] }), "b", "b"],
    [flag("file"), "/etc/x.pem", "/etc/x.pem"],
    [flag("host"), "0.0.0.0", "0.0.0.0"],
    [flag("host"), "::", "::"],
    [flag("host"), "[::1]", "[::1]"],
    [flag("host"), "fe80::1", "fe80::1"],
    [flag("host"), "*", "*"],
    [flag("route"), "/", ""],
    [flag("route"), "/llm/", "/llm"],
    [flag("list"), "a, b ,c", ["a", "b", "c"]],
    [flag("list"), ["a,b", "c"], ["a,b", "c"]],
    [flag("list", { choices: ["a", "b"] }), "a,b,a", ["a", "b", "a"]],
    [flag("ports"), "7300", [7300]],
    [flag("ports"), "7300, 7301", [7300, 7301]],
    [flag("ports"), ["1", "65535"], [1, 65_535]],
    [flag("networks"), "10.0.0.0/8, ::1", ["10.0.0.0/8", "::1"]],
    [flag("networks"), ["192.0.2.1"], ["192.0.2.1"]],
    [flag("aliases"), "a:m, b:org/m:tag", new Map([["a", "m"], ["b", "org/m:tag"]])],
    [flag("specs"), ["http://a;x=1 2", "b"], ["http://a;x=1 2", "b"]],
    [flag("specs"), "http://a\n  http://b\thttp://c ", ["http://a", "http://b", "http://c"]],
  ];
  for (const [row, raw, value] of rows) {
    assertEquals<unknown>(parseValue(row, raw), { ok: true, value }, `${row.type} ${raw}`);
  }
});

Deno.test("parseValue() says what it expected", () => {
  const rows: readonly (readonly [Flag, string | readonly string[], string])[] = [
    [flag("int"), "abc", "expected an integer"],
    [flag("int"), "1.5", "expected an integer"],
    [flag("int"), "0x10", "expected an integer"],
    [flag("int"), "1e3", "expected an integer"],
    [flag("int"), "1_000", "expected an integer"],
    [flag("int"), ["1", "2"], "expected one value, not a list"],
    [flag("int", { range: [1, 9] }), "0", "expected an integer from 1 to 9"],
    [flag("int", { range: [1, 9] }), "10", "expected an integer from 1 to 9"],
    [flag("float"), "half", "expected a number"],
    [
      flag("networks"),
      "10.0.0.0/8,localhost",
      'expected addresses or networks such as 10.0.0.0/8, received "localhost"',
    ],
    [
      flag("networks"),
      "10.0.0.0/33",
      'expected addresses or networks such as 10.0.0.0/8, received "10.0.0.0/33"',
    ],
    [flag("float"), "nan", "expected a number"],
    [flag("count", { range: [1, 64] }), "0", "expected an integer from 1 to 64, or auto"],
    [flag("count"), "all", "expected an integer, or auto"],
    [flag("seconds"), "Infinity", "expected a number of seconds"],
    [flag("seconds"), "1e999", "expected a number of seconds"],
    [flag("seconds", { range: [0.001, 5] }), "0", "expected a number of seconds from 0.001 to 5"],
    [flag("flag"), "maybe", "expected true or false"],
    [flag("string", { choices: ["info", "debug"] }), "inf", "info or debug; did you mean info?"],
    [flag("host"), "http://a", "not a URL"],
    [flag("host"), "a b", "not a URL"],
    [flag("host"), "a:8000", "without a port"],
    [flag("host", { default: "0.0.0.0" }), "", "must not be empty"],
    [flag("route"), "llm", "expected a path"],
    [flag("route"), "/a?b", "expected a path"],
    [flag("list"), "a,,b", "has an empty item"],
    [flag("list"), "a,", "has an empty item"],
    [flag("list", { choices: ["a", "b"] }), "a,c", 'a list of a or b, received "c"'],
    [flag("aliases"), "a", 'expected alias:model, received "a"'],
    [flag("aliases"), ":m", "expected alias:model"],
    [flag("aliases"), "a:", "expected alias:model"],
    [flag("aliases"), "a:m,a:n", 'names the alias "a" twice'],
  ];
  for (const [row, raw, message] of rows) {
    const parsed = parseValue(row, raw);
    assertStringIncludes(parsed.ok ? "no problem" : parsed.message, message, `${row.type} ${raw}`);
  }
});

Deno.test("parseValue() takes an empty text for none where none is the default", () => {
  for (const type of ["string", "file", "host", "int", "list", "aliases", "specs"] as const) {
    assertEquals<unknown>(parseValue(flag(type), ""), { ok: true, value: undefined }, type);
  }
  assertEquals<unknown>(parseValue(flag("specs"), []), { ok: true, value: undefined });
  assertEquals<unknown>(parseValue(flag("route", { default: "" }), ""), { ok: true, value: "" });
});

Deno.test("parsePorts() refuses what is not a port", () => {
  for (const wrong of ["0", "65536", "-1", "1.5", "", "http", "1e3", "99999999999999999999"]) {
    const parsed = parsePorts(["7300", wrong]);
    assertEquals(parsed.ok, false, wrong);
  }
  assertEquals(parsePorts([]).ok, false);
  assertEquals(parsePorts(Array.from({ length: 1024 }, () => "1")).ok, true);
  assertEquals(parsePorts(Array.from({ length: 1025 }, () => "1")).ok, false);
});

Deno.test("maskUrls() hides credentials and queries, and nothing else", () => {
  const rows: readonly (readonly [string, string])[] = [
    ["http://a:8000,http://b", "http://a:8000,http://b"],
    ["http://user:pass@a:8000", "http://***@a:8000"],
    ["http://token@a", "http://***@a"],
    ["http://user:p/w@x@a,http://b", "http://***@a,http://b"],
    ["user:pass@a:8000", "***@a:8000"],
    ["http://a/x?key=hush;init=1", "http://a/x?***;init=1"],
    ["http://u:p@a?k=v http://c:d@b", "http://***@a?*** http://***@b"],
    ["org/model@rev", "org/model@rev"],
  ];
  for (const [text, masked] of rows) assertEquals(maskUrls(text), masked);
});

Deno.test("maskUrls() cuts a long text", () => {
  assertEquals(maskUrls("a".repeat(1000)), `${"a".repeat(200)}...`);
});

Deno.test("shownValue() masks a secret whole", () => {
  assertEquals(shownValue(flag("string", { secret: true }), "hush"), "***");
  assertEquals(shownValue(flag("string", { secret: true }), undefined), "");
  assertEquals(shownValue(flag("aliases"), new Map([["a", "m"], ["b", "n"]])), "a:m,b:n");
  assertEquals(shownValue(flag("ports"), [1, 2]), "1,2");
  assertEquals(shownValue(flag("specs"), ["a", "b"]), "a b");
});

Deno.test("maskUrls() hides what stands between the first colon and the last @ of a word", () => {
  const rows = [
    ["a/b:c@d@e", "a/***@e"],
    ["http://u:p@h:1/x@y?q=1", "http://***@y?***"],
    ["x@y:z", "x@y:z"],
    ["a://b?c://d?e f?g", "a://b?*** f?g"],
    [`${"[".repeat(60_000)}`, `${"[".repeat(200)}...`],
  ] as const;
  for (const [text, masked] of rows) assertEquals(maskUrls(text), masked);
});
