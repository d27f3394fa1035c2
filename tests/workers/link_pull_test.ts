import { LinkPull } from "../../lib/workers/link_pull.ts";
import { KvReadyBoard, type PeerEvent, startNotificationProxy } from "../../lib/zmq/mod.ts";
import { encode } from "@msgpack/msgpack";
import { assertEquals } from "../support/assert.ts";
import { FakeClock, settle } from "../support/fake_clock.ts";
import { keepingLog } from "./support.ts";

const WHERE = { endpoint: "tcp://127.0.0.1:7500", port: 7500 };
const ADDRESS = { host: "127.0.0.1", port: 7500 };

function notice(reqId: string): Uint8Array {
  return encode({ type: "ProxyNotif", req_id: reqId });
}

Deno.test("LinkPull stands for the supervisor's socket: what it pushes reaches who waits", async () => {
  const clock = new FakeClock();
  const { log } = keepingLog();
  using board = new KvReadyBoard({
    clock,
    finishedTtlMs: 1_000,
    sweepIntervalMs: 1_000,
    maxEntries: 10,
  });
  const pull = new LinkPull(WHERE);
  pull.tell({ kind: "bound" });
  await using proxy = await startNotificationProxy({
    address: ADDRESS,
    board,
    log,
    clock,
    bind: pull.bind,
  });
  assertEquals([proxy.endpoint, proxy.port, proxy.listening], [WHERE.endpoint, 7500, true]);
  using waiter = board.expect("a@1.1", { ranks: 2 });
  const wait = waiter.wait({ timeoutMs: 1_000 });
  pull.push(notice("a@1.1"));
  pull.push(notice("a@1.1"));
  await settle();
  assertEquals(await wait, "ready");
});

Deno.test("LinkPull.bind waits for the supervisor's socket, before the first and after one that failed", async () => {
  const pull = new LinkPull(WHERE);
  let bound = 0;
  const bind = (): Promise<void> =>
    pull.bind(ADDRESS, { clock: new FakeClock() }).then(() => void bound++);
  const first = bind();
  await settle();
  assertEquals(bound, 0);
  pull.tell({ kind: "bound" });
  await first;
  pull.tell({ kind: "lost" });
  const second = bind();
  await settle();
  assertEquals(bound, 1);
  pull.tell({ kind: "bound" });
  await second;
  assertEquals(bound, 2);
});

Deno.test("LinkPull tells of peers, those from before too, and of refusals as of another's", async () => {
  const pull = new LinkPull(WHERE);
  pull.tell({ kind: "bound" });
  pull.tell({ kind: "joined", peer: "a:1" });
  const told: PeerEvent[] = [];
  const socket = await pull.bind(ADDRESS, {
    clock: new FakeClock(),
    onPeer: (event) => told.push(event),
  });
  pull.tell({ kind: "joined", peer: "b:2" });
  pull.tell({ kind: "rejected", peer: "a:1", reason: "nonsense" });
  pull.tell({ kind: "refused", peer: "c:3", why: "per_address", reason: "many" });
  assertEquals(told, [
    { kind: "joined", peer: "a:1" },
    { kind: "joined", peer: "b:2" },
    { kind: "left", peer: "a:1", reason: "nonsense" },
    { kind: "refused", peer: "c:3", why: "per_address", reason: "many", echo: true },
  ]);
  assertEquals(socket.peers(), 1);
});

Deno.test("LinkPull ends its frames with an error where the supervisor's socket fails", async () => {
  const pull = new LinkPull(WHERE);
  pull.tell({ kind: "bound" });
  const socket = await pull.bind(ADDRESS, { clock: new FakeClock() });
  pull.push(notice("x"));
  const seen: string[] = [];
  const reading = (async () => {
    try {
      for await (const frames of socket.frames()) seen.push(`${frames.length}`);
    } catch {
      seen.push("failed");
    }
  })();
  await settle();
  pull.tell({ kind: "lost" });
  await reading;
  assertEquals(seen, ["1", "failed"]);
  const next = pull.bind(ADDRESS, { clock: new FakeClock() });
  pull.tell({ kind: "bound" });
  const again = await next;
  const ended = again.frames()[Symbol.asyncIterator]().next();
  await again[Symbol.asyncDispose]();
  assertEquals((await ended).done, true);
});
