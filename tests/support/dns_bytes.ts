/**
 * DNS messages by the byte, for a server of the tests' own (RFC 1035 section 4): shares nothing with what the
 * router reads and writes them by.
 * @module
 */

/** One record of a zone; `ttl` in seconds. */
export type ZoneRecord =
  | { readonly type: "A" | "AAAA"; readonly ttl: number; readonly address: string }
  | { readonly type: "CNAME"; readonly ttl: number; readonly target: string }
  | { readonly type: "SRV"; readonly ttl: number; readonly target: string; readonly port: number };

/** A question as a server has read it. */
export interface ReadQuery {
  readonly id: number;
  readonly name: string;
  readonly type: string;
  /** Bytes of the largest datagram that is taken. */
  readonly room: number;
  /** Of the question, as they were. */
  readonly question: Uint8Array;
}

/** What is sent. */
export interface WrittenAnswer {
  readonly id: number;
  /** As of `ReadQuery`. */
  readonly question: Uint8Array;
  readonly code: number;
  readonly truncated?: boolean;
  readonly answers?: readonly (readonly [owner: string, record: ZoneRecord])[];
  readonly additionals?: readonly (readonly [owner: string, record: ZoneRecord])[];
  /** That there is nothing holds for so long, in seconds. */
  readonly negativeTtl?: number | undefined;
}

const TYPES: Readonly<Record<string, number>> = {
  A: 1,
  CNAME: 5,
  SOA: 6,
  AAAA: 28,
  SRV: 33,
  OPT: 41,
};
const IN = 1;

/** Where the name of the question begins in every message. */
const POINTER_TO_QUESTION = [0xc0, 12];

/** Read a question, which must be as RFC 1035 and 6891 have it; throws where it is not. */
export function readQuery(bytes: Uint8Array): ReadQuery {
  const at = (index: number): number => bytes[index] ?? wrong("ends too early");
  const two = (index: number): number => at(index) << 8 | at(index + 1);
  if (two(2) !== 0x0100) wrong(`flags ${two(2).toString(16)}: a question that wants recursion`);
  const counts = [4, 6, 8, 10].map(two);
  if (counts[0] !== 1 || counts[1] !== 0 || counts[2] !== 0 || (counts[3] ?? 2) > 1) {
    wrong(`counts ${counts}`);
  }
  const labels: string[] = [];
  let offset = 12;
  for (let length = at(offset); length > 0; length = at(offset)) {
    if (length > 63) wrong("a label that is too long, or a pointer");
    labels.push(String.fromCharCode(...bytes.subarray(offset + 1, offset + 1 + length)));
    offset += 1 + length;
  }
  const number = two(offset + 1);
  if (two(offset + 3) !== IN) wrong("a class that is not IN");
  const question = bytes.slice(12, offset + 5);
  let room = 512;
  let end = offset + 5;
  if (counts[3] === 1) {
    if (at(end) !== 0 || two(end + 1) !== TYPES["OPT"]) wrong("what stands behind is no OPT");
    room = two(end + 3);
    if (two(end + 5) !== 0 || two(end + 7) !== 0) wrong("an OPT of another version");
    end += 11 + two(end + 9);
  }
  if (end !== bytes.length) wrong(`${bytes.length - end} bytes too many`);
  const type = Object.keys(TYPES).find((name) => TYPES[name] === number) ?? `type ${number}`;
  return { id: two(0), name: labels.join(".").toLowerCase(), type, room, question };
}

/** The bytes of an answer. */
export function writeAnswer(answer: WrittenAnswer): Uint8Array<ArrayBuffer> {
  const { id, question, code, truncated = false, answers = [], additionals = [] } = answer;
  const asked = nameAt(question);
  const soa = answer.negativeTtl === undefined ? [] : soaBytes(asked, answer.negativeTtl);
  return Uint8Array.from([
    ...pair(id),
    0x81 | (truncated ? 0x02 : 0),
    0x80 | code,
    ...pair(1),
    ...pair(answers.length),
    ...pair(soa.length > 0 ? 1 : 0),
    ...pair(additionals.length),
    ...question,
    ...answers.flatMap(([owner, record]) => recordBytes(asked, owner, record)),
    ...soa,
    ...additionals.flatMap(([owner, record]) => recordBytes(asked, owner, record)),
  ]);
}

/** A question's bytes, as they stand in a message. */
export function questionBytes(name: string, type: string): Uint8Array {
  return Uint8Array.from([...nameBytes(name), ...pair(TYPES[type] ?? 0), ...pair(IN)]);
}

function recordBytes(asked: string, owner: string, record: ZoneRecord): readonly number[] {
  const data = dataBytes(record);
  return [
    ...(owner === asked ? POINTER_TO_QUESTION : nameBytes(owner)),
    ...pair(TYPES[record.type] ?? 0),
    ...pair(IN),
    ...pair(record.ttl >>> 16),
    ...pair(record.ttl),
    ...pair(data.length),
    ...data,
  ];
}

function dataBytes(record: ZoneRecord): readonly number[] {
  switch (record.type) {
    case "A":
      return record.address.split(".").map(Number);
    case "AAAA":
      return v6Bytes(record.address);
    case "CNAME":
      return nameBytes(record.target);
    case "SRV":
      return [...pair(0), ...pair(100), ...pair(record.port), ...nameBytes(record.target)];
    default:
      return record satisfies never;
  }
}

/** With a TTL of its own that is longer than what it says of the time that nothing holds for. */
function soaBytes(asked: string, minimum: number): readonly number[] {
  const data = [
    ...nameBytes("ns.test"),
    ...nameBytes("admin.test"),
    ...[1, 7200, 1800, 86_400, minimum].flatMap((part) => [...pair(part >>> 16), ...pair(part)]),
  ];
  const zone = asked.split(".").slice(-1)[0] ?? "";
  return [
    ...nameBytes(zone),
    ...pair(TYPES["SOA"] ?? 0),
    ...pair(IN),
    ...pair(0),
    ...pair(3600),
    ...pair(data.length),
    ...data,
  ];
}

function nameBytes(name: string): readonly number[] {
  const labels = name.split(".").filter((label) => label !== "");
  return [
    ...labels.flatMap((label) => [label.length, ...[...label].map((char) => char.charCodeAt(0))]),
    0,
  ];
}

function nameAt(question: Uint8Array): string {
  const labels: string[] = [];
  for (let at = 0; (question[at] ?? 0) > 0; at += 1 + (question[at] ?? 0)) {
    labels.push(String.fromCharCode(...question.subarray(at + 1, at + 1 + (question[at] ?? 0))));
  }
  return labels.join(".").toLowerCase();
}

function v6Bytes(address: string): readonly number[] {
  const [before = "", after] = address.split("::");
  const groups = (part: string): readonly number[] =>
    part === "" ? [] : part.split(":").map((group) => parseInt(group, 16));
  const [head, tail] = [groups(before), groups(after ?? "")];
  const zeros = new Array<number>(8 - head.length - tail.length).fill(0);
  return [...head, ...zeros, ...tail].flatMap(pair);
}

function pair(value: number): readonly number[] {
  return [value >>> 8 & 0xff, value & 0xff];
}

function wrong(what: string): never {
  throw new Error(`The question is wrong: ${what}`);
}
