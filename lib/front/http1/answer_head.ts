/** Writes the heads of answers. @module */
import { encodeUtf8, RouterError } from "../../base/mod.ts";
import { HeadWriter, TOKEN, VALUE } from "../../http1/mod.ts";
import type { Answer } from "../../request/mod.ts";
import type { AnswerFraming } from "./answer_plan.ts";
import { statusLine } from "./status_line.ts";

/** What stands in the head of an answer. */
export interface AnswerHead {
  readonly status: number;
  /** Fields of the connection's own, and `Date`, are left out. */
  readonly headers: Answer["headers"];
  readonly framing: AnswerFraming;
  /** What becomes of the connection, where the client might expect something else. */
  readonly connection: "close" | "keep-alive" | undefined;
  /** The line of the `Date` field. */
  readonly date: Uint8Array;
}

/**
 * Writes a head into `scratch` if it fits, or else into a buffer of its own; the body may follow in
 * what is left of it. Throws `RouterError` `internal` for a field that no answer may carry.
 */
export function encodeAnswerHead(
  head: AnswerHead,
  scratch: Uint8Array<ArrayBuffer>,
): HeadWriter {
  const size = sizeBound(head);
  const writer = new HeadWriter(size <= scratch.length ? scratch : new Uint8Array(size));
  writer.copy(statusLine(head.status));
  writer.copy(head.date);
  for (const [name, value] of head.headers) {
    if (isOwn(name)) continue;
    if (!writer.text(name, TOKEN)) throw refused("name", name);
    writer.copy(SEPARATOR);
    // The value is not repeated in the text: it may be a secret.
    if (!writer.text(value, VALUE)) throw refused("value of", name);
    writer.copy(LINE_END);
  }
  const { framing, connection } = head;
  if (typeof framing === "number") {
    writer.copy(LENGTH);
    writer.number(framing);
    writer.copy(LINE_END);
  } else if (framing === "chunked") writer.copy(CHUNKED);
  if (connection === "close") writer.copy(CLOSE);
  else if (connection === "keep-alive") writer.copy(KEEP_ALIVE);
  writer.copy(LINE_END);
  return writer;
}

const SEPARATOR = encodeUtf8(": ");
const LINE_END = encodeUtf8("\r\n");
const LENGTH = encodeUtf8("content-length: ");
const CHUNKED = encodeUtf8("transfer-encoding: chunked\r\n");
const CLOSE = encodeUtf8("connection: close\r\n");
const KEEP_ALIVE = encodeUtf8("connection: keep-alive\r\n");

/** What stands beside the fields: status line, date, framing, connection, the end. */
const FRAME_BYTES = 256;

/** At least the size of the head in bytes. */
function sizeBound({ headers }: AnswerHead): number {
  let size = FRAME_BYTES;
  for (const [name, value] of headers) size += name.length + value.length + 4;
  return size;
}

/** Fields that are the server's to write, or the connection's: no handler speaks for either. */
const OWN: ReadonlySet<string> = new Set([
  "connection",
  "content-length",
  "date",
  "keep-alive",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
]);

const OWN_LENGTHS: ReadonlySet<number> = new Set([...OWN].map((name) => name.length));

function isOwn(name: string): boolean {
  return OWN_LENGTHS.has(name.length) && OWN.has(name.toLowerCase());
}

function refused(what: string, name: string): RouterError {
  return new RouterError(
    "internal",
    `Cannot send an answer: the ${what} field ${JSON.stringify(name)} is not valid in HTTP/1.1`,
  );
}
