import { decodeUtf8, encodeUtf8, RouterError } from "../../lib/base/mod.ts";
import { PING_MS, PingedStream } from "../../lib/http/pinged_stream.ts";
import { assertEquals, assertRejects } from "../support/assert.ts";
import { FakeBody } from "../support/fake_body.ts";
import { FakeClock } from "../support/fake_clock.ts";

const PING = ": ping\n\n";

interface Setting {
  readonly clock: FakeClock;
  readonly body: FakeBody;
  readonly stream: PingedStream;
  /** The next bytes, as text. */
  readonly next: () => Promise<string | undefined>;
}

function setting(pingsFirst = false): Setting {
  const clock = new FakeClock();
  const body = new FakeBody();
  const stream = new PingedStream(body, clock, pingsFirst);
  const next = async (): Promise<string | undefined> => {
    const bytes = await stream.read();
    return bytes === undefined ? undefined : decodeUtf8(bytes);
  };
  return { clock, body, stream, next };
}

/** What `promise` is at, without waiting for it. */
async function ifSettled<T>(promise: Promise<T>): Promise<T | "pending"> {
  return await Promise.race([promise, Promise.resolve("pending" as const)]);
}

Deno.test("PingedStream gives what comes as it comes, and sets no timer for longer", async () => {
  const { clock, body, next } = setting();
  body.send("data: 1\n\n", "data: 2\n\n");
  body.end();
  assertEquals([await next(), await next(), await next()], [
    "data: 1\n\n",
    "data: 2\n\n",
    undefined,
  ]);
  assertEquals(clock.pending, 0);
});

Deno.test("PingedStream comments each silence, and loses nothing of what follows", async () => {
  const { clock, body, next } = setting();
  for (let round = 0; round < 3; round++) {
    const reading = next();
    await clock.advance(PING_MS - 1);
    assertEquals(await ifSettled(reading), "pending");
    await clock.advance(1);
    assertEquals(await reading, PING);
  }
  // One read is under way, however many comments were given.
  assertEquals(body.reads, 1);
  body.send("data: 1\n\n");
  assertEquals([await next(), clock.pending], ["data: 1\n\n", 0]);
  const reading = next();
  await clock.advance(PING_MS);
  assertEquals(await reading, PING);
  body.end();
  assertEquals(await next(), undefined);
});

Deno.test("PingedStream puts no comment into an event", async () => {
  const { clock, body, next } = setting();
  for (const piece of ["data: {", '"a":1}', "\n", "\r"]) {
    body.send(piece);
    assertEquals(await next(), piece);
    const reading = next();
    await clock.advance(PING_MS * 3);
    assertEquals(await ifSettled(reading), "pending", JSON.stringify(piece));
    body.send("x");
    assertEquals(await reading, "x");
  }
  body.send("\n\n");
  assertEquals(await next(), "\n\n");
  const reading = next();
  await clock.advance(PING_MS);
  assertEquals(await reading, PING);
});

Deno.test("PingedStream begins with a comment where it is told to", async () => {
  const { body, next } = setting(true);
  body.send("data: 1\n\n");
  assertEquals([await next(), body.reads, await next()], [PING, 0, "data: 1\n\n"]);
});

Deno.test("PingedStream rejects as what it reads, behind comments too", async () => {
  const { clock, body, next, stream } = setting();
  const reading = next();
  await clock.advance(PING_MS);
  assertEquals(await reading, PING);
  const lost = new RouterError("upstream-lost", "gone");
  body.break(lost);
  assertEquals(await assertRejects(next, RouterError), lost);
  body.failure = lost;
  assertEquals([stream.failure, clock.pending], [lost, 0]);
});

Deno.test("PingedStream that is left after a comment leaves nothing behind", async () => {
  const { clock, body, next, stream } = setting();
  const reading = next();
  await clock.advance(PING_MS);
  await reading;
  // Nobody reads on: what the read under way rejects with is nobody's.
  body.break(new RouterError("client-gone", "gone"));
  stream.cancel();
  assertEquals([body.cancelled, clock.pending], [true, 0]);
});

Deno.test("PingedStream gives each comment as bytes of its own", async () => {
  const { clock, stream } = setting(true);
  const first = await stream.read();
  first?.fill(0);
  const reading = stream.read();
  await clock.advance(PING_MS);
  assertEquals(await reading, encodeUtf8(PING));
  stream.cancel();
});
