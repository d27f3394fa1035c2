import { systemClock } from "../../lib/base/mod.ts";
import {
  bindPull,
  KvReadyBoard,
  type NoticeResult,
  type NotificationProxy,
  type PeerEvent,
  startNotificationProxy,
} from "../../lib/zmq/mod.ts";
import { assertEquals } from "../support/assert.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { python } from "./python_peer.ts";
import { Happenings, keepingLogger, take, within } from "./support.ts";

const clock = systemClock();

function boardOf(): KvReadyBoard {
  return new KvReadyBoard({
    clock,
    finishedTtlMs: 60_000,
    sweepIntervalMs: 60_000,
    maxEntries: 100,
  });
}

function start(
  board: KvReadyBoard,
  onNotice: (result: NoticeResult) => void,
  port = 0,
): Promise<NotificationProxy> {
  const { log } = keepingLogger(new FakeClock());
  const address = { host: "127.0.0.1", port };
  return startNotificationProxy({ address, board, log, clock, onNotice });
}

Deno.test("a Python peer of each generation makes two ranks ready", async () => {
  using board = boardOf();
  const results = new Happenings<NoticeResult>();
  await using proxy = await start(board, results.add);
  using old = board.expect("generation-a", { ranks: 2 });
  using common = board.expect("123e4567-e89b-12d3-a456-426614174000", { ranks: 2 });
  using cancelled = board.expect("cancelled", { ranks: 2 });
  using never = board.expect("never", { ranks: 1 });
  await using peer = python(
    `
first, second = rank(), rank()
for socket in (first, second):
    socket.send(notif("generation-a", "NixlProxyNotif"))
    socket.send(notif("123e4567-e89b-12d3-a456-426614174000"))
first.send(notif("cancelled", "CancelNotif", keys=["k"]))
first.send(b"\\xc1 no msgpack")
first.send(b"")
first.send_multipart([b"", notif("never")])
first.send(notif("never", "AllocRequest", keys=[], fmt=1))
first.send(notif("of nobody"))
first.send(msgpack.packb({"req_id": "last", "extra": None, "type": "ProxyNotif"}))
stop(first, second)
`,
    proxy.endpoint,
  );
  await peer.done;
  const timeoutMs = 10_000;
  assertEquals(await old.wait({ timeoutMs }), "ready");
  assertEquals(await common.wait({ timeoutMs }), "ready");
  assertEquals(await cancelled.wait({ timeoutMs }), "timed-out");
  await results.until("all messages", () => true, 11);
  assertEquals([old.received(), common.received(), never.received()], [2, 2, 0]);
  const counts = Object.groupBy(results.all, (result) => result);
  assertEquals(
    Object.fromEntries(Object.entries(counts).map(([result, all]) => [result, all.length])),
    {
      counted: 2,
      completed: 2,
      cancelled: 1,
      garbage: 3,
      "unknown-type": 1,
      early: 2,
    },
  );
});

Deno.test("a Python peer that was there first delivers what it queued", async () => {
  const { port } = await closedPort();
  using board = boardOf();
  await using peer = python(
    `
socket = rank()
for index in range(100):
    socket.send(notif(f"stale-{index}"))
socket.send(notif("awaited"))
print("queued", flush=True)
stop(socket)
`,
    `tcp://127.0.0.1:${port}`,
  );
  await peer.printed();
  using waiter = board.expect("awaited", { ranks: 1 });
  const results = new Happenings<NoticeResult>();
  await using _proxy = await start(board, results.add, port);
  assertEquals(await waiter.wait({ timeoutMs: 10_000 }), "ready");
  await peer.done;
  assertEquals(results.all.filter((result) => result === "early").length, 100);
});

Deno.test("a Python peer finds a router that was restarted on its port", async () => {
  using board = boardOf();
  const results = new Happenings<NoticeResult>();
  const first = await start(board, results.add);
  await using peer = python(
    `
socket = rank(RECONNECT_IVL=20)
for index in range(40):
    socket.send(notif(f"stale-{index}"))
    time.sleep(0.01)
socket.send(notif("last"))
stop(socket)
`,
    first.endpoint,
  );
  await results.until("some messages", () => true, 5);
  await first[Symbol.asyncDispose]();
  using waiter = board.expect("last", { ranks: 1 });
  await using _second = await start(board, results.add, first.port);
  assertEquals(await waiter.wait({ timeoutMs: 10_000 }), "ready");
  await peer.done;
  assertEquals(new Set(results.all), new Set<NoticeResult>(["early", "completed"]));
});

Deno.test("a Python peer with heartbeats stays connected", async () => {
  const events = new Happenings<PeerEvent>();
  await using socket = await bindPull({ host: "127.0.0.1", port: 0 }, {
    clock,
    onPeer: events.add,
  });
  await using peer = python(
    `
socket = rank(HEARTBEAT_IVL=30, HEARTBEAT_TIMEOUT=150)
socket.send(b"first")
time.sleep(0.6)
socket.send(b"second")
stop(socket)
`,
    socket.endpoint,
  );
  assertEquals((await within(take(socket.frames(), 2), "both messages")).length, 2);
  await peer.done;
  await events.until("the peer has left", ({ kind }) => kind === "left");
  assertEquals(events.all.map(({ kind }) => kind), ["joined", "left"]);
});

/** A port nobody listens on, a moment ago. */
async function closedPort(): Promise<{ port: number }> {
  await using socket = await bindPull({ host: "127.0.0.1", port: 0 }, { clock });
  return { port: socket.port };
}
