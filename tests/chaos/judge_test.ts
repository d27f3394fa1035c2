import type { Ended } from "../../scripts/chaos/ended.ts";
import { judge, type RightAnswer, type Verdict } from "../../scripts/chaos/judge.ts";
import { assert, assertEquals, assertStringIncludes } from "../support/assert.ts";

const DEADLINE_MS = 1_000;
const RULES = { statuses: new Set([503]), deadlineMs: DEADLINE_MS };

/** A stream of one choice in these pieces; `more` stands behind them. */
function stream(pieces: readonly string[], more = "data: [DONE]\n\n"): string {
  const chunks = pieces.map((text, at) => ({
    id: "x",
    object: "text_completion",
    model: "m",
    choices: [{ index: 0, text, finish_reason: at === pieces.length - 1 ? "stop" : null }],
  }));
  return chunks.map((chunk) => `data: ${JSON.stringify(chunk)}\n\n`).join("") + more;
}

/** The beginning of a stream, without an end. */
function beginning(pieces: readonly string[], more: string): string {
  return stream([...pieces, ""], "").split("\n\n").slice(0, pieces.length)
    .map((part) => `${part}\n\n`).join("") + more;
}

const ERROR = { error: { message: "Lost", type: "BadGatewayError", param: null, code: 502 } };
const EVENT = `data: ${JSON.stringify(ERROR)}\n\n`;
const DONE = "data: [DONE]\n\n";

const STREAM: RightAnswer = {
  status: 200,
  contentType: "text/event-stream; charset=utf-8",
  text: stream(["The ", "river ", "runs"]),
};
const WHOLE: RightAnswer = {
  status: 200,
  contentType: "application/json",
  text: JSON.stringify({ id: "1", choices: [{ index: 0, text: "The river runs" }] }),
};
const REFUSAL: RightAnswer = {
  status: 400,
  contentType: "application/json",
  text: JSON.stringify({
    error: { message: "No", type: "BadRequestError", param: null, code: 400 },
  }),
};

/** An end that differs from one in which `right` was answered. */
function ended(right: RightAnswer, changes: Partial<Ended> = {}): Ended {
  return { kind: "answered", ...right, beganMs: 0, endedMs: 10, history: [], ...changes };
}

function error(status: number, body: unknown): Partial<Ended> {
  return { status, contentType: "application/json", text: JSON.stringify(body) };
}

const OVERLOAD = { ...ERROR.error, code: 503 };

interface Row {
  readonly name: string;
  readonly right: RightAnswer;
  readonly changes: Partial<Ended>;
}

const ALLOWED: readonly (Row & { readonly verdict: Verdict })[] = [
  { name: "the right stream", right: STREAM, changes: {}, verdict: "right" },
  {
    name: "the right stream, cut otherwise",
    right: STREAM,
    changes: { text: stream(["The river", " ", "ru", "ns"]) },
    verdict: "right",
  },
  {
    name: "the right answer under another id",
    right: WHOLE,
    changes: { text: WHOLE.text.replace('"1"', '"2"') },
    verdict: "right",
  },
  { name: "what every engine refuses", right: REFUSAL, changes: {}, verdict: "right" },
  {
    name: "a status of a failure",
    right: WHOLE,
    changes: error(503, { error: OVERLOAD }),
    verdict: "refused",
  },
  {
    name: "a beginning and an error event",
    right: STREAM,
    changes: { text: beginning(["The ", "riv"], EVENT) },
    verdict: "told",
  },
  {
    name: "an error event and the end of the stream",
    right: STREAM,
    changes: { text: beginning([], EVENT + DONE) },
    verdict: "told",
  },
  {
    name: "a stream that breaks within an event",
    right: STREAM,
    changes: { kind: "broken", text: beginning(["The "], 'data: {"cho') },
    verdict: "cut",
  },
  {
    name: "a client that left at once",
    right: STREAM,
    changes: { kind: "left", status: 0 },
    verdict: "left",
  },
  {
    name: "a client that left within an event",
    right: STREAM,
    changes: { kind: "left", text: beginning(["The "], "data: {") },
    verdict: "left",
  },
];

for (const { name, right, changes, verdict } of ALLOWED) {
  Deno.test(`judge() allows ${name}`, async () => {
    const finding = await judge(ended(right, changes), () => Promise.resolve(right), RULES);
    assertEquals(finding, { verdict });
  });
}

const FORBIDDEN: readonly (Row & { readonly says: string })[] = [
  {
    name: "another request's answer",
    right: WHOLE,
    changes: { text: WHOLE.text.replace("river", "sea") },
    says: "another answer",
  },
  {
    name: "an answer that is not JSON",
    right: WHOLE,
    changes: { text: WHOLE.text.slice(0, 20) },
    says: "cannot be read",
  },
  {
    name: "another request's stream",
    right: STREAM,
    changes: { text: stream(["The ", "sea"]) },
    says: "does not begin",
  },
  {
    name: "a stream that ends early without a word",
    right: STREAM,
    changes: { text: beginning(["The "], "") },
    says: "0 error events",
  },
  {
    name: "a stream that ends early as if it were complete",
    right: STREAM,
    changes: { text: beginning(["The "], DONE) },
    says: "0 error events",
  },
  {
    name: "two error events",
    right: STREAM,
    changes: { text: beginning(["The "], EVENT + EVENT) },
    says: "2 error events",
  },
  {
    name: "text behind an error event",
    right: STREAM,
    changes: { text: beginning([], EVENT) + beginning(["The "], DONE) },
    says: "1 events behind",
  },
  {
    name: "garbage before an error event",
    right: STREAM,
    changes: { text: beginning(["The garbage"], EVENT) },
    says: "does not begin",
  },
  {
    name: "an error event without a message",
    right: STREAM,
    changes: { text: beginning(["The "], 'data: {"error": {"code": 502}}\n\n') },
    says: "shape",
  },
  {
    name: "an event that is not JSON",
    right: STREAM,
    changes: { text: beginning(["The "], "data: {\n\n") },
    says: "cannot be read",
  },
  {
    name: "a stream that breaks between two events",
    right: STREAM,
    changes: { kind: "broken", text: beginning(["The "], ""), error: "reset" },
    says: "nothing told",
  },
  {
    name: "garbage that breaks within an event",
    right: STREAM,
    changes: { kind: "broken", text: beginning(["The sea"], "data: {") },
    says: "does not begin",
  },
  {
    name: "garbage that its client left",
    right: STREAM,
    changes: { kind: "left", text: beginning(["The sea"], "data: {") },
    says: "does not begin",
  },
  {
    name: "a whole answer that breaks off",
    right: WHOLE,
    changes: { kind: "broken", error: "reset" },
    says: "broke off",
  },
  {
    name: "no answer",
    right: WHOLE,
    changes: { kind: "unanswered", status: 0, error: "reset" },
    says: "no answer: reset",
  },
  {
    name: "no end in time",
    right: STREAM,
    changes: { kind: "overdue", endedMs: 5_000 },
    says: "took 5000 ms",
  },
  {
    name: "a right answer that comes too late",
    right: STREAM,
    changes: { endedMs: DEADLINE_MS + 1 },
    says: "took 1001 ms",
  },
  {
    name: "a status that nothing accounts for",
    right: WHOLE,
    changes: error(404, { error: { ...OVERLOAD, code: 404 } }),
    says: "nothing accounts for",
  },
  {
    name: "a refusal in other words than the engine's",
    right: REFUSAL,
    changes: error(400, { error: { ...OVERLOAD, code: 400 } }),
    says: "nothing accounts for",
  },
  {
    name: "an error whose code is not its status",
    right: WHOLE,
    changes: error(503, { error: { ...OVERLOAD, code: 502 } }),
    says: "shape",
  },
  {
    name: "an error body without an error",
    right: WHOLE,
    changes: error(503, { detail: "no" }),
    says: "shape",
  },
  {
    name: "an error as plain text",
    right: WHOLE,
    changes: { status: 503, contentType: "text/plain", text: "no" },
    says: "an error as text/plain",
  },
  {
    name: "an answer to what every engine refuses",
    right: REFUSAL,
    changes: { ...STREAM },
    says: "one engine refuses this with 400",
  },
];

for (const { name, right, changes, says } of FORBIDDEN) {
  Deno.test(`judge() forbids ${name}`, async () => {
    const finding = await judge(ended(right, changes), () => Promise.resolve(right), RULES);
    assert("violation" in finding, JSON.stringify(finding));
    assertStringIncludes(finding.violation, says);
  });
}
