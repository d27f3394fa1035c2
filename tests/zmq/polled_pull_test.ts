import type { Lease } from "../../lib/base/mod.ts";
import { WaiterCount } from "../../lib/zmq/demand.ts";
import type { PeerEvent, PullSocket } from "../../lib/zmq/mod.ts";
import {
  BUSY_POLL_MS,
  CLOSE_TIMEOUT_MS,
  IDLE_POLL_MS,
  MAX_TAKEN,
  pollPull,
} from "../../lib/zmq/polled_pull.ts";
import { assert, assertEquals, assertRejects } from "../support/assert.ts";
import { FakeClock, settle } from "../support/fake_clock.ts";
import { FakeNative } from "./fake_native.ts";
import { take } from "./support.ts";

interface Setting extends AsyncDisposable {
  readonly clock: FakeClock;
  readonly native: FakeNative;
  readonly demand: WaiterCount;
  readonly events: PeerEvent[];
  readonly socket: PullSocket;
  /** Looks at the native socket since the last call. */
  looks(): number;
}

function setting(native = new FakeNative()): Setting {
  const clock = new FakeClock();
  const demand = new WaiterCount();
  const events: PeerEvent[] = [];
  const onPeer = (event: PeerEvent): void => void events.push(event);
  const socket = pollPull(native, { clock, demand, onPeer });
  let seen = 0;
  return {
    clock,
    native,
    demand,
    events,
    socket,
    looks: () => {
      const looks = native.looks - seen;
      seen = native.looks;
      return looks;
    },
    [Symbol.asyncDispose]: async () => {
      await socket[Symbol.asyncDispose]();
      assertEquals([native.closed, clock.pending], [1, 0], "closed once, no timer left");
    },
  };
}

function message(text: string): readonly Uint8Array[] {
  return text.split("|").map((frame) => new TextEncoder().encode(frame));
}

function texts(messages: readonly (readonly Uint8Array[])[]): string[] {
  const decoder = new TextDecoder();
  return messages.map((frames) => frames.map((frame) => decoder.decode(frame)).join("|"));
}

/** A look once settled, which a clock that stands still does not repeat. */
async function settled(at: Setting): Promise<void> {
  await settle();
  at.looks();
}

Deno.test("pollPull() is where the native socket is bound", async () => {
  await using at = setting();
  assertEquals([at.socket.endpoint, at.socket.port], ["tcp://10.0.0.1:7500", 7500]);
});

Deno.test("pollPull() looks seldom while nobody waits, and takes what is there all the same", async () => {
  await using at = setting();
  await settled(at);
  await at.clock.advance(IDLE_POLL_MS - 1);
  assertEquals(at.looks(), 0);
  await at.clock.advance(1);
  assertEquals(at.looks(), 1);
  await at.clock.advance(9 * IDLE_POLL_MS);
  assertEquals(at.looks(), 9);
  at.native.messages.push(message("a"), message("b|c"));
  await at.clock.advance(IDLE_POLL_MS);
  assertEquals(texts(await take(at.socket.frames(), 2)), ["a", "b|c"]);
});

Deno.test("pollPull() looks at once when waiting begins, and often while it lasts", async () => {
  await using at = setting();
  await settled(at);
  await at.clock.advance(IDLE_POLL_MS / 2);
  at.native.messages.push(message("early"));
  const waiters = [at.demand.enter(), at.demand.enter()];
  assertEquals(texts(await take(at.socket.frames(), 1)), ["early"], "no time has passed");
  await settled(at);
  await at.clock.advance(20 * BUSY_POLL_MS);
  assertEquals(at.looks(), 20);
  waiters.pop()?.release();
  await at.clock.advance(20 * BUSY_POLL_MS);
  assertEquals(at.looks(), 20, "one waits still");
  waiters.pop()?.release();
  await at.clock.advance(BUSY_POLL_MS);
  assertEquals(at.looks(), 1, "the pause that had begun");
  await at.clock.advance(IDLE_POLL_MS - 1);
  assertEquals(at.looks(), 0);
});

Deno.test("pollPull() wakes for each beginning, and has one timer whatever comes", async () => {
  await using at = setting();
  await settle();
  for (let round = 0; round < 5; round++) {
    at.looks();
    at.demand.enter().release();
    await settle();
    assertEquals([at.looks(), at.clock.pending], [1, 1]);
  }
});

Deno.test("pollPull() looks often when it was told of no demand", async () => {
  const clock = new FakeClock();
  const native = new FakeNative();
  await using _socket = pollPull(native, { clock });
  await settle();
  native.looks = 0;
  await clock.advance(10 * BUSY_POLL_MS);
  assertEquals(native.looks, 10);
});

Deno.test("pollPull() takes a bounded number in one look, the rest after everybody's turn", async () => {
  const native = new FakeNative();
  const count = 3 * MAX_TAKEN + 1;
  for (let index = 0; index < count; index++) native.messages.push(message(`${index}`));
  await using at = setting(native);
  let turns = 0;
  // Each message takes a few turns of promises; more of them than a look takes.
  const drained = async (): Promise<number> => {
    for (let turn = 0; turn < 4 * MAX_TAKEN; turn++) await settle();
    turns++;
    return native.messages.length;
  };
  for (let left = count; left > 0;) {
    left = Math.max(0, left - MAX_TAKEN);
    assertEquals(await drained(), left);
    await at.clock.advance(0);
  }
  assertEquals(turns, 4);
  const expected = Array.from({ length: count }, (_, index) => `${index}`);
  assertEquals(texts(await take(at.socket.frames(), count)), expected);
});

Deno.test("pollPull() takes no more while 1024 messages wait", async () => {
  const native = new FakeNative();
  for (let index = 0; index < 1500; index++) native.messages.push(message(`${index}`));
  await using at = setting(native);
  using _busy: Lease = at.demand.enter();
  for (let turn = 0; turn < 50; turn++) await at.clock.advance(IDLE_POLL_MS);
  assertEquals(native.messages.length, 1500 - 1024);
  assertEquals(at.clock.pending, 0, "it waits for room, not for time");
  const taking = take(at.socket.frames(), 1500);
  for (let turn = 0; turn < 50; turn++) await at.clock.advance(BUSY_POLL_MS);
  assertEquals((await taking).length, 1500);
});

Deno.test("pollPull() drops messages of many frames and of many bytes, and says so", async () => {
  await using at = setting();
  const long = new Uint8Array(2049);
  at.native.messages.push(
    Array.from({ length: 9 }, () => new Uint8Array()),
    [long, long],
    Array.from({ length: 8 }, () => new Uint8Array(512)),
  );
  await at.clock.advance(IDLE_POLL_MS);
  const [taken] = await take(at.socket.frames(), 1);
  assertEquals(taken?.length, 8);
  const rejected = { kind: "rejected", peer: "unknown" } as const;
  assertEquals(at.events, [
    { ...rejected, reason: "dropped a message of over 8 frames" },
    { ...rejected, reason: "dropped a message of over 4096 bytes" },
  ]);
});

Deno.test("pollPull() counts peers as its monitor tells", async () => {
  await using at = setting();
  at.native.happen({ type: "handshake" });
  at.native.happen({ type: "handshake" });
  await settle();
  assertEquals(at.socket.peers(), 2);
  at.native.happen({ type: "disconnect" });
  await settle();
  assertEquals(at.socket.peers(), 1);
  assertEquals(at.events.map(({ kind }) => kind), ["joined", "joined", "left"]);
});

Deno.test("pollPull() fails its consumer when the native socket or its monitor fails", async () => {
  const receiving = setting();
  receiving.native.messages.push(message("last"), new Error("Context is closed"));
  const messages = receiving.socket.frames()[Symbol.asyncIterator]();
  const first = messages.next();
  await receiving.clock.advance(IDLE_POLL_MS);
  assertEquals(texts([(await first).value]), ["last"]);
  await assertRejects(() => messages.next(), Error, "Context is closed");
  await receiving[Symbol.asyncDispose]();

  const watching = setting();
  watching.native.happen(new Error("Socket is closed"));
  await assertRejects(() => take(watching.socket.frames(), 1), Error, "Socket is closed");
  await watching.clock.advance(IDLE_POLL_MS);
  await watching[Symbol.asyncDispose]();
});

Deno.test("PullSocket dispose ends frames and polling wherever they are, once", async () => {
  for (const waiting of [false, true]) {
    const at = setting();
    if (waiting) at.demand.enter();
    const rest = take(at.socket.frames(), 1);
    await settle();
    await at[Symbol.asyncDispose]();
    await at[Symbol.asyncDispose]();
    assertEquals(await rest, []);
    at.looks();
    at.demand.enter();
    await at.clock.advance(10 * IDLE_POLL_MS);
    assertEquals(at.looks(), 0, "nobody looks at a closed socket");
  }
});

Deno.test("PullSocket dispose in the middle of a flood drops what is left", async () => {
  const native = new FakeNative();
  for (let index = 0; index < 3000; index++) native.messages.push(message("x"));
  const at = setting(native);
  for (let turn = 0; turn < 50; turn++) await at.clock.advance(IDLE_POLL_MS);
  assertEquals((await take(at.socket.frames(), 10)).length, 10);
  await at[Symbol.asyncDispose]();
  assertEquals(await take(at.socket.frames(), 1), []);
});

Deno.test("PullSocket dispose waits for the end of the native socket, for a second at most", async () => {
  const native = new FakeNative(false);
  const at = setting(native);
  await settle();
  let disposed = false;
  const disposing = at[Symbol.asyncDispose]().then(() => disposed = true);
  await at.clock.advance(CLOSE_TIMEOUT_MS - 1);
  assertEquals([native.closed, disposed], [1, false]);
  await at.clock.advance(1);
  await disposing;

  const slow = new FakeNative(false);
  const soon = setting(slow);
  await settle();
  const ending = soon[Symbol.asyncDispose]();
  await settle();
  assert(soon.clock.dueIn(CLOSE_TIMEOUT_MS));
  slow.happen({ type: "close" });
  slow.happen({ type: "end" });
  await ending;
});
