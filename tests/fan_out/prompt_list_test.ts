import { decodeUtf8, encodeUtf8, RouterError } from "../../lib/base/mod.ts";
import { MAX_JSON_BYTES } from "../../lib/request/mod.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { FakeBody } from "../support/fake_body.ts";
import { settle } from "../support/fake_clock.ts";
import { answerWith, listParts } from "./support.ts";

Deno.test("PromptList begins its prompts in order, and no more than there are", () => {
  const { list, asked } = listParts(4);
  assertEquals([list.size, asked.length], [4, 0]);
  assertEquals(list.next()?.index, 0);
  assertEquals(list.begin(2).map(({ index }) => index), [1, 2]);
  assertEquals(list.begin(9).map(({ index }) => index), [3]);
  assertEquals([list.next(), list.begin(2)], [undefined, []]);
  assertEquals(asked.map(({ index }) => index), [0, 1, 2, 3]);
});

Deno.test("PromptList gives each prompt an id of its own, and the rest of the circumstances", () => {
  const { list, asked } = listParts(2);
  list.begin(2);
  assertEquals(asked.map(({ context }) => [context.id, context.sessionId, context.headers]), [
    ["r-0", "s", [["authorization", "a"], ["x-request-id", "r-0"]]],
    ["r-1", "s", [["authorization", "a"], ["x-request-id", "r-1"]]],
  ]);
  assert(asked.every(({ context }) => context.signal === list.signal));
});

Deno.test("PromptList keeps the steps of a prompt when it is answered, or fails", async () => {
  const { list, asked, context, clock } = listParts(2);
  const begun = list.begin(2);
  const [one, other] = asked;
  one?.context.trace.add("prefill-sent", "a");
  await clock.advance(5);
  other?.context.trace.add("direct-sent", "b");
  assertEquals(context.trace.events, []);
  other?.answer.reject(new RouterError("decode-failed", "no"));
  await begun[1]?.end;
  assertEquals(context.trace.events, [{ step: "direct-sent", engine: "b", atMs: 5 }]);
  one?.answer.resolve(answerWith(encodeUtf8("x")));
  await begun[0]?.end;
  assertEquals(context.trace.events.map(({ step }) => step), ["direct-sent", "prefill-sent"]);
});

Deno.test("PromptList leaves a stream to be read", async () => {
  const { list, asked } = listParts(1);
  const begun = list.next();
  const body = new FakeBody();
  const answer = answerWith(body);
  asked[0]?.answer.resolve(answer);
  const end = await begun?.end;
  assert(end?.kind === "answer" && end.answer === answer);
  assertEquals(body.reads, 0);
});

for (
  const [stream, status, kind] of [[false, 200, "answer"], [false, 400, "refused"], [
    true,
    502,
    "refused",
  ]] as const
) {
  Deno.test(`PromptList reads an answer with ${status} to its end, stream ${stream}`, async () => {
    for (const body of [new FakeBody(["a", "b", "c"]), encodeUtf8("abc")]) {
      const { list, asked } = listParts(1, { stream });
      const begun = list.next();
      asked[0]?.answer.resolve(answerWith(body, status));
      const end = await begun?.end;
      assert(end?.kind === kind && end.answer.body instanceof Uint8Array);
      assertEquals([end.answer.status, decodeUtf8(end.answer.body)], [status, "abc"]);
    }
  });
}

Deno.test("PromptList takes an answer that breaks, or is thrown, as failed", async () => {
  const error = new RouterError("upstream-protocol", "cut");
  const { list, asked } = listParts(2, { stream: false });
  const begun = list.begin(2);
  const body = new FakeBody();
  body.send("a");
  body.break(error);
  asked[0]?.answer.resolve(answerWith(body));
  asked[1]?.answer.reject(error);
  for (const { end } of begun) assertEquals(await end, { kind: "failed", error });
});

Deno.test("PromptList does not gather an answer without end", async () => {
  const { list, asked, clock } = listParts(1, { stream: false });
  const begun = list.next();
  const piece = new Uint8Array(MAX_JSON_BYTES / 4);
  let cancelled = 0;
  let reads = 0;
  asked[0]?.answer.resolve(answerWith({
    read: () => {
      reads++;
      return Promise.resolve(piece);
    },
    cancel: () => void cancelled++,
  }));
  // Others have their turns meanwhile.
  while (cancelled === 0) await clock.advance(0);
  const end = await begun?.end;
  assert(end?.kind === "failed" && end.error instanceof RouterError);
  assertEquals([end.error.code, reads, cancelled], ["upstream-protocol", 5, 1]);
});

Deno.test("PromptList begins nothing more once it has ended, and tells those under way", () => {
  const { list, asked, client } = listParts(3);
  list.next();
  assertEquals([list.signal.aborted, client.count()], [false, 1]);
  list.end();
  assertEquals([list.signal.aborted, client.count()], [true, 0]);
  assert(asked.every(({ context }) => context.signal.aborted));
  assertEquals([list.next(), list.begin(2), asked.length], [undefined, [], 1]);
  list.end();
});

Deno.test("PromptList ends when its client goes, or has gone", () => {
  const { list, client } = listParts(3);
  list.next();
  client.controller.abort();
  assertEquals([list.signal.aborted, list.next(), client.count()], [true, undefined, 0]);
  const late = listParts(3, { gone: true });
  assertEquals([late.list.signal.aborted, late.list.next(), late.client.count()], [
    true,
    undefined,
    0,
  ]);
});

Deno.test("PromptList is not told of its client any more once it is released", () => {
  const { list, client } = listParts(1);
  list.next();
  list.release();
  assertEquals(client.count(), 0);
  client.controller.abort();
  assertEquals(list.signal.aborted, false);
});

Deno.test("PromptList gives back what comes for a prompt that nobody waits for", async () => {
  const { list, asked, background, lines } = listParts(4);
  const begun = list.begin(4);
  list.end();
  for (const { end } of begun) list.abandon(end);
  assertEquals(background.size, 4, "looked after");
  const body = new FakeBody();
  asked[0]?.answer.resolve(answerWith(body));
  asked[1]?.answer.resolve(answerWith(encodeUtf8("x")));
  asked[2]?.answer.reject(new RouterError("client-gone", "gone"));
  asked[3]?.answer.reject(new RouterError("prefill-failed", "too bad"));
  await background.idle();
  await settle();
  assert(body.cancelled);
  assertEquals(lines.map(({ level, request, error }) => ({ level, request, error })), [
    { level: "debug", request: "r", error: "too bad" },
  ]);
});
