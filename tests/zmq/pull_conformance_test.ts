import { Push } from "zeromq";
import { systemClock } from "../../lib/base/mod.ts";
import { PROXY_SOCKETS, type ProxySocket } from "../../lib/config/mod.ts";
import { decodeNotice, type PeerEvent, pullBinder, type PullSocket } from "../../lib/zmq/mod.ts";
import { assert, assertEquals, assertRejects } from "../support/assert.ts";
import { eventually } from "../support/eventually.ts";
import { PEER_GREETING, PEER_READY } from "./fake_stream.ts";
import { python } from "./python_peer.ts";
import { Happenings, hex, take, within } from "./support.ts";

const clock = systemClock();
const HOST = "127.0.0.1";

interface Bound {
  readonly socket: PullSocket;
  readonly events: Happenings<PeerEvent>;
  /** The next `count` messages as text, frames joined by `|`. */
  receive(count: number): Promise<string[]>;
  [Symbol.asyncDispose](): Promise<void>;
}

async function bind(kind: ProxySocket, port = 0): Promise<Bound> {
  const events = new Happenings<PeerEvent>();
  const socket = await pullBinder(kind)({ host: HOST, port }, { clock, onPeer: events.add });
  const decoder = new TextDecoder();
  return {
    socket,
    events,
    receive: async (count) => {
      const messages = await within(take(socket.frames(), count), `${count} messages`, 30_000);
      return messages.map((frames) => frames.map((frame) => decoder.decode(frame)).join("|"));
    },
    [Symbol.asyncDispose]: () => Promise.resolve(socket[Symbol.asyncDispose]()),
  };
}

/** A PUSH socket of libzmq in this process; `using` closes it, dropping what it has not sent. */
function push(endpoint: string): { send(message: string | string[]): Promise<void> } & Disposable {
  const socket = new Push({ linger: 0, sendHighWaterMark: 0, reconnectInterval: 10 });
  socket.connect(endpoint);
  return {
    send: (message) => socket.send(message),
    [Symbol.dispose]: () => socket.close(),
  };
}

const isKind = (wanted: PeerEvent["kind"]) => ({ kind }: PeerEvent): boolean => kind === wanted;

/** Resolves when `port` is free: at once, but for libzmq, whose own thread closes what was bound. */
async function freed(kind: ProxySocket, port: number): Promise<void> {
  const listen = (): void => Deno.listen({ hostname: HOST, port }).close();
  if (kind === "builtin") return listen();
  await eventually(() => {
    try {
      listen();
      return true;
    } catch (error) {
      if (!(error instanceof Deno.errors.AddrInUse)) throw error;
      return false;
    }
  }, () => "the port is free");
}

/** What each peer's messages are: `name 0`, `name 1`, ... */
function inOrder(received: readonly string[], names: readonly string[], each: number): void {
  for (const name of names) {
    assertEquals(
      received.filter((text) => text.startsWith(`${name} `)),
      Array.from({ length: each }, (_, index) => `${name} ${index}`),
    );
  }
}

/** What no PUSH socket sends: from the first byte on, or after it has been greeted. */
const GARBAGE: readonly (readonly [greeted: "at once" | "greeted", ...sent: Uint8Array[]])[] = [
  ["at once"],
  ["at once", new TextEncoder().encode(`GET / HTTP/1.1\r\nhost: router\r\n\r\n${"x".repeat(300)}`)],
  ["at once", hex("16 03 01 02 00 01 00 01 fc 03 03")],
  ["at once", hex("ff 00 00 00 00 00 00 00 01 7f 01 08 00 00 00 02 68 69")],
  ["at once", PEER_GREETING.subarray(0, 20)],
  ["greeted", hex("04 06 05 52 45 41 44 59")],
  ["greeted", hex("04 09 05 45 52 52 4f 52 02 6e 6f")],
  ["greeted", hex("00 01 61")],
  ["greeted", PEER_READY, hex("80 01 00")],
  ["greeted", PEER_READY, hex("02 ff ff ff ff ff ff ff ff")],
  ["greeted", PEER_READY, hex("04 02 05 52")],
];

/** Send all of it, then wait until the socket has hung up. */
async function speak(
  port: number,
  [greeted, ...sent]: (typeof GARBAGE)[number],
): Promise<void> {
  using connection = await Deno.connect({ hostname: HOST, port });
  const heard = new Happenings<string>();
  const hearing = (async () => {
    for await (const bytes of connection.readable.values({ preventCancel: true })) {
      heard.add(String.fromCharCode(...bytes));
    }
  })();
  // Waited for below, unless writing fails first.
  hearing.catch(() => {});
  try {
    if (greeted === "greeted") {
      await connection.write(PEER_GREETING);
      await heard.until("READY", () => heard.all.join("").includes("PULL"));
    }
    for (const bytes of sent) await connection.write(bytes);
    await connection.closeWrite();
    await within(hearing, "the end of the connection");
  } catch (error) {
    // It may have hung up in the middle, which is what garbage deserves.
    assert(error instanceof Error && /reset|broken pipe|not connected/i.test(error.message));
  }
}

/** The good message that comes next; what comes before it is no notification. */
async function nextGood({ socket }: Bound): Promise<string> {
  for await (const frames of socket.frames()) {
    const [frame = new Uint8Array()] = frames;
    const text = new TextDecoder().decode(frame);
    if (text.startsWith("good")) return text;
    assertEquals(decodeNotice(frames).kind, "garbage", text);
  }
  return "nothing";
}

const TESTS: Readonly<Record<string, (kind: ProxySocket) => Promise<void>>> = {
  "receives from peers that join while it waits": async (kind) => {
    await using at = await bind(kind);
    const receiving = at.receive(20);
    using peers = new DisposableStack();
    for (let index = 0; index < 20; index++) {
      const peer = peers.use(push(at.socket.endpoint));
      await at.events.until("the peer has joined", isKind("joined"), index + 1);
      await peer.send(`late ${index}`);
    }
    inOrder(await receiving, ["late"], 20);
    assertEquals(at.socket.peers(), 20);
  },

  "receives all that 8 peers send, each peer's in order": async (kind) => {
    await using at = await bind(kind);
    using peers = new DisposableStack();
    const names = Array.from({ length: 8 }, (_, index) => `p${index}`);
    const receiving = at.receive(8 * 300);
    await Promise.all(names.map(async (name) => {
      const peer = peers.use(push(at.socket.endpoint));
      for (let index = 0; index < 300; index++) await peer.send(`${name} ${index}`);
    }));
    inOrder(await receiving, names, 300);
  },

  "receives all that 8 Python peers send, who join one after another": async (kind) => {
    await using at = await bind(kind);
    const receiving = at.receive(8 * 300);
    await using peer = python(
      `
peers = []
for name in range(8):
    peers.append(rank())
    for index in range(300):
        peers[-1].send(f"p{name} {index}".encode())
        if index % 50 == 0:
            time.sleep(0.005)
stop(*peers)
`,
      at.socket.endpoint,
    );
    await peer.done;
    inOrder(await receiving, Array.from({ length: 8 }, (_, index) => `p${index}`), 300);
  },

  "gives messages of several frames, empty and of 4 KiB as they are": async (kind) => {
    await using at = await bind(kind);
    using peer = push(at.socket.endpoint);
    const long = "x".repeat(4096);
    await peer.send(["", "body"]);
    await peer.send("");
    await peer.send(long);
    assertEquals(await at.receive(3), ["|body", "", long]);
  },

  "counts peers that join and leave": async (kind) => {
    await using at = await bind(kind);
    {
      using _one = push(at.socket.endpoint);
      using _two = push(at.socket.endpoint);
      await at.events.until("both have joined", isKind("joined"), 2);
      assertEquals(at.socket.peers(), 2);
    }
    await at.events.until("both have left", isKind("left"), 2);
    assertEquals(at.socket.peers(), 0);
    assertEquals(at.events.all.map(({ kind }) => kind), ["joined", "joined", "left", "left"]);
  },

  "leaves a flood that nobody takes with its peer, and loses none of it": async (kind) => {
    await using at = await bind(kind);
    await using peer = python(
      `
socket = rank(SNDHWM=100)
sent = refused = 0
while sent < 100000 and refused < 40:
    try:
        socket.send(f"flood {sent} ".encode().ljust(4096), zmq.NOBLOCK)
        sent, refused = sent + 1, 0
    except zmq.Again:
        refused += 1
        time.sleep(0.01)
print(sent, flush=True)
stop(socket)
`,
      at.socket.endpoint,
    );
    await peer.printed();
    const sent = Number(peer.output());
    assert(sent > 1000 && sent < 20_000, `${sent} messages of 4 KiB were taken in`);
    inOrder((await at.receive(sent)).map((text) => text.trimEnd()), ["flood"], sent);
    await peer.done;
  },

  "lets everything else have its turn in a flood": async (kind) => {
    await using at = await bind(kind);
    using peer = push(at.socket.endpoint);
    const count = 50_000;
    for (let index = 0; index < count; index++) await peer.send(`flood ${index}`);
    let turns = 0;
    let timer = clock.after(0, function turn() {
      turns++;
      timer = clock.after(0, turn);
    });
    try {
      inOrder(await at.receive(count), ["flood"], count);
    } finally {
      timer.cancel();
    }
    // A loop that was held for the whole flood would have none.
    assert(turns >= 1, `${turns} turns of the event loop`);
  },

  "is found again on its port by peers that were connected": async (kind) => {
    const first = await bind(kind);
    using near = push(first.socket.endpoint);
    await near.send("near before");
    assertEquals(await first.receive(1), ["near before"]);
    await using far = python(
      `
socket = rank(RECONNECT_IVL=20)
for index in range(100):
    socket.send(f"stale {index}".encode())
    time.sleep(0.01)
socket.send(b"last")
stop(socket)
`,
      first.socket.endpoint,
    );
    assertEquals((await first.receive(5)).length, 5);
    await first[Symbol.asyncDispose]();
    await using second = await bind(kind, first.socket.port);
    assertEquals(second.socket.endpoint, first.socket.endpoint);
    await second.events.until("both are back", isKind("joined"), 2);
    await near.send("near after");
    const received: string[] = [];
    while (!received.includes("last") || !received.includes("near after")) {
      received.push(...await second.receive(1));
    }
    await far.done;
  },

  "drops a peer for a frame over 4 KiB, and only that peer": async (kind) => {
    await using at = await bind(kind);
    using good = push(at.socket.endpoint);
    using bad = push(at.socket.endpoint);
    await at.events.until("both have joined", isKind("joined"), 2);
    await bad.send("x".repeat(4097));
    await at.events.until("one is dropped", ({ kind }) => kind === "rejected" || kind === "left");
    await good.send("good");
    assertEquals(await at.receive(1), ["good"]);
    await at.events.until("the peer is back", isKind("joined"), 3);
    await bad.send("better");
    assertEquals(await at.receive(1), ["better"]);
    assertEquals(at.socket.peers(), 2);
  },

  "takes no garbage for a notification, and no harm from it": async (kind) => {
    await using at = await bind(kind);
    using peer = push(at.socket.endpoint);
    await at.events.until("the peer has joined", isKind("joined"));
    await Promise.all(GARBAGE.map((garbage) => speak(at.socket.port, garbage)));
    for (const text of ["good", "good again"]) {
      await peer.send(text);
      assertEquals(await within(nextGood(at), text), text);
    }
  },

  "keeps a peer with heartbeats, drops it when they stop, and takes it back": async (kind) => {
    await using at = await bind(kind);
    await using peer = python(
      `
socket = rank(HEARTBEAT_IVL=50, HEARTBEAT_TTL=800, HEARTBEAT_TIMEOUT=5000, RECONNECT_IVL=20)
socket.send(b"first")
time.sleep(1.2)
socket.send(b"second")
# libzmq drops a peer only when its last word was a PING.
time.sleep(0.2)
print("sent", flush=True)
time.sleep(2.5)
socket.send(b"third")
stop(socket)
`,
      at.socket.endpoint,
    );
    await peer.printed();
    assertEquals(await at.receive(2), ["first", "second"]);
    assertEquals(at.events.all.map(({ kind }) => kind), ["joined"], "longer than the TTL");
    peer.signal("SIGSTOP");
    await at.events.until("the silent peer is dropped", isKind("left"));
    assertEquals(at.socket.peers(), 0);
    peer.signal("SIGCONT");
    assertEquals(await at.receive(1), ["third"]);
    await peer.done;
  },

  "frees its port, and ends its frames": async (kind) => {
    let port = 0;
    for (let round = 0; round < 10; round++) {
      const at = await bind(kind, port);
      using peer = push(at.socket.endpoint);
      await peer.send("x");
      assertEquals((await at.receive(1)).length, 1);
      const rest = take(at.socket.frames(), 1);
      await within(at[Symbol.asyncDispose](), "the end of the socket", 500);
      assertEquals(await rest, []);
      port = at.socket.port;
      await freed(kind, port);
      assertEquals(at.socket.peers(), 0);
    }
  },

  "says why an address cannot be bound": async (kind) => {
    const binding = (host: string, port: number) => () =>
      pullBinder(kind)({ host, port }, { clock });
    using taken = Deno.listen({ hostname: HOST, port: 0 });
    const { port } = taken.addr;
    const cannot = "Cannot bind the KV-ready socket to";
    const rows = [
      [HOST, port, `tcp://${HOST}:${port}: address already in use`],
      ["192.0.2.1", 0, "tcp://192.0.2.1:0: not an address of this machine"],
      [HOST, 65_536, `tcp://${HOST}:65536: the port must be 0 to 65535`],
    ] as const;
    for (const [host, port, why] of rows) {
      await assertRejects(binding(host, port), Error, `${cannot} ${why}`);
    }
  },
};

for (const kind of PROXY_SOCKETS) {
  for (const [criterion, run] of Object.entries(TESTS)) {
    Deno.test(`pullBinder() ${kind} ${criterion}`, () => run(kind));
  }
}
