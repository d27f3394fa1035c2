import { closest, problemText, withSuggestion } from "../../lib/config/mod.ts";
import { assertEquals } from "../support/assert.ts";

const NAMES = ["port", "host", "log-level", "log-format", "static-backends", "static-models"];

Deno.test("closest() finds what was mistyped", () => {
  const rows: readonly (readonly [string, string | undefined])[] = [
    ["prot", "port"],
    ["pprt", "port"],
    ["hosts", "host"],
    ["log-lvel", "log-level"],
    ["loglevel", "log-level"],
    ["static-backend", "static-backends"],
    ["static_backends", "static-backends"],
    ["static-b", "static-backends"],
    ["log-", "log-level"],
    ["x", undefined],
    ["", undefined],
    ["pig", undefined],
    ["completely-different", undefined],
  ];
  for (const [word, expected] of rows) assertEquals(closest(word, NAMES), expected, word);
});

Deno.test("closest() prefers the nearer of two", () => {
  assertEquals(closest("modes", ["models", "model", "mode"]), "models");
  assertEquals(closest("mod", ["models", "mode"]), "mode");
});

Deno.test("withSuggestion() adds nothing where nothing is near", () => {
  assertEquals(withSuggestion("unknown", "prot", NAMES, "--"), "unknown; did you mean --port?");
  assertEquals(withSuggestion("unknown", "zzzz", NAMES, "--"), "unknown");
});

Deno.test("problemText() quotes the value, so that it stays on one line", () => {
  assertEquals(
    problemText({ key: "--port", value: "a\nb", message: "expected an integer" }),
    '--port "a\\nb": expected an integer',
  );
  assertEquals(problemText({ key: "--port", message: "required" }), "--port: required");
});
