import { decodeUtf8 } from "../../lib/base/mod.ts";
import { FRAME } from "../../lib/workers/frame.ts";
import { Link } from "../../lib/workers/link.ts";
import { assert, assertEquals, assertStringIncludes } from "../support/assert.ts";
import { settle } from "../support/fake_clock.ts";
import { bytes, streamPair } from "./support.ts";

Deno.test("Link hands frames on in order, and what is urgent before what waits", async () => {
  const { near, far, stall } = streamPair();
  const got: string[] = [];
  const other = new Link(far, ({ payload }) => got.push(decodeUtf8(payload)));
  const link = new Link(near, () => {});
  const goOn = stall();
  link.send(FRAME.tell, "loose", bytes("first"));
  await settle();
  link.send(FRAME.tell, "loose", bytes("loose"));
  link.send(FRAME.data, "steady", bytes("steady"));
  link.send(FRAME.notice, "urgent", bytes("ur"), bytes("gent"));
  assert(link.waiting > 0);
  goOn();
  await link.flushed();
  await settle();
  assertEquals(got, ["first", "urgent", "steady", "loose"]);
  link.close();
  other.close();
});

Deno.test("Link.over resolves on both ends when one closes, without a reason", async () => {
  const { near, far } = streamPair();
  const [link, other] = [new Link(near, () => {}), new Link(far, () => {})];
  link.close();
  assertEquals([await link.over, await other.over], [undefined, undefined]);
  link.send(FRAME.ping, "urgent");
  assertEquals([link.ended, link.waiting], [true, 0]);
});

Deno.test("Link breaks by what is no frame, and says so", async () => {
  const { near, far } = streamPair();
  const link = new Link(near, () => {});
  await far.write(bytes("console.log() of a module\n"));
  assertStringIncludes(await link.over ?? "", "Cannot read a frame");
});

Deno.test("Link breaks by an end within a frame", async () => {
  const { near, far } = streamPair();
  const link = new Link(near, () => {});
  await far.write(Uint8Array.of(0, 0, 0, 9, FRAME.notice, 1));
  await settle();
  far.close();
  assertStringIncludes(await link.over ?? "", "within a frame");
});

Deno.test("Link breaks where the other end does not read what must not be lost", async () => {
  const { near, stall } = streamPair();
  const link = new Link(near, () => {});
  stall();
  for (let count = 0; count < 8 && !link.ended; count++) {
    link.send(FRAME.notice, "urgent", new Uint8Array(15 * 1024 * 1024));
    await settle();
  }
  assertEquals(await link.over, "the other end does not read");
});
