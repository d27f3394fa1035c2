import { answerProblem, encodingProblem } from "../../lib/request/mod.ts";
import { assertEquals, assertStringIncludes } from "../support/assert.ts";
import { FakeResponse } from "./support.ts";

function responseOf(status: number, type?: string): FakeResponse {
  const headers = type === undefined ? [] : [["Content-Type", type] as const];
  return new FakeResponse([], { status, headers });
}

const EVENTS = "text/event-stream";
const JSON_TYPE = "application/json";

const ANSWERS = [
  ["events", EVENTS],
  ["events", "Text/Event-Stream; charset=utf-8"],
  ["json", JSON_TYPE],
  ["json", "application/json;charset=utf-8"],
  ["json", "Application/JSON"],
  ["json", "application/problem+json"],
  ["text", JSON_TYPE],
  ["text", "text/plain; charset=utf-8"],
  ["text", "text/vtt"],
  ["text", "application/x-subrip"],
  ["sound", "audio/mpeg"],
  ["sound", "application/octet-stream"],
  ["sound", EVENTS],
  ["any", "audio/mpeg"],
  ["any", undefined],
] as const;

for (const [kind, type] of ANSWERS) {
  Deno.test(`answerProblem() takes ${type ?? "no type"} for ${kind}`, () => {
    for (const status of [200, 201, 202, 203]) {
      assertEquals(answerProblem(responseOf(status, type), kind), undefined);
    }
  });
}

const NONE = [
  ["events", JSON_TYPE],
  ["events", "text/html"],
  ["events", "text/plain"],
  ["events", undefined],
  ["json", EVENTS],
  ["json", "text/html; charset=utf-8"],
  ["json", "text/json"],
  ["json", ""],
  ["json", undefined],
  ["text", "text/html"],
  ["text", EVENTS],
  ["text", undefined],
] as const;

for (const [kind, type] of NONE) {
  Deno.test(`answerProblem() takes no ${type ?? "untyped answer"} for ${kind}`, () => {
    const problem = answerProblem(responseOf(200, type), kind) ?? "";
    assertStringIncludes(problem, "answered 200");
    assertStringIncludes(problem, kind === "events" ? EVENTS : JSON_TYPE);
  });
}

for (const type of [JSON_TYPE, "text/html", "video/mp4", undefined]) {
  Deno.test(`answerProblem() takes no ${type ?? "untyped answer"} for sound`, () => {
    const problem = answerProblem(responseOf(200, type), "sound") ?? "";
    assertStringIncludes(problem, "in the place of 'audio/*'");
  });
}

Deno.test("answerProblem() takes no status for an answer that is of none, whatever its type", () => {
  for (const status of [204, 205, 206, 226, 300, 301, 302, 304, 307, 308, 399]) {
    for (const [kind, type] of ANSWERS) {
      assertEquals(
        answerProblem(responseOf(status, type), kind),
        `answered ${status}, which is no answer`,
      );
    }
  }
});

Deno.test("answerProblem() leaves errors to their status", () => {
  for (const status of [400, 404, 429, 500, 503]) {
    assertEquals(answerProblem(responseOf(status, "text/html"), "events"), undefined);
  }
});

Deno.test("answerProblem() quotes no more of a type than fits in a line", () => {
  const problem = answerProblem(responseOf(200, `x/${"y".repeat(5_000)}`), "json") ?? "";
  assertEquals(problem.length < 200, true, problem);
});

Deno.test("encodingProblem() is of any encoding that was not asked for", () => {
  const of = (coding: string): string | undefined =>
    encodingProblem(new FakeResponse([], { headers: [["Content-Encoding", coding]] }));
  assertEquals([of("identity"), of(""), encodingProblem(new FakeResponse([]))], [
    undefined,
    undefined,
    undefined,
  ]);
  for (const coding of ["gzip", "br", "GZIP, br"]) {
    assertStringIncludes(of(coding) ?? "", coding.toLowerCase());
  }
});
