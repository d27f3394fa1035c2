import { RouterError } from "../../lib/base/mod.ts";
import { answerOf, type Done, mergedDone } from "../../lib/workers/admin_round.ts";
import { assertEquals, assertThrows } from "../support/assert.ts";

function done(value: unknown, status = 200): Done {
  return { kind: "done", answer: { status, value } };
}

function failed(code: Extract<Done, { kind: "failed" }>["code"]): Done {
  return { kind: "failed", code, message: `no: ${code}` };
}

Deno.test("mergedDone() tells what failed anywhere, unless an engine was not known there", () => {
  const engine = { id: "a", inflight: 0 };
  const rows = [
    [[done(engine), done(engine)], done(engine)],
    [[done(engine), failed("conflict")], failed("conflict")],
    [[failed("unknown-engine"), done(engine)], done(engine)],
    [[failed("unknown-engine"), failed("unknown-engine")], failed("unknown-engine")],
    [[failed("unknown-engine"), failed("bad-request")], failed("bad-request")],
  ] as const;
  for (const [all, expected] of rows) assertEquals(mergedDone(all), expected);
  assertEquals(mergedDone([]).kind, "failed");
});

Deno.test("mergedDone() has an engine drained when it is for all", () => {
  const idle = { id: "a", state: "drained", inflight: 0 };
  const busy = { id: "a", state: "draining", inflight: 2 };
  assertEquals(mergedDone([done(idle), done(idle)]), done(idle));
  for (const all of [[idle, busy], [busy, idle]]) {
    assertEquals(mergedDone(all.map((each) => done(each))), done(busy));
  }
});

Deno.test("mergedDone() puts lists of engines together by their ids", () => {
  const list = (...engines: readonly unknown[]): Done => done({ engines, sources: ["s"] });
  const all = [
    list({ id: "a", state: "ready", inflight: 1 }, { id: "b", state: "drained", inflight: 0 }),
    list({ id: "b", state: "draining", inflight: 3 }, { id: "a", state: "ready", inflight: 2 }),
  ];
  assertEquals(
    mergedDone(all),
    list({ id: "a", state: "ready", inflight: 2 }, { id: "b", state: "draining", inflight: 3 }),
  );
  assertEquals(
    mergedDone([done({ result: "applied" }), done({ result: "unchanged" })]),
    done({
      result: "applied",
    }),
  );
});

Deno.test("answerOf() throws what failed, with its code", () => {
  assertEquals(answerOf(done(1, 201)), { status: 201, value: 1 });
  const error = assertThrows(() => answerOf(failed("conflict")), RouterError, "no: conflict");
  assertEquals(error.code, "conflict");
});
