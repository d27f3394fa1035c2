import { type DescriptorSource, RouterError } from "../../lib/base/mod.ts";
import type { Dial } from "../../lib/upstream/mod.ts";
import { ROOM_MS } from "../../lib/upstream/room.ts";
import { assertEquals, assertRejects } from "../support/assert.ts";
import { settle } from "../support/fake_clock.ts";
import { wantOfDescriptors } from "../support/scarce.ts";
import { answer, Fixture, text } from "./support/fixture.ts";
import { MemoryEngines } from "./support/memory_engine.ts";

const URL_B = "http://10.0.0.2:8000";

/** Dials that fail, each with the next of `failures`, until there are none left. */
function failing(engines: MemoryEngines, failures: Error[]): Dial {
  return (origin, signal) => {
    const failure = failures.shift();
    return failure === undefined ? engines.dial(origin, signal) : Promise.reject(failure);
  };
}

/** Gives room so many times, and remembers how often it was asked. */
class FakeSource implements DescriptorSource {
  asked = 0;
  isScarce = false;

  constructor(public rooms: number) {}

  scarce(): boolean {
    return this.isScarce;
  }

  makeRoom(): Promise<boolean> {
    this.asked++;
    return Promise.resolve(this.rooms-- > 0);
  }
}

/** The client, whose connections are made unless they fail with the next of `failures`. */
function clientWith(failures: Error[], descriptors?: FakeSource): Fixture {
  const engines = new MemoryEngines();
  engines.onConnect = (socket) => socket.send(answer("ok"));
  return new Fixture({
    dial: failing(engines, failures),
    ...(descriptors === undefined ? {} : { descriptors }),
  });
}

Deno.test("client.send() connects again when room was made for it", async () => {
  const source = new FakeSource(9);
  const failures = [wantOfDescriptors(), wantOfDescriptors("ENFILE")];
  using fixture = clientWith(failures, source);
  const sent = fixture.send();
  await fixture.clock.advance(2 * ROOM_MS);
  assertEquals(await text(await sent), "ok");
  assertEquals([source.asked, failures.length, fixture.client.stats().open], [2, 0, 1]);
});

Deno.test("client.send() gives up an idle connection to any engine before it asks for room", async () => {
  const source = new FakeSource(0);
  const failures: Error[] = [];
  using fixture = clientWith(failures, source);
  await text(await fixture.send());
  assertEquals(fixture.client.stats(), { open: 1, idle: 1 });
  failures.push(wantOfDescriptors());
  const sent = fixture.send({ url: URL_B });
  await fixture.clock.advance(ROOM_MS);
  assertEquals(await text(await sent), "ok");
  assertEquals([source.asked, fixture.client.stats()], [0, { open: 1, idle: 1 }]);
});

Deno.test("client.send() is overloaded where nobody has room, and names no engine", async () => {
  for (const source of [undefined, new FakeSource(0)]) {
    using fixture = clientWith([wantOfDescriptors()], source);
    const error = await assertRejects(() => fixture.send(), RouterError);
    assertEquals(error.code, "overloaded");
    assertEquals(
      error.message,
      "The router has no file descriptor left for a connection to an engine",
    );
    assertEquals((error.cause as Error).message, wantOfDescriptors().message);
    assertEquals(fixture.clock.pending, 0);
  }
});

Deno.test("client.send() gives up when others take what was given up for it", async () => {
  const source = new FakeSource(Infinity);
  using fixture = clientWith(Array.from({ length: 100 }, () => wantOfDescriptors()), source);
  const sent = assertRejects(() => fixture.send(), RouterError);
  await fixture.clock.advance(100 * ROOM_MS);
  assertEquals((await sent).code, "overloaded");
  assertEquals(source.asked, 7);
});

Deno.test("client.send() takes a failed look-up for want where there is none to have", async () => {
  const lookup = (): Error => new Error("failed to lookup address information: Name unknown");
  const source = new FakeSource(9);
  source.isScarce = true;
  using scarce = clientWith([lookup()], source);
  const sent = scarce.send();
  await scarce.clock.advance(ROOM_MS);
  assertEquals(await text(await sent), "ok");
  const plenty = new FakeSource(9);
  using other = clientWith([lookup()], plenty);
  const error = await assertRejects(() => other.send(), RouterError);
  assertEquals([error.code, plenty.asked], ["upstream-unreachable", 0]);
});

Deno.test("client.send() does not connect again for a client that has gone", async () => {
  const gone = new AbortController();
  const failures = [wantOfDescriptors()];
  using fixture = clientWith(failures, new FakeSource(9));
  const sent = assertRejects(() => fixture.send({ signal: gone.signal }), RouterError);
  await settle();
  gone.abort();
  await fixture.clock.advance(ROOM_MS);
  assertEquals((await sent).code, "client-gone");
  assertEquals([fixture.client.stats().open, fixture.clock.pending], [0, 0]);
});
