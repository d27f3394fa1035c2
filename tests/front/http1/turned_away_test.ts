import { DateField } from "../../../lib/front/http1/date_field.ts";
import { HURRIED_MS, MAX_TOLD, TOLD_MS, TurnedAway } from "../../../lib/front/http1/turned_away.ts";
import { assertEquals } from "../../support/assert.ts";
import { FakeClock } from "../../support/fake_clock.ts";
import { MemoryClient, rest } from "./support/memory.ts";
import { received } from "./support/server.ts";

const BUSY = "HTTP/1.1 503 Service Unavailable\r\ncontent-type: text/plain; charset=utf-8\r\n" +
  "retry-after: 1\r\ncontent-length: 21\r\nconnection: close\r\n\r\nToo many connections\n";

function setUp(): { clock: FakeClock; turnedAway: TurnedAway } {
  const clock = new FakeClock();
  return { clock, turnedAway: new TurnedAway(clock, new DateField(clock)) };
}

Deno.test("TurnedAway.tell() answers 503, and closes once the client has", async () => {
  const { clock, turnedAway } = setUp();
  const client = new MemoryClient();
  client.send("GET / HTTP/1.1\r\nhost: a\r\n\r\n");
  const telling = turnedAway.tell(client, false);
  await rest();
  assertEquals([received(client), client.writeClosed, client.closed], [BUSY, true, false]);
  client.send("more", null);
  await telling;
  assertEquals([client.closed, clock.pending], [true, 0]);
});

Deno.test("TurnedAway.tell() has an end in time and in bytes", async () => {
  const { clock, turnedAway } = setUp();
  const silent = new MemoryClient();
  const stuck = new MemoryClient();
  stuck.acceptBytes = 0;
  const telling = [turnedAway.tell(silent, false), turnedAway.tell(stuck, false)];
  await clock.advance(TOLD_MS - 1);
  assertEquals([silent.closed, stuck.closed], [false, false]);
  await clock.advance(1);
  await Promise.all(telling);
  assertEquals([silent.closed, stuck.closed, clock.pending], [true, true, 0]);
  const talkative = new MemoryClient();
  talkative.send(new Uint8Array(1_000_000));
  await turnedAway.tell(talkative, false);
  assertEquals([talkative.closed, talkative.unread, clock.pending], [true, 1, 0]);
});

Deno.test("TurnedAway.tell() does not care for clients that have gone", async () => {
  const { clock, turnedAway } = setUp();
  const reset = new MemoryClient();
  reset.send(new Deno.errors.ConnectionReset("reset"));
  const broken = new MemoryClient();
  broken.acceptBytes = 0;
  const telling = [turnedAway.tell(reset, false), turnedAway.tell(broken, true)];
  broken.failWrites(new Deno.errors.BrokenPipe("broken"));
  await Promise.all(telling);
  assertEquals([reset.closed, broken.closed, clock.pending], [true, true, 0]);
});

Deno.test("TurnedAway.tell() tells a bounded number at a time, and close() ends them", async () => {
  const { clock, turnedAway } = setUp();
  const clients = Array.from({ length: MAX_TOLD + 2 }, () => new MemoryClient());
  const telling = clients.map((client) => turnedAway.tell(client, false));
  await rest();
  const told = clients.filter((client) => client.received !== "");
  assertEquals([told.length, clients.filter(({ closed }) => closed).length], [MAX_TOLD, 2]);
  turnedAway.close();
  await Promise.all(telling);
  assertEquals([clients.every(({ closed }) => closed), clock.pending], [true, 0]);
});

Deno.test("TurnedAway.tell() in a hurry waits for the request, and not for long", async () => {
  const { clock, turnedAway } = setUp();
  const asking = new MemoryClient();
  const silent = new MemoryClient();
  const telling = [turnedAway.tell(asking, true), turnedAway.tell(silent, true)];
  await rest();
  asking.send("GET / HTTP/1.1\r\n");
  await telling[0];
  assertEquals([received(asking), asking.closed, silent.closed], [BUSY, true, false]);
  await clock.advance(HURRIED_MS);
  await telling[1];
  assertEquals([received(silent), silent.closed, clock.pending], [BUSY, true, 0]);
});
