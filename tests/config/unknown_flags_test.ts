import { problemText } from "../../lib/config/mod.ts";
import { unknownFlags } from "../../lib/config/unknown_flags.ts";
import { assertEquals } from "../support/assert.ts";

const KNOWN = [
  "port",
  "host",
  "static-backends",
  "static-models",
  "static-model-types",
  "static-x",
];

Deno.test("unknownFlags() names what a beginning may stand for, and takes it for nothing", () => {
  const rows: readonly (readonly [string, readonly string[]])[] = [
    ["port", []],
    ["prot", ["--prot: unknown flag; did you mean --port?"]],
    ["zzz", ["--zzz: unknown flag"]],
    ["por", ["--por: unknown flag; did you mean --port?"]],
    ["static-back", [
      "--static-back: unknown flag; names are not abbreviated: write --static-backends",
    ]],
    ["static-model", [
      "--static-model: unknown flag; names are not abbreviated: write --static-models or " +
      "--static-model-types",
    ]],
    ["static-", [
      "--static-: unknown flag; names are not abbreviated: write --static-backends or " +
      "--static-models or --static-model-types or --static-x",
    ]],
  ];
  for (const [name, lines] of rows) {
    assertEquals(unknownFlags([name], KNOWN).map(problemText), lines, name);
  }
});

Deno.test("unknownFlags() names a few of many", () => {
  const [problem] = unknownFlags(["static"], [...KNOWN, "static-y"]);
  assertEquals(
    problem?.message,
    "unknown flag; names are not abbreviated: write --static-backends or --static-models or " +
      "--static-model-types or --static-x ...",
  );
});
