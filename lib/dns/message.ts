/**
 * DNS messages (RFC 1035, 2782, 3596, 6891) as far as a question for addresses or services needs them. The
 * bytes are `dns-packet`'s affair; what it makes of a message is looked at before it is believed.
 * @module
 */
import { Buffer } from "node:buffer";
import packet from "dns-packet";
import { addressText, parseAddress } from "../base/mod.ts";

/** Kinds of records that are asked for. */
export type RecordType = "A" | "AAAA" | "SRV";

/** What a server is asked. */
export interface DnsQuestion {
  /** In lower case, without a dot at its end. */
  readonly name: string;
  readonly type: RecordType;
}

/** One record; names as in questions, `ttl` in seconds. */
export type DnsRecord =
  | {
    readonly type: "A" | "AAAA";
    readonly name: string;
    readonly ttl: number;
    readonly address: string;
  }
  | { readonly type: "CNAME"; readonly name: string; readonly ttl: number; readonly target: string }
  | {
    readonly type: "SRV";
    readonly name: string;
    readonly ttl: number;
    /** Empty for a service that is expressly not there. */
    readonly target: string;
    readonly port: number;
  };

/** A server's message. */
export interface DnsMessage {
  readonly id: number;
  /** `NOERROR`, `NXDOMAIN`, `SERVFAIL` and the like. */
  readonly code: string;
  readonly truncated: boolean;
  readonly question: { readonly name: string; readonly type: string };
  readonly answers: readonly DnsRecord[];
  readonly additionals: readonly DnsRecord[];
  /** How long it may be believed that there is nothing, in seconds (RFC 2308). */
  readonly negativeTtl: number | undefined;
}

/** Largest answer by datagram: what passes every path in one piece. */
export const EDNS_BYTES = 1232;

/** A TTL with its highest bit set counts as 0 (RFC 2181 section 8). */
const MOST_TTL = 2 ** 31 - 1;

/** `name` as names are compared. */
export function plainName(name: string): string {
  return name.toLowerCase().replace(/\.$/, "");
}

/** A question's bytes, for a server that looks further by itself; `extended` tells of `EDNS_BYTES`. */
export function encodeQuery(
  id: number,
  { name, type }: DnsQuestion,
  extended: boolean,
): Uint8Array<ArrayBuffer> {
  const option = { type: "OPT", name: ".", udpPayloadSize: EDNS_BYTES, flags: 0, options: [] };
  return Uint8Array.from(packet.encode({
    type: "query",
    id,
    flags: packet.RECURSION_DESIRED,
    questions: [{ type, name, class: "IN" }],
    ...(extended ? { additionals: [option] } : {}),
  }));
}

/** A server's message, or undefined for bytes that are none. Total. */
export function decodeMessage(bytes: Uint8Array): DnsMessage | undefined {
  let read: Decoded;
  try {
    read = packet.decode(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength));
    // Of an address that is cut, it takes what is not there for zeros.
    if (packet.decode.bytes > bytes.length) return undefined;
  } catch (error) {
    // What the library throws of a message that ends too early, or points around in itself.
    if (!(error instanceof Error)) throw error;
    return undefined;
  }
  const [question, ...more] = read.questions;
  const isAnswer = read.type === "response" && read.opcode === "QUERY";
  if (!isAnswer || question === undefined || more.length > 0 || question.class !== "IN") {
    return undefined;
  }
  return {
    id: read.id,
    code: codeOf(read),
    truncated: read.flag_tc,
    question: { name: plainName(question.name), type: question.type },
    answers: read.answers.flatMap(recordOf),
    additionals: read.additionals.flatMap(recordOf),
    negativeTtl: negativeTtl(read.authorities),
  };
}

/**
 * Whether `bytes` are a datagram that was cut to its size, wherever that was: the answer to the question `id`
 * has to be asked for by TCP.
 */
export function isCut(bytes: Uint8Array, id: number): boolean {
  const [high = 0, low = 0, flags = 0] = bytes;
  return bytes.length >= HEAD_BYTES && (high << 8 | low) === id &&
    (flags & CUT_ANSWER) === CUT_ANSWER;
}

const HEAD_BYTES = 12;

/** The bits of an answer, and of one that is cut. */
const CUT_ANSWER = 0x82;

/** What `dns-packet` makes of a message: what it read there, of whatever type. */
interface Decoded {
  readonly id: number;
  readonly type: string;
  readonly opcode: string;
  readonly rcode: string;
  readonly flag_tc: boolean;
  readonly questions: readonly {
    readonly name: string;
    readonly type: string;
    readonly class: string;
  }[];
  readonly answers: readonly DecodedRecord[];
  readonly authorities: readonly DecodedRecord[];
  readonly additionals: readonly DecodedRecord[];
}

interface DecodedRecord {
  readonly name: string;
  readonly type: string;
  readonly class?: string;
  readonly ttl?: number;
  readonly extendedRcode?: number;
  readonly data?: unknown;
}

/** With EDNS a code may have more bits than the head has room for. */
function codeOf({ rcode, additionals }: Decoded): string {
  const extended = additionals.find(({ type }) => type === "OPT")?.extendedRcode ?? 0;
  return extended === 0 ? rcode : `extended code ${extended}`;
}

/** Records of other types and classes are left out. */
function recordOf(record: DecodedRecord): readonly DnsRecord[] {
  const { type, data } = record;
  if (record.class !== "IN") return [];
  const common = { name: plainName(record.name), ttl: seconds(record.ttl) };
  switch (type) {
    case "A":
    case "AAAA": {
      const address = typeof data === "string" ? parseAddress(data) : undefined;
      return address === undefined ? [] : [{ ...common, type, address: addressText(address) }];
    }
    case "CNAME":
      return typeof data === "string" ? [{ ...common, type, target: plainName(data) }] : [];
    case "SRV": {
      const { target, port } = fieldsOf(data);
      return typeof target === "string" && typeof port === "number" && port > 0
        ? [{ ...common, type, target: plainName(target), port }]
        : [];
    }
    default:
      return [];
  }
}

function negativeTtl(authorities: readonly DecodedRecord[]): number | undefined {
  const soa = authorities.find(({ type }) => type === "SOA");
  const { minimum } = fieldsOf(soa?.data);
  return soa === undefined || typeof minimum !== "number"
    ? undefined
    : Math.min(seconds(soa.ttl), seconds(minimum));
}

function seconds(ttl = 0): number {
  return ttl > MOST_TTL ? 0 : ttl;
}

function fieldsOf(data: unknown): Readonly<Record<string, unknown>> {
  return typeof data === "object" && data !== null ? { ...data } : {};
}
