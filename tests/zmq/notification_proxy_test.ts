import { Push } from "zeromq";
import { systemClock } from "../../lib/base/mod.ts";
import {
  type BindOptions,
  type BindPull,
  KvReadyBoard,
  type NoticeResult,
  type NotificationProxy,
  type PeerEvent,
  type PeerRefusal,
  type PullAddress,
  type PullSocket,
  startNotificationProxy,
} from "../../lib/zmq/mod.ts";
import { MessageQueue } from "../../lib/zmq/message_queue.ts";
import { assert, assertEquals, assertRejects } from "../support/assert.ts";
import { eventually } from "../support/eventually.ts";
import { FakeClock, settle } from "../support/fake_clock.ts";
import { Happenings, hex, keepingLogger, proxyNotif, within } from "./support.ts";

/** A socket whose messages and failures come from the test. */
class FakeSocket implements PullSocket {
  readonly endpoint = "tcp://10.0.0.1:7500";
  readonly port = 7500;
  readonly queue = new MessageQueue<readonly Uint8Array[]>(100);
  disposed = 0;

  constructor(readonly options: BindOptions) {}

  peers(): number {
    return 3;
  }

  frames(): AsyncIterable<readonly Uint8Array[]> {
    return this.queue.drain();
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.disposed++;
    this.queue.close();
    return Promise.resolve();
  }
}

const PEERS = { allow: [{ address: Uint8Array.of(10, 0, 0, 0), prefix: 8 }], maxPerAddress: 8 };

interface Setting extends AsyncDisposable {
  readonly clock: FakeClock;
  readonly board: KvReadyBoard;
  readonly lines: string[];
  readonly results: NoticeResult[];
  readonly refused: PeerRefusal[];
  readonly sockets: FakeSocket[];
  readonly addresses: PullAddress[];
  /** Errors of the binds to come; empty for success. */
  readonly failures: Error[];
  readonly proxy: NotificationProxy;
  /** The socket in use. */
  socket(): FakeSocket;
}

async function setting(port = 0): Promise<Setting> {
  const clock = new FakeClock();
  const board = new KvReadyBoard({
    clock,
    finishedTtlMs: 120_000,
    sweepIntervalMs: 60_000,
    maxEntries: 2,
  });
  const { log, lines } = keepingLogger(clock);
  const results: NoticeResult[] = [];
  const refused: PeerRefusal[] = [];
  const sockets: FakeSocket[] = [];
  const addresses: PullAddress[] = [];
  const failures: Error[] = [];
  const bind: BindPull = (address, options) => {
    addresses.push(address);
    const failure = failures.shift();
    if (failure !== undefined) return Promise.reject(failure);
    const socket = new FakeSocket(options);
    sockets.push(socket);
    return Promise.resolve(socket);
  };
  const proxy = await startNotificationProxy({
    address: { host: "10.0.0.1", port },
    board,
    log,
    clock,
    bind,
    onNotice: (result) => results.push(result),
    peers: PEERS,
    onRefused: (why) => refused.push(why),
  });
  return {
    clock,
    board,
    lines,
    results,
    refused,
    sockets,
    addresses,
    failures,
    proxy,
    socket: () => {
      const socket = sockets.at(-1);
      assert(socket !== undefined);
      return socket;
    },
    [Symbol.asyncDispose]: async () => {
      await proxy[Symbol.asyncDispose]();
      board[Symbol.dispose]();
      assertEquals(clock.pending, 0, "no timer is left behind");
      assertEquals(sockets.map(({ disposed }) => disposed > 0), sockets.map(() => true));
    },
  };
}

Deno.test("startNotificationProxy() brings notifications to the board", async () => {
  await using at = await setting();
  using waiter = at.board.expect("r", { ranks: 2 });
  const end = waiter.wait({ timeoutMs: 1000 });
  at.socket().queue.push([proxyNotif("r")]);
  at.socket().queue.push([proxyNotif("r", "NixlProxyNotif")]);
  assertEquals(await end, "ready");
  assertEquals(at.results, ["counted", "completed"]);
  assertEquals(at.lines, []);
  assertEquals([at.proxy.endpoint, at.proxy.port], ["tcp://10.0.0.1:7500", 7500]);
  assertEquals([at.proxy.listening, at.proxy.peers()], [true, 3]);
});

Deno.test("startNotificationProxy() tells its socket of the board's demand", async () => {
  await using at = await setting();
  const { demand } = at.socket().options;
  assertEquals(demand?.waiting, false);
  using _waiter = at.board.expect("r", { ranks: 1 });
  assertEquals(demand?.waiting, true);
});

Deno.test("startNotificationProxy() rejects when the address cannot be bound", async () => {
  const clock = new FakeClock();
  using board = new KvReadyBoard({
    clock,
    finishedTtlMs: 1000,
    sweepIntervalMs: 1000,
    maxEntries: 1,
  });
  const { log } = keepingLogger(clock);
  const bind: BindPull = () => Promise.reject(new Error("Cannot bind"));
  const address = { host: "10.0.0.1", port: 7500 };
  await assertRejects(
    () => startNotificationProxy({ address, board, log, clock, bind }),
    Error,
    "Cannot bind",
  );
  assertEquals(clock.pending, 1, "only the board's sweeper");
});

Deno.test("startNotificationProxy() warns of what it ignores, at most once a second", async () => {
  await using at = await setting();
  const { queue } = at.socket();
  for (let index = 0; index < 50; index++) queue.push([hex("c1")]);
  queue.push([]);
  for (let turn = 0; turn < 50; turn++) await settle();
  await at.clock.advance(1000);
  queue.push([hex(`82 a4 74 79 70 65 a3 58 58 58 a1 61 01`)]);
  await at.clock.advance(1000);
  queue.push([proxyNotif("x".repeat(400), "y".repeat(100))]);
  await at.clock.advance(0);
  assertEquals(at.results.filter((result) => result === "garbage").length, 51);
  assertEquals(at.results.filter((result) => result === "unknown-type").length, 2);
  const [first, second, third] = at.lines;
  assert(first?.startsWith("WARNING Ignored a malformed KV-ready notification reason="));
  assertEquals(
    second,
    "WARNING Ignored a KV-ready notification of unknown type type=XXX suppressed=50",
  );
  assertEquals(
    third,
    `WARNING Ignored a KV-ready notification of unknown type type=${"y".repeat(80)}...`,
  );
  assertEquals(at.lines.length, 3);
});

Deno.test("startNotificationProxy() tells what it left out when it stops", async () => {
  const at = await setting();
  for (let index = 0; index < 3; index++) at.socket().queue.push([]);
  await at.clock.advance(0);
  await at[Symbol.asyncDispose]();
  assertEquals(at.lines, [
    `WARNING Ignored a malformed KV-ready notification reason="0 frames"`,
    "WARNING Ignored more KV-ready notifications suppressed=2",
  ]);
});

Deno.test("startNotificationProxy() logs unexpected ids by what became of them", async () => {
  await using at = await setting();
  at.board.expect("ended", { ranks: 1 })[Symbol.dispose]();
  using cancelled = at.board.expect("cancelled", { ranks: 1 });
  for (const id of ["ended", "a", "b", "c"]) at.socket().queue.push([proxyNotif(id)]);
  await at.clock.advance(1000);
  at.socket().queue.push([proxyNotif("cancelled", "CancelNotif")]);
  await at.clock.advance(0);
  assertEquals(at.results, ["late", "early", "early", "dropped", "cancelled"]);
  assertEquals(at.lines, [
    "DEBUG KV-ready notification nobody waited for request=ended result=late",
    "DEBUG KV-ready notification nobody waited for request=a result=early",
    "DEBUG KV-ready notification nobody waited for request=b result=early",
    "WARNING Dropped an early KV-ready notification, too many are kept request=c",
    "WARNING KV transfer was cancelled request=cancelled",
  ]);
  assertEquals(cancelled.cancelled, true);
});

Deno.test("startNotificationProxy() logs peers, the rejected ones at a bounded rate", async () => {
  await using at = await setting();
  const events: readonly PeerEvent[] = [
    { kind: "joined", peer: "10.0.0.2:1" },
    { kind: "left", peer: "10.0.0.2:1" },
    { kind: "left", peer: "10.0.0.3:1", reason: "Connection reset" },
    { kind: "rejected", peer: "10.0.0.4:1", reason: "not a ZeroMQ peer" },
    { kind: "rejected", peer: "10.0.0.5:1", reason: "not a ZeroMQ peer" },
  ];
  for (const event of events) at.socket().options.onPeer?.(event);
  assertEquals(at.lines, [
    "DEBUG Prefill rank connected peer=10.0.0.2:1",
    "DEBUG Prefill rank disconnected peer=10.0.0.2:1",
    `DEBUG Prefill rank disconnected peer=10.0.0.3:1 reason="Connection reset"`,
    `WARNING Rejected a KV-ready peer peer=10.0.0.4:1 reason="not a ZeroMQ peer"`,
  ]);
});

Deno.test("startNotificationProxy() hands on who may come, and counts and logs who may not", async () => {
  await using at = await setting();
  assertEquals(at.socket().options.peers, PEERS);
  const refuse = (peer: string): void =>
    at.socket().options.onPeer?.({ kind: "refused", peer, why: "not_allowed", reason: "no" });
  for (let round = 0; round < 100; round++) refuse(`192.0.2.1:${round}`);
  assertEquals(at.refused.length, 100);
  assertEquals(at.lines.splice(0), [
    "WARNING Refused a KV-ready peer peer=192.0.2.1:0 reason=no",
  ]);
  await at.clock.advance(1000);
  refuse("192.0.2.1:1");
  refuse("192.0.2.1:2");
  assertEquals(at.lines.splice(0), [
    "WARNING Refused a KV-ready peer peer=192.0.2.1:1 reason=no suppressed=99",
  ]);
});

Deno.test("startNotificationProxy() binds a failed socket again, with growing pauses", async () => {
  await using at = await setting();
  at.failures.push(new Error("still taken"), new Error("still taken"));
  const [first] = at.sockets;
  first?.queue.fail(new Error("broken"));
  await settle();
  assertEquals([at.proxy.listening, at.proxy.peers(), first?.disposed], [false, 0, 1]);
  assertEquals(at.lines.splice(0), [
    "ERROR Cannot receive KV-ready notifications endpoint=tcp://10.0.0.1:7500 error=broken",
  ]);
  const binds: number[] = [];
  for (const ms of [99, 1, 199, 1, 399, 1]) {
    await at.clock.advance(ms);
    binds.push(at.addresses.length);
  }
  assertEquals(binds, [1, 2, 2, 3, 3, 4]);
  assertEquals(at.addresses.at(-1), { host: "10.0.0.1", port: 7500 }, "the port stays");
  assertEquals(at.lines.splice(0), [
    `ERROR Cannot receive KV-ready notifications error="still taken"`,
    `ERROR Cannot receive KV-ready notifications error="still taken"`,
    "INFO Receiving KV-ready notifications again endpoint=tcp://10.0.0.1:7500",
  ]);
  assertEquals(at.proxy.listening, true);
  using waiter = at.board.expect("r", { ranks: 1 });
  at.socket().queue.push([proxyNotif("r")]);
  assertEquals(await waiter.wait({ timeoutMs: 10 }), "ready");
});

Deno.test("startNotificationProxy() pauses at most five seconds between binds", async () => {
  await using at = await setting();
  for (let index = 0; index < 20; index++) at.failures.push(new Error("still taken"));
  at.socket().queue.fail(new Error("broken"));
  await at.clock.advance(60_000);
  const before = at.addresses.length;
  await at.clock.advance(10_000);
  assertEquals(at.addresses.length - before, 2);
});

Deno.test("NotificationProxy dispose ends the receive loop wherever it is", async () => {
  const receiving = await setting();
  await receiving[Symbol.asyncDispose]();
  await receiving.proxy[Symbol.asyncDispose]();
  assertEquals([receiving.lines, receiving.proxy.listening], [[], false]);

  const pausing = await setting();
  pausing.socket().queue.fail(new Error("broken"));
  await settle();
  await pausing[Symbol.asyncDispose]();
  assertEquals(pausing.addresses.length, 1);

  for (let turns = 0; turns < 80; turns++) {
    const binding = await setting();
    binding.socket().queue.fail(new Error("broken"));
    await settle();
    const advanced = binding.clock.advance(100);
    for (let turn = 0; turn < turns; turn++) await Promise.resolve();
    await within(
      Promise.resolve(binding[Symbol.asyncDispose]()),
      `dispose ${turns} turns into a bind`,
    );
    await advanced;
  }
});

Deno.test("NotificationProxy dispose waits for a bind under way and closes its socket", async () => {
  const clock = new FakeClock();
  using board = new KvReadyBoard({
    clock,
    finishedTtlMs: 1000,
    sweepIntervalMs: 1000,
    maxEntries: 1,
  });
  const { log } = keepingLogger(clock);
  const [first, second] = [new FakeSocket({ clock }), new FakeSocket({ clock })];
  const gate = Promise.withResolvers<PullSocket>();
  const binds = [Promise.resolve(first), gate.promise];
  const bind: BindPull = () => binds.shift() ?? Promise.reject(new Error("one bind too many"));
  const address = { host: "10.0.0.1", port: 7500 };
  const proxy = await startNotificationProxy({ address, board, log, clock, bind });
  first.queue.fail(new Error("broken"));
  await clock.advance(100);
  assertEquals(binds.length, 0, "it binds again");
  let disposed = false;
  const disposing = Promise.resolve(proxy[Symbol.asyncDispose]()).then(() => disposed = true);
  await settle();
  assertEquals(disposed, false);
  gate.resolve(second);
  await within(disposing, "the end of the proxy");
  assertEquals([second.disposed, proxy.listening], [1, false]);
});

Deno.test("startNotificationProxy() works over a real socket, and again after a restart", async () => {
  const clock = systemClock();
  using board = new KvReadyBoard({
    clock,
    finishedTtlMs: 60_000,
    sweepIntervalMs: 60_000,
    maxEntries: 100,
  });
  const results = new Happenings<NoticeResult>();
  const fake = keepingLogger(new FakeClock(), "info");
  const start = (port: number): Promise<NotificationProxy> =>
    startNotificationProxy({
      address: { host: "127.0.0.1", port },
      board,
      log: fake.log,
      clock,
      onNotice: results.add,
    });
  const first = await start(0);
  const rank = new Push({ linger: 0, reconnectInterval: 10 });
  try {
    rank.connect(first.endpoint);
    using waiter = board.expect("first", { ranks: 2 });
    await rank.send(proxyNotif("first"));
    await rank.send(proxyNotif("first"));
    assertEquals(await waiter.wait({ timeoutMs: 10_000 }), "ready");
    waiter[Symbol.dispose]();

    await first[Symbol.asyncDispose]();
    await using second = await start(first.port);
    assertEquals(second.endpoint, first.endpoint);
    using next = board.expect("next", { ranks: 1 });
    await eventually(() => second.peers() > 0, () => "the rank is back");
    // What a rank has queued for the router that is gone: requests nobody waits for.
    for (const id of ["first", "unknown", "next"]) await rank.send(proxyNotif(id));
    assertEquals(await next.wait({ timeoutMs: 10_000 }), "ready");
    assertEquals(results.all, ["counted", "completed", "late", "early", "completed"]);
    assertEquals(fake.lines, []);
  } finally {
    rank.close();
  }
});
