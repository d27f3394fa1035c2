import { importProblem, roomOf } from "../../scripts/floors.ts";
import { assertEquals } from "../support/assert.ts";

const ROOMS: readonly (readonly [path: string, room: string | undefined])[] = [
  ["/srv/pd-router/lib/base/clock.ts", "base"],
  ["/srv/pd-router/lib/openai/mod.ts", "openai"],
  ["/srv/pd-router/lib/front/http1/parse.ts", "front/http1"],
  ["/srv/pd-router/lib/a/b/c/d/e.ts", "a/b/c/d"],
  ["/usr/lib/x/lib/sse/decode.ts", "sse"],
  ["/srv/pd-router/lib/app.ts", ""],
  ["/srv/pd-router/main.ts", undefined],
  ["/srv/pd-router/tests/base/clock_test.ts", undefined],
  ["/srv/pd-router/lib/base/readme.md", undefined],
];

for (const [path, room] of ROOMS) {
  Deno.test(`roomOf() of ${path} is ${room}`, () => assertEquals(roomOf(path), room));
}

/** The folders of each floor, lowest first. */
const FLOORS: readonly (readonly string[])[] = [
  ["base"],
  ["sse", "http1", "tls"],
  ["openai", "metrics", "config"],
  ["upstream", "tokenization", "zmq"],
  ["disagg", "selection"],
  ["fleet"],
  ["kv"],
  ["request"],
  ["handoff", "fan_out", "front", "doors"],
  ["flow"],
  ["http"],
  ["cli"],
];

function problem(folder: string, specifier: string): string | undefined {
  return importProblem(`/r/lib/${folder}/x.ts`, specifier);
}

for (const [floor, folders] of FLOORS.entries()) {
  for (const folder of folders) {
    Deno.test(`importProblem() lets ${folder} import lower floors alone, nested or not`, () => {
      for (const [other, targets] of FLOORS.entries()) {
        for (const target of targets.filter((each) => each !== folder)) {
          const allowed = other < floor;
          assertEquals(
            problem(folder, `../${target}/mod.ts`),
            allowed ? undefined : `"${folder}" may not import "${target}"`,
          );
          assertEquals(
            problem(`${folder}/deep/er`, `../../../${target}/mod.ts`),
            allowed ? undefined : `"${folder}/deep/er" may not import "${target}"`,
          );
          assertEquals(
            problem(folder, `../${target}/deep/mod.ts`),
            allowed ? undefined : `"${folder}" may not import "${target}/deep"`,
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
  ["front/http1", "./parse.ts", undefined],
  ["front/http1", "../http1/parse.ts", undefined],
  // Only the front door of another folder.
  ["flow", "../openai/usage.ts", 'import "../openai/mod.ts", not "../openai/usage.ts"'],
  ["base", "../openai/usage.ts", 'import "../openai/mod.ts", not "../openai/usage.ts"'],
  ["flow", "./../openai/usage.ts", 'import "../openai/mod.ts", not "./../openai/usage.ts"'],
  ["front/http1", "../../base/mod.ts", undefined],
  ["front/http1", "../../base/clock.ts", 'import "../../base/mod.ts", not "../../base/clock.ts"'],
  ["cli", "../front/http1/x.ts", 'import "../front/http1/mod.ts", not "../front/http1/x.ts"'],
  // A nested folder is a room of its own, below those around it.
  ["front", "./http1/mod.ts", undefined],
  ["front", "./http1/parse.ts", 'import "./http1/mod.ts", not "./http1/parse.ts"'],
  ["front", "./http1/deep/mod.ts", undefined],
  // Unless it has a floor of its own.
  ["front", "./contract/mod.ts", undefined],
  ["front/http1", "../contract/mod.ts", undefined],
  ["front/contract", "../../request/mod.ts", undefined],
  ["front/contract", "../http1/mod.ts", '"front/contract" may not import "front/http1"'],
  ["front/contract", "../mod.ts", '"front/contract" may not import "front"'],
  ["front/http1", "../mod.ts", '"front/http1" may not import "front"'],
  ["front/http1", "../handler.ts", '"front/http1" may not import "front"'],
  ["front/http1", "../http2/mod.ts", '"front/http1" may not import "front/http2"'],
  ["front/http1/deep", "../../mod.ts", '"front/http1/deep" may not import "front"'],
  ["front/http1", "../../http/mod.ts", '"front/http1" may not import "http"'],
  // Out of lib.
  ["cli", "../app.ts", undefined],
  ["cli/deep", "../../app.ts", undefined],
  ["http", "../app.ts", '"../app.ts" is not a folder of lib/'],
  ["front/http1", "../../app.ts", '"../../app.ts" is not a folder of lib/'],
  ["cli", "../../main.ts", '"../../main.ts" is not a folder of lib/'],
  ["base", "../../deno.json", '"../../deno.json" is not a folder of lib/'],
  ["base", "/r/lib/base/clock.ts", '"/r/lib/base/clock.ts" is not a folder of lib/'],
  ["base", "file:///r/lib/base/x.ts", '"file:///r/lib/base/x.ts" is not a folder of lib/'],
  // The simulator shares nothing with the router but the ground floor.
  ["sim", "../base/mod.ts", undefined],
  ["sim", "../openai/mod.ts", '"sim" imports "base" only'],
  ["sim", "../sse/mod.ts", '"sim" imports "base" only'],
  ["sim", "./http_server.ts", undefined],
  ["sim", "./kv/mod.ts", undefined],
  ["sim/kv", "../../base/mod.ts", undefined],
  ["sim/kv", "../../sse/mod.ts", '"sim" imports "base" only'],
  ["cli", "../sim/mod.ts", undefined],
  ["flow", "../sim/mod.ts", '"flow" may not import "sim"'],
  ["http", "../sim/mod.ts", '"http" may not import "sim"'],
  ["front/http1", "../../sim/mod.ts", '"front/http1" may not import "sim"'],
  // Folders without a floor.
  ["attic", "../base/mod.ts", '"attic" or "base" has no floor'],
  ["flow", "../attic/mod.ts", '"flow" or "attic" has no floor'],
  ["attic/box", "../../base/mod.ts", '"attic/box" or "base" has no floor'],
];

for (const [folder, specifier, expected] of IMPORTS) {
  const verdict = expected === undefined ? "allows" : "reports";
  Deno.test(`importProblem() ${verdict} "${specifier}" in ${folder}`, () => {
    assertEquals(problem(folder, specifier), expected);
  });
}

const BY_APP: readonly (readonly [specifier: string, problem: string | undefined])[] = [
  ["./base/mod.ts", undefined],
  ["./cli/mod.ts", undefined],
  ["./front/http1/mod.ts", undefined],
  ["./parts.ts", undefined],
  ["../deno.json", undefined],
  ["./base/clock.ts", 'import "./base/mod.ts", not "./base/clock.ts"'],
  ["./sim/mod.ts", '"lib" may not import "sim"'],
  ["./attic/mod.ts", '"lib" or "attic" has no floor'],
  ["../main.ts", '"../main.ts" is not a folder of lib/'],
];

for (const [specifier, expected] of BY_APP) {
  const verdict = expected === undefined ? "allows" : "reports";
  Deno.test(`importProblem() ${verdict} "${specifier}" directly in lib/`, () => {
    assertEquals(importProblem("/r/lib/app.ts", specifier), expected);
  });
}

Deno.test("importProblem() has no say outside lib/", () => {
  for (const file of ["/r/main.ts", "/r/scripts/readme.ts", "/r/tests/base/clock_test.ts"]) {
    assertEquals(importProblem(file, "../lib/openai/usage.ts"), undefined);
  }
});
