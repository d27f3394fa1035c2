import floors, { folderOf, importProblem } from "../../scripts/lint_floors.ts";
import { assertEquals } from "../support/assert.ts";

const FOLDERS: readonly (readonly [path: string, folder: string | undefined])[] = [
  ["/srv/pd-router/lib/base/clock.ts", "base"],
  ["/srv/pd-router/lib/openai/mod.ts", "openai"],
  ["/usr/lib/x/lib/sse/decode.ts", "sse"],
  ["/srv/pd-router/lib/app.ts", undefined],
  ["/srv/pd-router/main.ts", undefined],
  ["/srv/pd-router/tests/base/clock_test.ts", undefined],
  ["/srv/pd-router/lib/base/readme.md", undefined],
];

for (const [path, folder] of FOLDERS) {
  Deno.test(`folderOf() of ${path} is ${folder}`, () => assertEquals(folderOf(path), folder));
}

/** The folders of each floor, lowest first. */
const FLOORS: readonly (readonly string[])[] = [
  ["base"],
  ["openai", "sse", "http1", "metrics", "config"],
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

/** What the plugin reports of `source` as the file `path`. */
function reported(path: string, source: string): readonly string[] {
  return Deno.lint.runPlugin(floors, path, source).map(({ id, message }) => `${id}: ${message}`);
}

const WRONG = 'floors/imports: "base" may not import "openai"';

for (
  const statement of [
    'import { a } from "../openai/mod.ts";',
    'import type { A } from "../openai/mod.ts";',
    'import "../openai/mod.ts";',
    'export * from "../openai/mod.ts";',
    'export { a } from "../openai/mod.ts";',
  ]
) {
  Deno.test(`The lint plugin checks ${statement}`, () => {
    assertEquals(reported("/r/lib/base/x.ts", statement), [WRONG]);
    assertEquals(reported("/r/lib/flow/x.ts", statement), []);
  });
}

const AMBIENT = "floors/ambient: ambient time, chance, environment or console: take it as an " +
  "argument";

for (
  const expression of [
    "Date.now()",
    "Math.random()",
    "performance.now()",
    "crypto.randomUUID()",
    "crypto.getRandomValues(bytes)",
    'Deno.env.get("HOME")',
    "Deno.args",
    "Deno.exit(1)",
    'Deno.addSignalListener("SIGINT", stop)',
    "Deno.stdout",
    "Deno.stderr",
    "setTimeout(run, 5)",
    "setInterval(run, 5)",
  ]
) {
  Deno.test(`The lint plugin reports ${expression} outside the folders that own it`, () => {
    const source = `export const x = ${expression};`;
    for (const folder of ["openai", "flow", "sim"]) {
      assertEquals(reported(`/r/lib/${folder}/x.ts`, source), [AMBIENT]);
    }
    assertEquals(reported("/r/lib/app.ts", source), [AMBIENT]);
    for (const path of ["/r/lib/base/x.ts", "/r/lib/cli/x.ts", "/r/main.ts", "/r/tests/x.ts"]) {
      assertEquals(reported(path, source), []);
    }
  });
}

Deno.test("The lint plugin has nothing against what only looks ambient", () => {
  const source = `
    import { a } from "./a.ts";
    export const local = 1;
    export { local as renamed };
    export const x = [clock.now(), random.next(), Date.UTC(2024), Math.max(1, 2), env("A")];
    export const y = [deps.Date.now(), clock["now"](), clock.setTimeout(a, 5), Deno.listen];
  `;
  assertEquals(reported("/r/lib/flow/x.ts", source), []);
});
