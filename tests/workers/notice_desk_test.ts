import { encode } from "@msgpack/msgpack";
import { decodeJson } from "../../lib/workers/codec.ts";
import { FRAME } from "../../lib/workers/frame.ts";
import { NoticeDesk, type NoticeWorker } from "../../lib/workers/notice_desk.ts";
import type { SocketEvent } from "../../lib/workers/records.ts";
import { type BindOptions, decodeNotice } from "../../lib/zmq/mod.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { FakeClock } from "../support/fake_clock.ts";

interface FakeWorker extends NoticeWorker {
  readonly notices: Uint8Array[];
  readonly events: SocketEvent[];
}

function fakeWorker(
  number: number,
  life = 1,
  state: NoticeWorker["state"] = "serving",
): FakeWorker {
  const notices: Uint8Array[] = [];
  const events: SocketEvent[] = [];
  return {
    ...{ number, life, state, notices, events },
    send(kind, _urgency, payload) {
      assert(payload);
      if (kind === FRAME.notice) notices.push(payload);
      else events.push(decodeJson(payload));
    },
  };
}

function take(desk: NoticeDesk, reqId: string, type = "ProxyNotif"): string {
  const frames = [encode({ type, req_id: reqId })];
  return desk.accept(decodeNotice(frames), frames);
}

Deno.test("NoticeDesk hands each notification to the worker that its id names, as it came", () => {
  const workers = [fakeWorker(1), fakeWorker(2, 7)];
  const desk = new NoticeDesk(workers);
  assertEquals(take(desk, "a-b@1.1"), "counted");
  assertEquals(take(desk, "c-d@2.7", "CancelNotif"), "counted");
  assertEquals(workers.map(({ notices }) => notices.map((each) => decodeNotice([each]))), [
    [{ kind: "kv-ready", reqId: "a-b@1.1" }],
    [{ kind: "cancelled", reqId: "c-d@2.7" }],
  ]);
  assertEquals([desk.handedOn, desk.counts.size], [2, 0]);
});

Deno.test("NoticeDesk counts what no worker waits for, by why", () => {
  const workers = [fakeWorker(1, 2), fakeWorker(2, 1, "waiting")];
  const desk = new NoticeDesk(workers);
  for (const id of ["a@1.1", "a@2.1"]) assertEquals(take(desk, id), "late");
  for (const id of ["a", "a@", "a@9.1", "a@0.1", "a@1.2@x", "a@x.y"]) take(desk, id);
  assertEquals(take(desk, "a@1.2", "Other"), "unknown-type");
  assertEquals(desk.accept(decodeNotice([new Uint8Array([0xc1])]), []), "garbage");
  assertEquals([...desk.counts], [["late", 2], ["unrouted", 6], ["unknown-type", 1], [
    "garbage",
    1,
  ]]);
  assertEquals(workers.flatMap(({ notices }) => notices), []);
});

Deno.test("NoticeDesk tells all workers of peers, and those that come later of who is there", async () => {
  const workers = [fakeWorker(1), fakeWorker(2)];
  const desk = new NoticeDesk(workers);
  let onPeer: BindOptions["onPeer"];
  let closed = false;
  const bind = desk.binder((_address, options) => {
    onPeer = options.onPeer;
    return Promise.resolve({
      endpoint: "tcp://x:1",
      port: 1,
      peers: () => 3,
      async *frames() {},
      [Symbol.asyncDispose]: () => {
        closed = true;
        return Promise.resolve();
      },
    });
  });
  const own: string[] = [];
  const socket = await bind({ host: "x", port: 1 }, {
    clock: new FakeClock(),
    onPeer: ({ kind }) => own.push(kind),
  });
  const refused = { kind: "refused", peer: "c:3", why: "not_allowed", reason: "no" } as const;
  onPeer?.({ kind: "joined", peer: "a:1" });
  onPeer?.({ kind: "joined", peer: "b:2" });
  onPeer?.({ kind: "left", peer: "a:1" });
  onPeer?.(refused);
  assertEquals(own, ["joined", "joined", "left", "refused"]);
  for (const { events } of workers) {
    assertEquals(events.map(({ kind }) => kind), ["bound", ...own]);
  }
  const late = fakeWorker(1, 2);
  desk.introduce(late);
  assertEquals(late.events, [{ kind: "bound" }, { kind: "joined", peer: "b:2" }, refused]);
  assertEquals(socket.peers(), 3);
  await socket[Symbol.asyncDispose]();
  assert(closed);
  assertEquals(workers[0]?.events.at(-1), { kind: "lost" });
  const after = fakeWorker(1, 3);
  desk.introduce(after);
  assertEquals(after.events, []);
});

Deno.test("NoticeDesk hands what is another replica's over, and takes what others have got", () => {
  const workers = [fakeWorker(1), fakeWorker(2, 7)];
  const over: string[] = [];
  const handOver = (tag: string): void => void over.push(tag);
  const desk = new NoticeDesk(workers, { tag: "abcdefgh", handOver });
  assertEquals(take(desk, "a@abcdefgh.2.7"), "counted");
  assertEquals(take(desk, "a@zyxwvuts.2.7"), "counted");
  assertEquals(take(desk, "a@2.7"), "counted");
  assertEquals([over, workers[1]?.notices.length], [["zyxwvuts"], 2]);
  // Of a tag that this replica has had: it is not handed on once more.
  desk.take(encode({ type: "ProxyNotif", req_id: "a@formerly.1.1" }));
  desk.take(encode({ type: "Other" }));
  assertEquals([over.length, workers[0]?.notices.length, desk.counts.get("unknown-type")], [
    1,
    1,
    1,
  ]);
});

Deno.test("NoticeDesk knows no replicas where there is no cluster", () => {
  const desk = new NoticeDesk([fakeWorker(1)]);
  assertEquals(take(desk, "a@zyxwvuts.9.1"), "late");
  assertEquals(desk.counts.get("unrouted"), 1);
});
