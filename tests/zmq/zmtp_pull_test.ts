import { Push } from "zeromq";
import { systemClock } from "../../lib/base/mod.ts";
import { bindPull, type PeerEvent, type PullSocket } from "../../lib/zmq/mod.ts";
import { type PullStream, servePull } from "../../lib/zmq/zmtp_pull.ts";
import { assert, assertEquals, assertRejects, assertStringIncludes } from "../support/assert.ts";
import { FakeClock, settle } from "../support/fake_clock.ts";
import { wantOfDescriptors } from "../support/scarce.ts";
import { FakeStream, PEER_GREETING, PEER_READY } from "./fake_stream.ts";
import { Happenings, take, within } from "./support.ts";

const clock = systemClock();
const ANY = { host: "127.0.0.1", port: 0 } as const;

/** A PUSH socket of libzmq; `using` closes it, dropping what it has not sent. */
function push(endpoint: string): Push & Disposable {
  const socket = new Push({ linger: 0, sendHighWaterMark: 0, reconnectInterval: 10 });
  socket.connect(endpoint);
  return Object.assign(Object.create(socket), {
    send: (message: string | string[]) => socket.send(message),
    [Symbol.dispose]: () => socket.close(),
  });
}

function texts(messages: readonly (readonly Uint8Array[])[]): string[] {
  const decoder = new TextDecoder();
  return messages.map((frames) => frames.map((frame) => decoder.decode(frame)).join("|"));
}

/** The next `count` messages as text, frames joined by `|`. */
async function receive(socket: PullSocket, count: number): Promise<string[]> {
  return texts(await within(take(socket.frames(), count), `${count} messages`));
}

Deno.test("bindPull() receives from libzmq peers, each in its order", async () => {
  const events = new Happenings<PeerEvent>();
  await using socket = await bindPull(ANY, { clock, onPeer: events.add });
  assertEquals(socket.endpoint, `tcp://127.0.0.1:${socket.port}`);
  assert(socket.port > 0);
  {
    using a = push(socket.endpoint);
    using b = push(socket.endpoint);
    for (let index = 0; index < 500; index++) {
      await a.send(`a${index}`);
      await b.send(`b${index}`);
    }
    const received = await receive(socket, 1000);
    for (const peer of ["a", "b"]) {
      assertEquals(
        received.filter((text) => text.startsWith(peer)),
        Array.from({ length: 500 }, (_, index) => `${peer}${index}`),
      );
    }
    assertEquals(socket.peers(), 2);
  }
  await events.until("both peers have left", ({ kind }) => kind === "left", 2);
  assertEquals(socket.peers(), 0);
  assertEquals(events.all.map(({ kind }) => kind), ["joined", "joined", "left", "left"]);
});

Deno.test("bindPull() receives what is sent long after a peer has connected", async () => {
  const events = new Happenings<PeerEvent>();
  await using socket = await bindPull(ANY, { clock, onPeer: events.add });
  const messages = socket.frames()[Symbol.asyncIterator]();
  const first = messages.next();
  using peer = push(socket.endpoint);
  await events.until("the peer has joined", ({ kind }) => kind === "joined");
  await peer.send("late");
  const { value } = await within(first, "the message");
  assertEquals(texts([value ?? []]), ["late"]);
});

Deno.test("bindPull() gives messages of several frames, empty and of 4 KiB as they are", async () => {
  await using socket = await bindPull(ANY, { clock });
  using peer = push(socket.endpoint);
  const long = "x".repeat(4096);
  await peer.send(["", "body"]);
  await peer.send("");
  await peer.send(long);
  assertEquals(await receive(socket, 3), ["|body", "", long]);
});

Deno.test("bindPull() drops a peer for a frame over 4 KiB, and only that peer", async () => {
  const events = new Happenings<PeerEvent>();
  await using socket = await bindPull(ANY, { clock, onPeer: events.add });
  using good = push(socket.endpoint);
  using bad = push(socket.endpoint);
  await events.until("both have joined", ({ kind }) => kind === "joined", 2);
  await bad.send("x".repeat(4097));
  await events.until("one is rejected", ({ kind }) => kind === "rejected");
  const rejected = events.all.find((event) => event.kind === "rejected");
  assertEquals(rejected?.reason, "frame of 4097 bytes, the limit is 4096");
  await good.send("good");
  assertEquals(await receive(socket, 1), ["good"]);
  await events.until("the peer is back", ({ kind }) => kind === "joined", 3);
  await bad.send("better");
  assertEquals(await receive(socket, 1), ["better"]);
  assertEquals(socket.peers(), 2);
});

Deno.test("bindPull() turns away what is no ZeroMQ peer, and does not mind a port probe", async () => {
  const events = new Happenings<PeerEvent>();
  await using socket = await bindPull(ANY, { clock, onPeer: events.add });
  const target = { hostname: "127.0.0.1", port: socket.port };
  (await Deno.connect(target)).close();
  using stranger = await Deno.connect(target);
  await stranger.write(new TextEncoder().encode("GET / HTTP/1.1\r\n\r\n"));
  await events.until("it is rejected", ({ kind }) => kind === "rejected");
  const [event] = events.all;
  assert(event?.kind === "rejected");
  assertEquals(event.reason, "not a ZeroMQ peer");
  const { port } = stranger.localAddr;
  assertEquals(event.peer, `127.0.0.1:${port}`);
  assertEquals(events.all.length, 1, "the probe is not told");
  assertEquals(socket.peers(), 0);
  using peer = push(socket.endpoint);
  await peer.send("still here");
  assertEquals(await receive(socket, 1), ["still here"]);
});

Deno.test("bindPull() reads the host names of the flags", async () => {
  for (
    const [host, endpoint] of [
      ["*", "tcp://0.0.0.0:"],
      ["0.0.0.0", "tcp://0.0.0.0:"],
      ["localhost", "tcp://127.0.0.1:"],
      ["::1", "tcp://[::1]:"],
      ["[::]", "tcp://[::]:"],
    ] as const
  ) {
    await using socket = await bindPull({ host, port: 0 }, { clock });
    assertEquals(socket.endpoint, `${endpoint}${socket.port}`);
  }
});

Deno.test("bindPull() receives over IPv6", async () => {
  const events = new Happenings<PeerEvent>();
  await using socket = await bindPull({ host: "[::1]", port: 0 }, { clock, onPeer: events.add });
  const sender = new Push({ linger: 0, ipv6: true });
  try {
    sender.connect(socket.endpoint);
    await sender.send("six");
    assertEquals(await receive(socket, 1), ["six"]);
    assertStringIncludes(events.all[0]?.peer ?? "", "[::1]:");
  } finally {
    sender.close();
  }
});

Deno.test("bindPull() rejects with the address, the cause and what to change", async () => {
  await using taken = await bindPull(ANY, { clock });
  const failing = [
    [
      { host: "127.0.0.1", port: taken.port },
      `Cannot bind the KV-ready socket to tcp://127.0.0.1:${taken.port}: address already in use ` +
      "(choose another port with --nixl-proxy-port)",
    ],
    [
      { host: "192.0.2.1", port: 7500 },
      "Cannot bind the KV-ready socket to tcp://192.0.2.1:7500: not an address of this machine " +
      "(see --nixl-proxy-host)",
    ],
    [
      { host: "no such host", port: 7500 },
      "Cannot bind the KV-ready socket to tcp://no such host:7500: ",
    ],
    [{ host: "127.0.0.1", port: 65_536 }, "tcp://127.0.0.1:65536: the port must be 0 to 65535"],
    [{ host: "127.0.0.1", port: 1.5 }, "the port must be 0 to 65535"],
  ] as const;
  for (const [address, message] of failing) {
    await assertRejects(() => bindPull(address, { clock }), Error, message);
  }
});

Deno.test("PullSocket dispose ends frames() and frees the port with peers connected", async () => {
  let { port } = ANY as { port: number };
  for (let round = 0; round < 20; round++) {
    const events: PeerEvent[] = [];
    const onPeer = (event: PeerEvent): void => void events.push(event);
    const socket = await bindPull({ host: "127.0.0.1", port }, { clock, onPeer });
    ({ port } = socket);
    using peer = push(socket.endpoint);
    await peer.send("x");
    assertEquals(await receive(socket, 1), ["x"]);
    const rest = receive(socket, 1);
    events.splice(0);
    await settle();
    await socket[Symbol.asyncDispose]();
    assertEquals(await rest, []);
    assertEquals(events, [], "that its own end makes peers leave is not told");
    await socket[Symbol.asyncDispose]();
  }
});

Deno.test("PullSocket dispose leaves nothing behind in the middle of a flood", async () => {
  const socket = await bindPull(ANY, { clock });
  using peer = push(socket.endpoint);
  for (let index = 0; index < 20_000; index++) await peer.send(`message ${index}`);
  assertEquals((await receive(socket, 100)).length, 100);
  await socket[Symbol.asyncDispose]();
  assertEquals(await receive(socket, 1), []);
});

Deno.test("bindPull() on the same port gets what a connected peer has queued meanwhile", async () => {
  const first = await bindPull(ANY, { clock });
  using peer = push(first.endpoint);
  await peer.send("before");
  assertEquals(await receive(first, 1), ["before"]);
  const events = new Happenings<PeerEvent>();
  await first[Symbol.asyncDispose]();
  await using second = await bindPull({ host: "127.0.0.1", port: first.port }, {
    clock,
    onPeer: events.add,
  });
  await events.until("the peer is back", ({ kind }) => kind === "joined");
  for (const text of ["one", "two"]) await peer.send(text);
  assertEquals(await receive(second, 2), ["one", "two"]);
});

/** A listener whose connections and failures come from the test. */
function fakeListener(outcomes: readonly (() => Promise<PullStream>)[]): {
  listener: Parameters<typeof servePull>[0];
  accepts: () => number;
  closed: () => number;
} {
  let accepts = 0;
  let closed = 0;
  let close = (): void => {};
  return {
    listener: {
      addr: { hostname: "127.0.0.1", port: 7500 },
      accept: () =>
        outcomes[accepts++]?.() ?? new Promise((_, reject) => {
          close = () => reject(new Deno.errors.BadResource("Listener has been closed"));
        }),
      close: () => {
        closed++;
        close();
      },
    },
    accepts: () => accepts,
    closed: () => closed,
  };
}

Deno.test("servePull() accepts again after a pause when accepting fails", async () => {
  const fake = new FakeClock();
  const full = (): Promise<PullStream> => Promise.reject(new Error("Too many open files"));
  const { listener, accepts, closed } = fakeListener([full, full]);
  const events: PeerEvent[] = [];
  const socket = servePull(listener, { clock: fake, onPeer: (event) => events.push(event) });
  await settle();
  assertEquals([accepts(), fake.pending], [1, 1]);
  await fake.advance(100);
  assertEquals(accepts(), 2);
  await fake.advance(100);
  assertEquals([accepts(), fake.pending], [3, 0]);
  const rejected = { kind: "rejected", peer: "unknown" } as const;
  const reason = "cannot accept: Too many open files";
  assertEquals(events, [{ ...rejected, reason }, { ...rejected, reason }]);
  await socket[Symbol.asyncDispose]();
  assertEquals(closed(), 1);
});

Deno.test("servePull() dispose does not wait out the pause of a failed accept", async () => {
  const fake = new FakeClock();
  const full = (): Promise<PullStream> => Promise.reject(new Error("Too many open files"));
  const socket = servePull(fakeListener([full]).listener, { clock: fake });
  await settle();
  assertEquals(fake.pending, 1);
  await socket[Symbol.asyncDispose]();
  assertEquals(fake.pending, 0);
});

Deno.test("servePull() fails its consumer when the listener is gone", async () => {
  const gone = (): Promise<PullStream> => Promise.reject(new Deno.errors.BadResource("gone"));
  const { listener } = fakeListener([gone]);
  const dead = {
    ...listener,
    close: (): void => {
      throw new Deno.errors.BadResource("gone");
    },
  };
  const socket = servePull(dead, { clock: new FakeClock() });
  await assertRejects(() => take(socket.frames(), 1), Deno.errors.BadResource, "gone");
  await socket[Symbol.asyncDispose]();
});

/** A stream of a peer that has completed its handshake and sent `more`. */
function peerStream(...more: number[]): FakeStream {
  const stream = new FakeStream();
  stream.deliver(Uint8Array.of(...PEER_GREETING, ...PEER_READY, ...more));
  return stream;
}

Deno.test("servePull() refuses connections above its limit until others have gone", async () => {
  const [first, second, third] = [peerStream(), peerStream(), peerStream()];
  const gate = Promise.withResolvers<PullStream>();
  const { listener } = fakeListener([
    () => Promise.resolve(first),
    () => Promise.resolve(second),
    () => gate.promise,
  ]);
  const events: PeerEvent[] = [];
  const onPeer = (event: PeerEvent): void => void events.push(event);
  const socket = servePull(listener, { clock: new FakeClock(), onPeer }, 1);
  await settle();
  assertEquals([first.closed, second.closed, socket.peers()], [0, 1, 1]);
  assertEquals(events.filter(({ kind }) => kind === "rejected"), [
    { kind: "rejected", peer: "10.0.0.2:4000", reason: "1 connections are open" },
  ]);
  first.deliver(null);
  await settle();
  assertEquals([first.closed, socket.peers()], [1, 0]);
  gate.resolve(third);
  await settle();
  assertEquals([third.closed, socket.peers()], [0, 1]);
  await socket[Symbol.asyncDispose]();
  assertEquals(third.closed, 1);
});

Deno.test("servePull() lets in peers of the networks that are allowed, and so many of each address", async () => {
  const from = (hostname: string): FakeStream =>
    Object.assign(peerStream(), { remoteAddr: { hostname, port: 4000 } });
  const streams = ["10.0.0.1", "192.0.2.1", "::ffff:10.0.0.1", "10.0.0.1", "10.0.0.2"].map(from);
  const gate = Promise.withResolvers<PullStream>();
  const { listener } = fakeListener([
    ...streams.map((stream) => () => Promise.resolve(stream)),
    () => gate.promise,
  ]);
  const events: PeerEvent[] = [];
  const socket = servePull(listener, {
    clock: new FakeClock(),
    onPeer: (event) => events.push(event),
    peers: {
      allow: [{ address: Uint8Array.of(10, 0, 0, 0), prefix: 8 }],
      maxPerAddress: 2,
    },
  });
  await settle();
  assertEquals([streams.map(({ closed }) => closed), socket.peers()], [[0, 1, 0, 1, 0], 3]);
  assertEquals(events.filter(({ kind }) => kind === "refused"), [
    {
      kind: "refused",
      peer: "192.0.2.1:4000",
      why: "not_allowed",
      reason: "its address is not in --nixl-proxy-allow",
    },
    {
      kind: "refused",
      peer: "10.0.0.1:4000",
      why: "per_address",
      reason: "its address has --nixl-proxy-max-per-address connections",
    },
  ]);
  streams[0]?.deliver(null);
  await settle();
  const late = from("10.0.0.1");
  gate.resolve(late);
  await settle();
  assertEquals([late.closed, socket.peers()], [0, 3]);
  await socket[Symbol.asyncDispose]();
  assertEquals(late.closed, 1);
});

Deno.test("servePull() reads no further while 1024 messages wait", async () => {
  const message = [0, 1, 0x61];
  const stream = peerStream(...Array.from({ length: 2000 }, () => message).flat());
  const { listener } = fakeListener([() => Promise.resolve(stream)]);
  await using socket = servePull(listener, { clock: new FakeClock() });
  await settle();
  stream.deliver(Uint8Array.of(0, 1, 0x62));
  await settle();
  assertEquals(stream.unread, 1, "the rest stays with the peer");
  const received = await receive(socket, 2001);
  assertEquals([received.at(-2), received.at(-1), stream.unread], ["a", "b", 0]);
});

Deno.test("PullSocket dispose resolves when the last connection has ended", async () => {
  const stream = peerStream();
  const gate = Promise.withResolvers<number | null>();
  await stream.read(new Uint8Array(1000));
  stream.read = () => gate.promise;
  const { listener } = fakeListener([() => Promise.resolve(stream)]);
  const socket = servePull(listener, { clock: new FakeClock() });
  await settle();
  let disposed = false;
  const disposing = socket[Symbol.asyncDispose]().then(() => disposed = true);
  await settle();
  assertEquals([stream.closed, disposed], [1, false]);
  gate.resolve(null);
  await disposing;
});

Deno.test("PullSocket dispose resolves when it accepts no more", async () => {
  const gate = Promise.withResolvers<PullStream>();
  const { listener } = fakeListener([() => gate.promise]);
  const socket = servePull(listener, { clock: new FakeClock() });
  let disposed = false;
  const disposing = socket[Symbol.asyncDispose]().then(() => disposed = true);
  await settle();
  assertEquals(disposed, false);
  gate.reject(new Deno.errors.BadResource("Listener has been closed"));
  await disposing;
});

Deno.test("PullSocket dispose closes a connection that is accepted at the last moment", async () => {
  const gate = Promise.withResolvers<PullStream>();
  const { listener } = fakeListener([() => gate.promise]);
  const socket = servePull(listener, { clock: new FakeClock() });
  const stream = peerStream();
  gate.resolve(stream);
  await within(Promise.resolve(socket[Symbol.asyncDispose]()), "the end of the socket", 1000);
  assertEquals([stream.closed, socket.peers()], [1, 0]);
});

Deno.test("servePull() has room made where it finds no descriptor, and for nothing else", async () => {
  const fake = new FakeClock();
  let asked = 0;
  const descriptors = {
    scarce: () => true,
    makeRoom: () => (asked++, Promise.resolve(true)),
  };
  const want = (): Promise<PullStream> => Promise.reject(wantOfDescriptors());
  const other = (): Promise<PullStream> => Promise.reject(new Error("Connection aborted"));
  const { listener, accepts } = fakeListener([want, other, want]);
  await using _socket = servePull(listener, { clock: fake, descriptors });
  await fake.advance(300);
  assertEquals([accepts(), asked], [4, 2]);
});

Deno.test("servePull() holds as many connections as it is told", async () => {
  const streams = [new FakeStream(), new FakeStream(), new FakeStream()];
  const { listener } = fakeListener(streams.map((stream) => () => Promise.resolve(stream)));
  const events: PeerEvent[] = [];
  await using _socket = servePull(listener, {
    clock: new FakeClock(),
    maxConnections: 2,
    onPeer: (event) => void events.push(event),
  });
  await settle();
  assertEquals(streams.map(({ closed }) => closed), [0, 0, 1]);
  assertEquals(events, [
    { kind: "rejected", peer: "10.0.0.2:4000", reason: "2 connections are open" },
  ]);
});
