import { encode } from "@msgpack/msgpack";
import { NoticeRoute } from "../../lib/cluster/notice_route.ts";
import {
  ALWAYS,
  decodeNotice,
  type Notice,
  type NoticeBoard,
  type NoticeResult,
} from "../../lib/zmq/mod.ts";
import { assertEquals } from "../support/assert.ts";

const OWN = "abcdefgh";
const OTHER = "zyxwvuts";

function routed(): {
  readonly route: NoticeRoute;
  readonly over: string[];
  readonly board: NoticeBoard & { readonly seen: Notice[] };
} {
  const over: string[] = [];
  const seen: Notice[] = [];
  const board = {
    seen,
    demand: ALWAYS,
    accept(notice: Notice): NoticeResult {
      seen.push(notice);
      return "counted";
    },
  };
  const handOver = (tag: string): void => void over.push(tag);
  return { route: new NoticeRoute({ tag: OWN, handOver }), over, board };
}

function frameOf(reqId: string): Uint8Array {
  return encode({ type: "ProxyNotif", req_id: reqId });
}

Deno.test("NoticeRoute keeps what is its own or nobody's, and hands the rest over", () => {
  const { route, over, board } = routed();
  using taking = route.around(board);
  for (const id of ["a", "a@2.1", `a@${OWN}`, `a@${OWN}.2.1`]) {
    const frames = [frameOf(id)];
    assertEquals(taking.accept(decodeNotice(frames), frames), "counted");
  }
  assertEquals([board.seen.length, over], [4, []]);
  for (const id of [`a@${OTHER}`, `a@${OTHER}.2.1`]) {
    const frames = [frameOf(id)];
    assertEquals(taking.accept(decodeNotice(frames), frames), "counted");
  }
  assertEquals([board.seen.length, over], [4, [OTHER, OTHER]]);
});

Deno.test("NoticeRoute leaves to its board what is no notification", () => {
  const { route, over, board } = routed();
  using taking = route.around(board);
  for (const frames of [[Uint8Array.of(0xc1)], [encode({ type: "Other" })]]) {
    taking.accept(decodeNotice(frames), frames);
  }
  assertEquals([board.seen.map(({ kind }) => kind), over], [["garbage", "unknown"], []]);
});

Deno.test("NoticeRoute gives what other replicas have got to all boards that are there", () => {
  const [{ route, board }, { board: later }] = [routed(), routed()];
  const first = route.around(board);
  using _second = route.around(later);
  route.take(frameOf(`a@${OWN}`));
  first[Symbol.dispose]();
  route.take(frameOf(`b@${OWN}`));
  assertEquals([board.seen.length, later.seen.length], [1, 2]);
});
