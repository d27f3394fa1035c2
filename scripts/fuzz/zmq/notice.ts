/** KV-ready notifications: msgpack in one frame. @module */
import { encode } from "@msgpack/msgpack";
import { decodeNotice, MAX_NOTICE_BYTES, type Notice } from "../../../lib/zmq/mod.ts";
import { oneIn } from "../chance.ts";
import type { Corpus } from "../mutate.ts";
import { difference, short } from "../outcome.ts";
import { parserTarget } from "../parser_target.ts";
import type { FuzzTarget } from "../target.ts";
import { textOf } from "../text.ts";

/** Reads a notification. Total. */
export type ReadNotice = (frames: readonly Uint8Array[]) => Notice;

const VALUES: readonly unknown[] = [
  { type: "ProxyNotif", req_id: "0f9c1f6e-1111-4222-8333-123456789abc@tag" },
  { req_id: 17, type: "NixlProxyNotif", more: [1, 2.5, null, true, new Uint8Array(3)] },
  { type: "CancelNotif", req_id: "a" },
  { type: "AllocRequest", keys: ["a"], fmt: 2, shape: [1, 2] },
  { type: 1, req_id: "a" },
  { type: "ProxyNotif", req_id: "" },
  ["ProxyNotif", "a"],
  "ProxyNotif",
  new Date(0),
];

const CORPUS: Corpus = {
  seeds: VALUES.map((value) => textOf(encode(value))),
  words: [
    "\x80",
    "\x81",
    "\x8f",
    "\x90",
    "\x9f",
    "\xa0",
    "\xc0",
    "\xc4\xff",
    "\xc6\xff\xff\xff\xff",
    "\xc7\x0c\xff",
    "\xcb\x7f\xf8\0\0\0\0\0\0",
    "\xcf\xff\xff\xff\xff\xff\xff\xff\xff",
    "\xd3\x80\0\0\0\0\0\0\0",
    "\xdb\xff\xff\xff\xff",
    "\xdc\xff\xff",
    "\xdd\xff\xff\xff\xff",
    "\xde\xff\xff",
    "\xdf\xff\xff\xff\xff",
    "\xa4type",
    "\xa6req_id",
    "\xaaProxyNotif",
    "\xa9__proto__",
  ],
};

/** The target, with `read` as the reader. */
export function noticeTarget(read: ReadNotice = decodeNotice): FuzzTarget {
  return parserTarget({
    name: "notice",
    about: "KV-ready notifications in msgpack",
    corpus: CORPUS,
    bounds: { bytes: 16 * 1024 * 1024 },
    check(input, random) {
      const half = input.subarray(0, input.length >> 1);
      const frames = oneIn(random, 20) ? [half, input.subarray(input.length >> 1)] : [input];
      const kept = input.slice();
      const notice = read(frames);
      if (difference("", input, kept) !== undefined) return "frames: changed";
      if (notice.kind === "garbage" || notice.kind === "unknown") return undefined;
      if (frames.length > 1 || input.length > MAX_NOTICE_BYTES) return "taken: it is too much";
      const { kind, reqId } = notice;
      if (reqId === "" || reqId.length > 512) return `id: ${short(reqId)}`;
      const type = kind === "kv-ready" ? "ProxyNotif" : "CancelNotif";
      return difference("again", read([encode({ type, req_id: reqId })]), notice);
    },
  });
}
