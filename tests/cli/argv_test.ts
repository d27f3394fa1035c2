import { parseArgv, type ParsedArgv, parseWithOperands } from "../../lib/cli/argv.ts";
import { FLAGS, problemText } from "../../lib/config/mod.ts";
import { assertEquals } from "../support/assert.ts";

function parse(...argv: readonly string[]): ParsedArgv {
  return parseArgv(FLAGS, argv);
}

Deno.test("parseArgv() takes a value as the next argument or after an equals sign", () => {
  const rows:
    readonly (readonly [readonly string[], Readonly<Record<string, readonly string[]>>])[] = [
      [[], {}],
      [["--port", "9000"], { port: ["9000"] }],
      [["--port=9000"], { port: ["9000"] }],
      [["--port", "1", "--port=2"], { port: ["1", "2"] }],
      [["--port", "-1"], { port: ["-1"] }],
      [["--root-path", ""], { "root-path": [""] }],
      [["--root-path="], { "root-path": [""] }],
      [["--session-key=-x"], { "session-key": ["-x"] }],
      [["--decode", "http://d;init=1"], { decode: ["http://d;init=1"] }],
      [["--decode=http://d;init=1,2"], { decode: ["http://d;init=1,2"] }],
      [["--prefill", "a", "--prefill", "b"], { prefill: ["a", "b"] }],
      [["--log-stats"], { "log-stats": ["true"] }],
      [["--log-stats=false"], { "log-stats": ["false"] }],
      [["--early-head", "7"], { "early-head": ["7"] }],
      [["--early-head"], { "early-head": ["5"] }],
      [["--early-head", "--port", "1"], { "early-head": ["5"], "port": ["1"] }],
      [["--early-head=0.5"], { "early-head": ["0.5"] }],
      [["--log-stats", "--port", "1"], { "log-stats": ["true"], "port": ["1"] }],
    ];
  for (const [argv, flags] of rows) {
    const parsed = parse(...argv);
    assertEquals(Object.fromEntries(parsed.flags), flags, argv.join(" "));
    assertEquals(parsed.problems, [], argv.join(" "));
  }
});

Deno.test("parseArgv() finds --help and --version anywhere", () => {
  const seen = (...argv: readonly string[]): readonly boolean[] => {
    const { help, version } = parse(...argv);
    return [help, version];
  };
  assertEquals(seen("--port", "1"), [false, false]);
  assertEquals(seen("--help"), [true, false]);
  assertEquals(seen("-h"), [true, false]);
  assertEquals(seen("--port", "1", "--version"), [false, true]);
  assertEquals(seen("--prot", "1", "--help"), [true, false]);
});

Deno.test("parseArgv() tells missing values and stray arguments", () => {
  const rows: readonly (readonly [readonly string[], readonly string[]])[] = [
    [["--port"], ["--port: expected a value"]],
    [["--port", "--host", "a"], ["--port: expected a value"]],
    [["--session-key", "-x"], ["--session-key: expected a value", "-x: unknown flag"]],
    [["stray"], ["stray: unexpected argument; flags begin with --"]],
    [["--port", "1", "2"], ["2: unexpected argument; flags begin with --"]],
    [["--log-stats", "yes"], ["yes: unexpected argument; flags begin with --"]],
    [["-p", "1"], ["-p: unknown flag"]],
    [["--", "--port"], ["--port: unexpected argument; flags begin with --"]],
  ];
  for (const [argv, expected] of rows) {
    assertEquals(parse(...argv).problems.map(problemText), expected, argv.join(" "));
  }
});

Deno.test("parseArgv() keeps unknown flags, and goes on after them", () => {
  const parsed = parse(
    "--prot",
    "9000",
    "--host",
    "a",
    "--foo=1",
    "--bar",
    "--port",
    "1",
    "x",
    "y",
  );
  assertEquals([...parsed.flags.keys()].sort(), ["bar", "foo", "host", "port", "prot"]);
  assertEquals(parsed.flags.get("port"), ["1"]);
  assertEquals(parsed.problems.map(({ key }) => key), ["y"]);
});

Deno.test("parseWithOperands() tells operands from values of flags, in any order", () => {
  const known = [{ name: "admin", placeholder: "URL" }, { name: "json", placeholder: "" }];
  const rows: readonly (readonly [argv: string, operands: readonly string[], flags: object])[] = [
    ["drain a", ["drain", "a"], {}],
    ["--admin http://x drain --json a", ["drain", "a"], { admin: ["http://x"], json: ["true"] }],
    ["drain --admin=http://x a -", ["drain", "a", "-"], { admin: ["http://x"] }],
    ["a --nope b", ["a", "b"], { nope: [""] }],
  ];
  for (const [argv, operands, flags] of rows) {
    const { operands: found, parsed } = parseWithOperands(known, argv.split(" "));
    assertEquals([found, Object.fromEntries(parsed.flags)], [operands, flags], argv);
  }
  const { parsed } = parseWithOperands(known, ["a", "--admin"]);
  assertEquals(parsed.problems.map(({ key }) => key), ["--admin"]);
});
