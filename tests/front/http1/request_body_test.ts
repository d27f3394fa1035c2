import { concatBytes, decodeUtf8, encodeUtf8, RouterError } from "../../../lib/base/mod.ts";
import {
  ArrivingBody,
  type BodyFeed,
  ChunkedFeed,
  NO_BODY,
  WholeBody,
} from "../../../lib/front/http1/request_body.ts";
import { Intake } from "../../../lib/front/http1/intake.ts";
import { WireError } from "../../../lib/http1/mod.ts";
import { assertEquals, assertRejects } from "../../support/assert.ts";
import { allCuts } from "../../support/cuts.ts";
import { MemoryClient, rest } from "./support/memory.ts";

/** A feed that holds what the test puts there. */
class TestFeed implements BodyFeed {
  readonly pieces: (Uint8Array | WireError)[] = [];
  done = false;
  left: number | undefined;

  put(...texts: readonly string[]): void {
    this.pieces.push(...texts.map(encodeUtf8));
  }

  take(): Uint8Array | undefined {
    const piece = this.pieces.shift();
    if (piece instanceof WireError) {
      this.pieces.unshift(piece);
      throw piece;
    }
    return piece;
  }
}

function setUp(): { body: ArrivingBody; feed: TestFeed; told: string[] } {
  const feed = new TestFeed();
  const told: string[] = [];
  const body = new ArrivingBody(undefined, feed, {
    onBodyAwaited: () => told.push("awaited"),
    onBodyGot: () => told.push("got"),
    onBodyTaken: () => told.push("taken"),
    onBodyCut: () => told.push("cut"),
  });
  return { body, feed, told };
}

function text(bytes: Uint8Array | undefined): string | undefined {
  return bytes === undefined ? undefined : decodeUtf8(bytes);
}

Deno.test("NO_BODY has ended, and WholeBody ends behind its bytes", async () => {
  assertEquals([NO_BODY.length, await NO_BODY.read()], [0, undefined]);
  const body = new WholeBody(encodeUtf8("abc"));
  assertEquals([body.length, text(await body.read()), await body.read(), await body.read()], [
    3,
    "abc",
    undefined,
    undefined,
  ]);
});

Deno.test("ArrivingBody.read() takes what is here, then waits for more, then ends", async () => {
  const { body, feed, told } = setUp();
  feed.put("a");
  assertEquals([text(await body.read()), told], ["a", ["taken"]]);
  const waiting = body.read();
  assertEquals(told.splice(0), ["taken", "awaited"]);
  body.arrived();
  assertEquals(told, []);
  feed.put("b");
  body.arrived();
  assertEquals([text(await waiting), told.splice(0)], ["b", ["got"]]);
  body.arrived();
  const last = body.read();
  feed.done = true;
  body.arrived();
  assertEquals([await last, await body.read(), told], [undefined, undefined, ["awaited", "got"]]);
});

Deno.test("ArrivingBody.close() fails the read that waits, and all later ones", async () => {
  const { body, feed, told } = setUp();
  const gone = new RouterError("client-gone", "gone");
  const waiting = assertRejects(() => body.read(), RouterError, "gone");
  body.close(gone);
  body.close(new RouterError("internal", "another"));
  await waiting;
  assertEquals(told, ["awaited", "got"]);
  feed.put("late");
  body.arrived();
  assertEquals(await assertRejects(() => body.read(), RouterError), gone);
  assertEquals(await assertRejects(() => body.read(), RouterError), gone);
});

Deno.test("ArrivingBody.close() does nothing to a body that was taken", async () => {
  const { body, feed } = setUp();
  feed.done = true;
  body.close(new RouterError("client-gone", "gone"));
  assertEquals(await body.read(), undefined);
});

Deno.test("ArrivingBody.read() reports malformed framing, waiting or not, again and again", async () => {
  for (const waits of [false, true]) {
    const { body, feed } = setUp();
    if (!waits) feed.pieces.push(encodeUtf8("a"), new WireError("no chunk"));
    if (!waits) assertEquals(text(await body.read()), "a");
    const failing = assertRejects(() => body.read(), RouterError, "no chunk");
    if (waits) feed.pieces.push(new WireError("no chunk"));
    body.arrived();
    const error = await failing;
    assertEquals([error.code, body.malformed], ["bad-request", true]);
    assertEquals(await assertRejects(() => body.read(), RouterError), error);
  }
});

Deno.test("ArrivingBody.read() is not for two at once", async () => {
  const { body, feed } = setUp();
  const first = body.read();
  const error = await assertRejects(() => body.read(), RouterError, "twice");
  assertEquals(error.code, "internal");
  feed.put("a");
  body.arrived();
  assertEquals(text(await first), "a");
});

Deno.test("ArrivingBody.pass() throws away what is here, closed or not", () => {
  const { body, feed } = setUp();
  feed.put("abc", "de");
  body.close(new RouterError("client-gone", "gone"));
  assertEquals([body.pass(), body.pass(), body.malformed], [5, 0, false]);
  feed.put("f");
  feed.pieces.push(new WireError("no chunk"));
  assertEquals([body.pass(), body.malformed], [1, true]);
});

Deno.test("ChunkedFeed takes chunks out of the window, to keep, and leaves what follows", async () => {
  const wire = "5\r\nhello\r\n6;x=y\r\n world\r\n0\r\nt: u\r\n\r\nGET /";
  for (const { name, pieces } of allCuts(encodeUtf8(wire), 20)) {
    const client = new MemoryClient();
    const taken: Uint8Array[] = [];
    const intake: Intake = new Intake(client, {
      onArrived() {
        for (let bytes = feed.take(); bytes !== undefined; bytes = feed.take()) taken.push(bytes);
        intake.listen();
      },
      onEnded() {},
    });
    const feed = new ChunkedFeed(intake);
    intake.listen();
    client.send(...pieces);
    for (let turn = 0; turn < 5; turn++) await rest();
    assertEquals([decodeUtf8(concatBytes(taken)), feed.done], ["hello world", true], name);
    const { window } = intake;
    assertEquals(decodeUtf8(window.bytes.subarray(window.start, window.end)), "GET /", name);
  }
});

Deno.test("ChunkedFeed is strict", async () => {
  const client = new MemoryClient();
  const intake = new Intake(client, { onArrived() {}, onEnded() {} });
  const body = new ArrivingBody(undefined, new ChunkedFeed(intake), {
    onBodyAwaited() {},
    onBodyGot() {},
    onBodyTaken() {},
    onBodyCut() {},
  });
  client.send("5 \r\nhello\r\n");
  intake.listen();
  await rest();
  await assertRejects(() => body.read(), RouterError, "malformed chunk size");
});
