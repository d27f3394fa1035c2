import { concatBytes, decodeUtf8, RouterError } from "../../lib/base/mod.ts";
import { type Call, WINDOW } from "../../lib/workers/call.ts";
import { Calls } from "../../lib/workers/calls.ts";
import { Link } from "../../lib/workers/link.ts";
import { assert, assertEquals, assertRejects } from "../support/assert.ts";
import { settle } from "../support/fake_clock.ts";
import { bytes, streamPair } from "./support.ts";

interface Ends extends Disposable {
  readonly near: Calls;
  readonly far: Calls;
  /** What the far end was asked. */
  readonly asked: { readonly kind: string; readonly head: string; readonly call: Call }[];
}

function ends(): Ends {
  const pair = streamPair();
  const asked: Ends["asked"] = [];
  const nearLink: Link = new Link(pair.near, (frame) => near.take(frame));
  const farLink: Link = new Link(pair.far, (frame) => far.take(frame));
  const near = new Calls(nearLink, "supervisor", () => {});
  const far = new Calls(
    farLink,
    "worker",
    (kind, head, call) => asked.push({ kind, head: decodeUtf8(head), call }),
  );
  nearLink.over.then(() => near.end());
  farLink.over.then(() => far.end());
  return {
    near,
    far,
    asked,
    [Symbol.dispose]() {
      nearLink.close();
      farLink.close();
    },
  };
}

async function wholeOf(call: Call): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  for (let piece = await call.read(); piece !== undefined; piece = await call.read()) {
    pieces.push(piece);
  }
  return concatBytes(pieces);
}

Deno.test("Calls carry a head and a body both ways, several at once", async () => {
  using pair = ends();
  const { near, asked } = pair;
  const calls = [1, 2, 3].map((index) => near.open(`kind${index}`, bytes(`head${index}`)));
  for (const call of calls) {
    await call.send(bytes("question"));
    call.end();
  }
  await settle();
  assertEquals(asked.map(({ kind, head }) => `${kind} ${head}`), [
    "kind1 head1",
    "kind2 head2",
    "kind3 head3",
  ]);
  for (const { call } of asked.toReversed()) {
    assertEquals(decodeUtf8(await wholeOf(call)), "question");
    call.answer(bytes("answer"));
    await call.send(bytes("body"));
    call.end();
  }
  for (const call of calls) {
    assertEquals(decodeUtf8(await call.head), "answer");
    assertEquals(decodeUtf8(await wholeOf(call)), "body");
  }
  assertEquals([near.size, pair.far.size], [0, 0]);
});

Deno.test("Call.send() waits for who does not read, and goes on as it does", async () => {
  using pair = ends();
  const call = pair.near.open("upload", bytes(""));
  const all = new Uint8Array(3 * WINDOW).map((_, index) => index % 251);
  let sent = false;
  const sending = call.send(all).then(() => {
    sent = true;
    call.end();
  });
  for (let turn = 0; turn < 5; turn++) await settle();
  assertEquals(sent, false);
  const [asked] = pair.asked;
  assert(asked);
  assertEquals(await wholeOf(asked.call), all);
  await sending;
  asked.call.end();
});

Deno.test("Call.cancel() ends the call on both ends", async () => {
  using pair = ends();
  const call = pair.near.open("ask", bytes(""));
  await settle();
  const [asked] = pair.asked;
  assert(asked);
  call.cancel("The client has gone");
  await settle();
  assert(asked.call.signal.aborted && call.signal.aborted);
  const error = await assertRejects(() => asked.call.read(), RouterError, "The client has gone");
  assertEquals(error.code, "shutting-down");
  await assertRejects(() => call.head, RouterError);
  await assertRejects(() => asked.call.send(bytes("late")), RouterError);
  assertEquals([pair.near.size, pair.far.size], [0, 0]);
});

Deno.test("Calls fail when the link has ended, those that wait and those to come", async () => {
  using pair = ends();
  const call = pair.near.open("ask", bytes(""));
  await settle();
  pair[Symbol.dispose]();
  await assertRejects(() => call.read(), RouterError, "has gone");
  const late = pair.near.open("ask", bytes(""));
  await assertRejects(() => late.head, RouterError, "has gone");
  assertEquals([pair.near.size, pair.far.size], [0, 0]);
});

Deno.test("Call is cut off where more comes than was agreed", async () => {
  using pair = ends();
  const call = pair.near.open("ask", bytes(""));
  for (let sum = 0; sum <= WINDOW; sum += 64 * 1024) call.onData(new Uint8Array(64 * 1024));
  await assertRejects(() => call.read(), RouterError, "More has come than may");
});
