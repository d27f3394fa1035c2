import { encodeUtf8, RouterError } from "../../../lib/base/mod.ts";
import { type AnswerFraming, planAnswer } from "../../../lib/front/http1/answer_plan.ts";
import type { Answer } from "../../../lib/request/mod.ts";
import { assertEquals, assertThrows } from "../../support/assert.ts";
import { sourceOf } from "./support/sources.ts";

const WHOLE = encodeUtf8("12345");
const EMPTY = encodeUtf8("");
const SOURCE = sourceOf();
const NO_FIELDS: Answer["headers"] = [["content-type", "text/plain"]];
const ANNOUNCED: Answer["headers"] = [["Content-Length", "7"]];

const PLANS: readonly (readonly [
  what: string,
  answer: Answer,
  method: string,
  minor: 0 | 1,
  framing: AnswerFraming,
  sendsBody: boolean,
])[] = [
  ["a whole body", { status: 200, headers: NO_FIELDS, body: WHOLE }, "GET", 1, 5, true],
  ["a whole body to 1.0", { status: 200, headers: NO_FIELDS, body: WHOLE }, "GET", 0, 5, true],
  ["an empty body", { status: 200, headers: NO_FIELDS, body: EMPTY }, "POST", 1, 0, true],
  [
    "a whole body, whatever its field says",
    {
      status: 200,
      headers: ANNOUNCED,
      body: WHOLE,
    },
    "GET",
    1,
    5,
    true,
  ],
  ["a source", { status: 200, headers: NO_FIELDS, body: SOURCE }, "GET", 1, "chunked", true],
  [
    "a source to 1.0",
    {
      status: 200,
      headers: NO_FIELDS,
      body: SOURCE,
    },
    "GET",
    0,
    "until-close",
    true,
  ],
  [
    "a source of known length",
    {
      status: 200,
      headers: ANNOUNCED,
      body: SOURCE,
    },
    "GET",
    0,
    7,
    true,
  ],
  ["HEAD of a whole body", { status: 200, headers: NO_FIELDS, body: WHOLE }, "HEAD", 1, 5, false],
  ["HEAD of a length", { status: 200, headers: ANNOUNCED, body: EMPTY }, "HEAD", 1, 7, false],
  ["HEAD of nothing", { status: 200, headers: NO_FIELDS, body: EMPTY }, "HEAD", 1, 0, false],
  [
    "HEAD of a source",
    {
      status: 200,
      headers: NO_FIELDS,
      body: SOURCE,
    },
    "HEAD",
    1,
    "chunked",
    false,
  ],
  [
    "HEAD of a source to 1.0",
    {
      status: 200,
      headers: NO_FIELDS,
      body: SOURCE,
    },
    "HEAD",
    0,
    "none",
    false,
  ],
  ["204", { status: 204, headers: ANNOUNCED, body: WHOLE }, "GET", 1, "none", false],
  ["204 with a source", { status: 204, headers: NO_FIELDS, body: SOURCE }, "GET", 1, "none", false],
  ["205", { status: 205, headers: NO_FIELDS, body: WHOLE }, "GET", 1, 0, false],
  ["304", { status: 304, headers: NO_FIELDS, body: EMPTY }, "GET", 1, "none", false],
  ["304 with a length", { status: 304, headers: ANNOUNCED, body: EMPTY }, "GET", 1, 7, false],
  ["304 with a body", { status: 304, headers: NO_FIELDS, body: WHOLE }, "GET", 1, 5, false],
];

for (const [what, answer, method, minor, framing, sendsBody] of PLANS) {
  Deno.test(`planAnswer() of ${what}`, () => {
    assertEquals(planAnswer(answer, { method, minor }), { framing, sendsBody });
  });
}

for (const status of [0, 100, 101, 199, 600, 1000, 200.5, NaN]) {
  Deno.test(`planAnswer() refuses status ${status}`, () => {
    const answer = { status, headers: [], body: WHOLE };
    const error = assertThrows(() => planAnswer(answer, { method: "GET", minor: 1 }), RouterError);
    assertEquals(error.code, "internal");
  });
}

for (const value of ["", "-1", "1.5", "5, 5", "1e3", "9".repeat(16)]) {
  Deno.test(`planAnswer() refuses to announce a length of ${JSON.stringify(value)}`, () => {
    const answer: Answer = { status: 200, headers: [["content-length", value]], body: SOURCE };
    assertThrows(() => planAnswer(answer, { method: "GET", minor: 1 }), RouterError, "length");
  });
}
