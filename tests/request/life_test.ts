import { decodeUtf8, encodeUtf8, RouterError } from "../../lib/base/mod.ts";
import { type Answer, clientGone, RequestLife } from "../../lib/request/mod.ts";
import { assert, assertEquals, assertRejects } from "../support/assert.ts";
import { countedSignal } from "../support/counted_signal.ts";
import { FakeBody } from "../support/fake_body.ts";
import { FakeClock } from "../support/fake_clock.ts";

function lifeOf(limitMs = 1000): {
  readonly life: RequestLife;
  readonly clock: FakeClock;
  readonly client: ReturnType<typeof countedSignal>;
} {
  const clock = new FakeClock();
  const client = countedSignal();
  return { life: new RequestLife(clock, client.signal, limitMs), clock, client };
}

function answerOf(body: Answer["body"]): Answer {
  return { status: 200, headers: [], body };
}

Deno.test("RequestLife passes an answer on, and leaves nothing behind", async () => {
  const { life, clock, client } = lifeOf();
  const whole = answerOf(encodeUtf8("a"));
  assert(await life.bound(Promise.resolve(whole)) === whole);
  const body = new FakeBody(["b", "c"]);
  const bound = await life.bound(Promise.resolve(answerOf(body)));
  assert(!(bound.body instanceof Uint8Array));
  const texts: string[] = [];
  for (let bytes = await bound.body.read(); bytes; bytes = await bound.body.read()) {
    texts.push(decodeUtf8(bytes));
  }
  assertEquals([texts, life.signal.aborted], [["b", "c"], false]);
  body.failure = new RouterError("decode-failed", "told");
  assert(bound.body.failure === body.failure);
  bound.body.cancel();
  assertEquals(body.cancelled, true);
  life[Symbol.dispose]();
  assertEquals([clock.pending, client.count()], [0, 0]);
});

Deno.test("RequestLife ends an answer that does not come in time, and gives back what comes late", async () => {
  const { life, clock, client } = lifeOf();
  const late = Promise.withResolvers<Answer>();
  const bound = life.bound(late.promise);
  bound.catch(() => {});
  await clock.advance(999);
  assertEquals(life.signal.aborted, false);
  await clock.advance(1);
  assertEquals(life.signal.aborted, true);
  const error = await assertRejects(() => bound, RouterError, "within 1000 ms");
  assertEquals(error.code, "request-timeout");
  const body = new FakeBody();
  late.resolve(answerOf(body));
  await clock.advance(0);
  assertEquals(body.cancelled, true);
  life[Symbol.dispose]();
  assertEquals([clock.pending, client.count()], [0, 0]);
});

Deno.test("RequestLife tells of the time what ends with it as if its client had gone", async () => {
  const { life, clock } = lifeOf();
  const work = new Promise<Answer>((_, reject) => {
    life.signal.addEventListener("abort", () => reject(clientGone()));
  });
  const bound = life.bound(work);
  bound.catch(() => {});
  await clock.advance(1000);
  assertEquals((await assertRejects(() => bound, RouterError)).code, "request-timeout");
});

Deno.test("RequestLife passes on what fails by itself", async () => {
  for (
    const error of [clientGone(), new RouterError("decode-failed", "no"), new TypeError("odd")]
  ) {
    const { life } = lifeOf();
    assert(await assertRejects(() => life.bound(Promise.reject(error)), Error) === error);
    life[Symbol.dispose]();
  }
});

for (const end of ["ends", "breaks", "goes on"] as const) {
  Deno.test(`RequestLife tells once that the time is up of a body that then ${end}`, async () => {
    const { life, clock } = lifeOf();
    const body = new FakeBody();
    const bound = await life.bound(Promise.resolve(answerOf(body)));
    assert(!(bound.body instanceof Uint8Array));
    body.send("a");
    assertEquals(decodeUtf8(await bound.body.read() ?? new Uint8Array(0)), "a");
    const reading = bound.body.read();
    reading.catch(() => {});
    await clock.advance(1000);
    if (end === "ends") body.end();
    else if (end === "breaks") body.break(clientGone());
    else body.send("b");
    const error = await assertRejects(() => reading, RouterError);
    assertEquals(error.code, "request-timeout");
    body.end();
    if (end !== "breaks") assertEquals(await bound.body.read(), undefined);
    life[Symbol.dispose]();
  });
}

Deno.test("RequestLife ends with its client, and says so to nobody", async () => {
  const { life, clock, client } = lifeOf();
  client.controller.abort();
  assertEquals(life.signal.aborted, true);
  const gone = clientGone();
  assert(await assertRejects(() => life.bound(Promise.reject(gone)), RouterError) === gone);
  life[Symbol.dispose]();
  assertEquals([clock.pending, client.count()], [0, 0]);
  const late = new RequestLife(clock, client.signal, 1000);
  assertEquals(late.signal.aborted, true);
  late[Symbol.dispose]();
  assertEquals(clock.pending, 0);
});
