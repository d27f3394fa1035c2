import { encodeUtf8 } from "../../../lib/base/mod.ts";
import { Output } from "../../../lib/front/http1/output.ts";
import { Wheel } from "../../../lib/front/http1/wheel.ts";
import { assert, assertEquals } from "../../support/assert.ts";
import { FakeClock } from "../../support/fake_clock.ts";
import { MemoryClient, rest } from "./support/memory.ts";

const IDLE_MS = 800;

function setUp(): { client: MemoryClient; output: Output; clock: FakeClock; stuck: () => number } {
  const client = new MemoryClient();
  const clock = new FakeClock();
  let stuck = 0;
  const output = new Output(client, new Wheel(clock, IDLE_MS), IDLE_MS, () => stuck++);
  return { client, output, clock, stuck: () => stuck };
}

Deno.test("Output.write() writes all, in as many writes as the client makes of it", async () => {
  const { client, output } = setUp();
  assert(await output.write(encodeUtf8("whole")));
  assertEquals(client.writes.length, 1);
  client.acceptBytes = 3;
  const writing = output.write(encodeUtf8("in parts"));
  await rest();
  client.resumeWrites();
  assert(await writing);
  assertEquals([client.received, client.writes.length], ["wholein parts", 3]);
  output[Symbol.dispose]();
});

Deno.test("Output.write() says that the connection is lost", async () => {
  const { client, output, clock } = setUp();
  client.acceptBytes = 0;
  const writing = output.write(encodeUtf8("a"));
  client.failWrites(new Deno.errors.BrokenPipe("broken"));
  assertEquals(await writing, false);
  client.close();
  assertEquals(await output.write(encodeUtf8("b")), false);
  output[Symbol.dispose]();
  assertEquals(clock.pending, 0);
});

Deno.test("Output tells of a client that takes nothing for too long, while it writes alone", async () => {
  const { client, output, clock, stuck } = setUp();
  assert(await output.write(encodeUtf8("a")));
  await clock.advance(10 * IDLE_MS);
  assertEquals(stuck(), 0);
  client.acceptBytes = 0;
  const writing = output.write(encodeUtf8("bcd"));
  for (let round = 0; round < 2; round++) {
    await clock.advance(IDLE_MS - 1);
    assertEquals(stuck(), 0);
    client.resumeWrites(1);
  }
  await clock.advance(IDLE_MS - 1);
  assertEquals([stuck(), client.received], [0, "abc"]);
  await clock.advance(IDLE_MS);
  assertEquals(stuck(), 1);
  client.failWrites(new Error("closed"));
  assertEquals(await writing, false);
  output[Symbol.dispose]();
});

Deno.test("Output.idle() resolves when nothing is being written", async () => {
  const { client, output } = setUp();
  await output.idle();
  client.acceptBytes = 0;
  const writing = output.write(encodeUtf8("a"));
  let idle = false;
  const waiting = output.idle().then(() => idle = true);
  await rest();
  assert(!idle);
  client.resumeWrites();
  await Promise.all([waiting, writing]);
  output[Symbol.dispose]();
});
