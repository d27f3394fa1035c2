import { folderOf, importProblem } from "../../scripts/lint_floors.ts";
import { assertEquals } from "../support/assert.ts";

const FOLDERS: readonly (readonly [path: string, folder: string | undefined])[] = [
  ["/home/u/pd-router/lib/base/clock.ts", "base"],
  ["/home/u/pd-router/lib/openai/mod.ts", "openai"],
  ["/usr/lib/x/lib/sse/decode.ts", "sse"],
  ["/home/u/pd-router/lib/app.ts", undefined],
  ["/home/u/pd-router/main.ts", undefined],
  ["/home/u/pd-router/tests/base/clock_test.ts", undefined],
  ["/home/u/pd-router/lib/base/readme.md", undefined],
];

for (const [path, folder] of FOLDERS) {
  Deno.test(`folderOf() of ${path} is ${folder}`, () => assertEquals(folderOf(path), folder));
}

/** The folders of each floor, lowest first. */
const FLOORS: readonly (readonly string[])[] = [
  ["base"],
  ["openai", "sse", "metrics", "config"],
  ["discovery", "upstream", "tokenization", "zmq"],
  ["disagg", "selection"],
  ["flow"],
  ["http"],
  ["cli"],
];

function problem(folder: string, specifier: string): string | undefined {
  return importProblem(`/r/lib/${folder}/x.ts`, specifier);
}

for (const [floor, folders] of FLOORS.entries()) {
  for (const folder of folders) {
    Deno.test(`importProblem() lets ${folder} import lower floors alone`, () => {
      for (const [other, targets] of FLOORS.entries()) {
        for (const target of targets) {
          assertEquals(
            problem(folder, `../${target}/mod.ts`),
            other < floor ? undefined : `"${folder}" may not import "${target}"`,
          );
        }
      }
    });
  }
}

const IMPORTS: readonly (readonly [
  folder: string,
  specifier: string,
  problem: string | undefined,
])[] = [
  // The own folder, and packages.
  ["zmq", "./notice.ts", undefined],
  ["zmq", "zeromq", undefined],
  ["base", "node:zlib", undefined],
  ["flow", "npm:x@1", undefined],
  // Only the front door of another folder.
  ["flow", "../openai/usage.ts", 'import "../openai/mod.ts", not "../openai/usage.ts"'],
  ["base", "../openai/usage.ts", 'import "../openai/mod.ts", not "../openai/usage.ts"'],
  // Out of lib.
  ["cli", "../app.ts", undefined],
  ["http", "../app.ts", '"../app.ts" is not a folder of lib/'],
  ["cli", "../../main.ts", '"../../main.ts" is not a folder of lib/'],
  ["base", "../../deno.json", '"../../deno.json" is not a folder of lib/'],
  // The simulator shares nothing with the router but the ground floor.
  ["sim", "../base/mod.ts", undefined],
  ["sim", "../openai/mod.ts", '"sim" imports "base" only'],
  ["sim", "../sse/mod.ts", '"sim" imports "base" only'],
  ["sim", "./http_server.ts", undefined],
  ["cli", "../sim/mod.ts", undefined],
  ["flow", "../sim/mod.ts", '"flow" may not import "sim"'],
  ["http", "../sim/mod.ts", '"http" may not import "sim"'],
  // Folders without a floor.
  ["attic", "../base/mod.ts", '"attic" or "base" has no floor'],
  ["flow", "../attic/mod.ts", '"flow" or "attic" has no floor'],
];

for (const [folder, specifier, expected] of IMPORTS) {
  const verdict = expected === undefined ? "allows" : "reports";
  Deno.test(`importProblem() ${verdict} "${specifier}" in ${folder}`, () => {
    assertEquals(problem(folder, specifier), expected);
  });
}

Deno.test("importProblem() has no say outside the folders of lib", () => {
  const anything = "../lib/openai/usage.ts";
  for (const file of ["/r/main.ts", "/r/lib/app.ts", "/r/tests/base/clock_test.ts"]) {
    assertEquals(importProblem(file, anything), undefined);
  }
});
