import { dispatch } from "../../lib/cli/dispatch.ts";
import { segmentsOf } from "../../lib/cli/trace_segments.ts";
import { duration, traceText } from "../../lib/cli/trace_text.ts";
import type { RequestDetail } from "../../lib/observe/mod.ts";
import { assert, assertEquals, assertStringIncludes } from "../support/assert.ts";
import { freePort, MODEL } from "../support/cluster.ts";
import { startObserved } from "../support/observed.ts";
import { post } from "../support/router.ts";
import { fakeProcess } from "./support.ts";

interface Outcome {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

async function trace(admin: string, ...argv: readonly string[]): Promise<Outcome> {
  const { ports, out, err } = fakeProcess();
  const code = await dispatch(["trace", ...argv, "--admin", admin], ports);
  return { code, out: out.text, err: err.text };
}

function detail(changes: Partial<RequestDetail> = {}): RequestDetail {
  return {
    ...{ seq: 1, id: "r", path: "/v1/completions", model: "m", key: null, route: "handoff_p1" },
    ...{ reason: null, stream: true, state: "ended", outcome: "ok", status: 200, error: null },
    ...{ received: 1_700_000_000, prefill: "p:1", decode: "d:1", retries: 0, lacks_kv: false },
    phases: { total: 100, ttft: 42, itl: 5 },
    tokens: { prompt: 9, answer: 11, about: false },
    events: [
      { step: "tokenized", at: 2, engine: "p:1", note: null },
      { step: "prefill-sent", at: 3, engine: "p:1", note: null },
      { step: "prefill-done", at: 40, engine: "p:1", note: "ok" },
      { step: "kv-ready", at: 45, engine: null, note: null },
      { step: "decode-sent", at: 45, engine: "d:1", note: null },
      { step: "decode-first", at: 50, engine: "d:1", note: null },
    ],
    events_cut: 0,
    legs: [],
    ...changes,
  } as RequestDetail;
}

Deno.test("segmentsOf() has every stretch of a handoff", () => {
  assertEquals(segmentsOf(detail()).map(({ label, from, to }) => [label, from, to]), [
    ["tokenize", 0, 2],
    ["prefill", 3, 40],
    ["KV wait", 40, 45],
    ["first byte", 45, 50],
    ["stream", 50, 100],
  ]);
});

Deno.test("segmentsOf() has the stretches of all attempts, each to its own end", () => {
  const { events } = detail();
  const again = [
    ...events.slice(0, 3),
    { step: "kv-timed-out", at: 60, engine: null, note: "0 of 2" },
    { step: "retry", at: 60, engine: null, note: "kv_timeout" },
    { step: "direct-sent", at: 61, engine: "d:1", note: null },
  ];
  const segments = segmentsOf(detail({ events: again, state: "first_byte" }));
  assertEquals(segments.map(({ label, from, to, note }) => [label, from, to, note]), [
    ["tokenize", 0, 2, "p:1"],
    ["prefill", 3, 40, "p:1"],
    ["KV wait", 40, 60, "p:1, timed out: 0 of 2"],
    ["first byte", 61, undefined, "d:1"],
  ]);
});

Deno.test("traceText() fits a terminal, and shows nothing of a request's text as more than text", () => {
  const id = `${"x".repeat(300)}\x1b[2J\u202e`;
  const lines = traceText(detail({
    id,
    path: "/\x1b]0;title\x07",
    events_cut: 3,
    lacks_kv: true,
    retries: 1,
    events: [{ step: "retry", at: 1, engine: null, note: "a\nb" }],
    legs: [{
      ...{ leg: "decode", engine: "d:1", peer: null, end: "failed", code: "decode-failed" },
      ...{ status: 500, head: 1, first: null, ms: 2, tokens: null },
    }],
  }));
  for (const line of lines) {
    assert(line.length <= 80, line);
    // deno-lint-ignore no-control-regex
    assert(!/[\x00-\x1f\u202e]/.test(line), JSON.stringify(line));
  }
  const text = lines.join("\n");
  assertStringIncludes(text, "  decode   d:1: failed 500 decode-failed; head 1.0 ms, end 2.0 ms");
  assertStringIncludes(text, "Tried again at 1.0 ms: a?b");
  assertStringIncludes(text, "3 further steps are not kept");
});

Deno.test("duration() is for reading", () => {
  assertEquals([0.04, 999, 1_500, 90_000].map(duration), [
    ...["0.0 ms", "999.0 ms", "1.50 s", "1.5 min"],
  ]);
});

Deno.test("pd-router trace draws a request, prints what the API answers, and says who is not known", async () => {
  await using fleet = await startObserved();
  const { router, ids } = fleet;
  const answer = await post(
    `${router.url}/v1/completions`,
    { model: MODEL, prompt: "A river", max_tokens: 4 },
    { headers: { "x-request-id": "a b" } },
  );
  await answer.body?.cancel();
  const { code, out, err } = await trace(router.adminUrl, "a b");
  assertEquals([code, err], [0, ""]);
  assertStringIncludes(out, "Request a b (1)\n");
  assertStringIncludes(out, `handoff_p1: ${ids.prefill} -> ${ids.decode}\n`);
  for (const label of ["tokenize", "prefill", "KV wait", "first byte", "stream"]) {
    assert(new RegExp(`^${label} +\\| *█`, "m").test(out), out);
  }
  const json = await trace(router.adminUrl, "1", "--json");
  assertEquals(JSON.parse(json.out).requests[0].id, "a b");
  const unknown = await trace(router.adminUrl, "other");
  assertEquals([unknown.code, unknown.out], [1, ""]);
  assertStringIncludes(unknown.err, "No request 'other' is under way or among the last 1");
});

Deno.test("pd-router trace says what is wrong with its command line, and whom it does not reach", async () => {
  const { code, err } = await trace(`http://127.0.0.1:${freePort()}`, "x");
  assertEquals(code, 1);
  assertStringIncludes(err, "Cannot reach the admin API at http://127.0.0.1:");
  assertStringIncludes(err, "--admin-listen");
  const wrong = await trace("nowhere", "--jsno");
  assertEquals(wrong.code, 2);
  for (const text of ["--jsno", "REQUEST_ID: is missing", "--admin", "pd-router help trace"]) {
    assertStringIncludes(wrong.err, text);
  }
  assertEquals((await trace("http://a", "x", "y")).code, 2);
});
