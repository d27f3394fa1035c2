/** What replicas send one another through the broker, as bytes. Pure and total. @module */
import { concatBytes, decodeUtf8, encodeUtf8 } from "../base/mod.ts";
import { isPeerId, type PeerId } from "../gossip/mod.ts";
import { replicaIn, TAG_LENGTH } from "./tag.ts";

const Kind = { notice: 1, echo: 2 } as const;

/** A kind in one byte, a number in four. */
const HEAD = 5;

/** Largest number of a notification or an echo; 0 comes behind it. */
export const MAX_NUMBER = 2 ** 32 - 1;

/** What comes over a replica's own channel. */
export type Envelope =
  /** One ZeroMQ message of one frame, as another replica's socket got it. */
  | {
    readonly kind: "notice";
    /** Who sent it, and which of its own it is: one that comes twice is told by that. */
    readonly from: string;
    readonly number: number;
    readonly frame: Uint8Array;
  }
  /** Of this replica itself, to see whether messages arrive. */
  | { readonly kind: "echo"; readonly number: number };

/** A notification for another replica. */
export function noticeBytes(from: string, number: number, frame: Uint8Array): Uint8Array {
  return concatBytes([headOf(Kind.notice, number), encodeUtf8(from), frame]);
}

/** A sign of life to oneself. */
export function echoBytes(number: number): Uint8Array {
  return headOf(Kind.echo, number);
}

/** What was sent; undefined for what no replica sends. `frame` is a view of `message`. */
export function envelopeIn(message: Uint8Array): Envelope | undefined {
  if (message.length < HEAD) return undefined;
  const number = new DataView(message.buffer, message.byteOffset, HEAD).getUint32(1);
  if (message[0] === Kind.echo) {
    return message.length === HEAD ? { kind: "echo", number } : undefined;
  }
  if (message[0] !== Kind.notice || message.length <= HEAD + TAG_LENGTH) return undefined;
  const from = asciiOf(message.subarray(HEAD, HEAD + TAG_LENGTH));
  if (replicaIn(from) !== from) return undefined;
  return { kind: "notice", from, number, frame: message.subarray(HEAD + TAG_LENGTH) };
}

/** What a router tells all others. */
export function gossipBytes(from: PeerId, message: Uint8Array): Uint8Array {
  const name = encodeUtf8(from);
  return concatBytes([Uint8Array.of(name.length), name, message]);
}

/** What was told, and by whom; undefined for what no router tells. `message` is a view of `bytes`. */
export function gossipIn(
  bytes: Uint8Array,
): { readonly from: PeerId; readonly message: Uint8Array } | undefined {
  const [length = 0] = bytes;
  const from = asciiOf(bytes.subarray(1, 1 + length));
  if (from.length !== length || !isPeerId(from) || replicaIn(from) === undefined) return undefined;
  return { from, message: bytes.subarray(1 + length) };
}

function headOf(kind: number, number: number): Uint8Array {
  const head = new Uint8Array(HEAD);
  head[0] = kind;
  new DataView(head.buffer).setUint32(1, number);
  return head;
}

/** As text, with a sign that no name has for each byte that is none of ASCII. */
function asciiOf(bytes: Uint8Array): string {
  return bytes.every((byte) => byte < 0x80) ? decodeUtf8(bytes) : "";
}
