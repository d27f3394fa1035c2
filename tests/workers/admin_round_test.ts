import { RouterError } from "../../lib/base/mod.ts";
import { answerOf, type Done, mergedDone as mergedOf } from "../../lib/workers/admin_round.ts";
import { assertEquals, assertThrows } from "../support/assert.ts";

function done(value: unknown, status = 200): Done {
  return { kind: "done", answer: { status, value } };
}

function mergedDone(all: readonly Done[]): Done {
  return mergedOf(all, { operation: "listEngines", id: "", query: [] });
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

Deno.test("mergedDone() puts lists of requests together, as many as were asked for", () => {
  const list = (...seqs: readonly number[]): Done =>
    done({ requests: seqs.map((seq) => ({ seq, id: "r" })), kept: seqs.length });
  const three = [list(9, 4), list(7), list(8, 6)];
  const asked = { operation: "listRequests", id: "", query: [] } as const;
  assertEquals(mergedOf(three, asked), {
    ...done({ requests: [9, 8, 7, 6, 4].map((seq) => ({ seq, id: "r" })), kept: 5 }),
  });
  assertEquals(mergedOf(three, { ...asked, query: [["limit", 2]] }), {
    ...done({ requests: [9, 8].map((seq) => ({ seq, id: "r" })), kept: 5 }),
  });
});

Deno.test("mergedDone() finds the requests of an id in all, before one whose number it is", () => {
  const found = (...rows: readonly (readonly [seq: number, id: string])[]): Done =>
    done({ requests: rows.map(([seq, id]) => ({ seq, id })) });
  const of = (id: string, ...all: readonly Done[]): Done =>
    mergedOf(all, { operation: "getRequests", id, query: [] });
  assertEquals(
    of("a", found([3, "a"]), failed("not-found"), found([8, "a"])),
    found([8, "a"], [3, "a"]),
  );
  assertEquals(of("7", found([3, "7"]), found([7, "b"])), found([3, "7"]));
  assertEquals(of("7", found([7, "b"]), found([9, "7-x"])), found([7, "b"]));
  assertEquals(of("c-1", found([4, "c"]), found([5, "c"])), found([5, "c"], [4, "c"]));
  assertEquals(of("x", failed("not-found"), failed("not-found")), failed("not-found"));
});

Deno.test("answerOf() throws what failed, with its code", () => {
  assertEquals(answerOf(done(1, 201)), { status: 201, value: 1 });
  const error = assertThrows(() => answerOf(failed("conflict")), RouterError, "no: conflict");
  assertEquals(error.code, "conflict");
});
