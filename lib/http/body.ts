/** Reads a request's body: bounded, decoded, as UTF-8. @module */
import { type Breather, type ByteShare, inSlices, OPEN_BRACE } from "../base/mod.ts";
import type { FrontBody } from "../front/mod.ts";
import { BodyParts, overloaded, tooLarge, tooWellPacked } from "./body_parts.ts";
import { BodyDecoder, type Coding } from "./coding.ts";
import { toUtf8 } from "./utf8.ts";

/** How a body is read. */
export interface BodyReading {
  /** Grows with what is held of it; absent where nobody counts. */
  readonly share?: ByteShare | undefined;
  /** Absent where work on it does not rest. */
  readonly breather?: Breather | undefined;
  readonly coding?: Coding | undefined;
}

/**
 * The whole body, decoded. Throws `body-too-large` beyond `limitBytes`, announced, come, or decoded;
 * `overloaded` where its share cannot grow; `bad-request` for what does not decode; and what reading
 * it rejects with. What is held grows with what has come, not with what was announced.
 */
export async function readBody(
  body: FrontBody,
  limitBytes: number,
  { share, breather, coding }: BodyReading = {},
): Promise<Uint8Array> {
  const { length } = body;
  if (length !== undefined && length > limitBytes) throw tooLarge(length, limitBytes);
  const decoded = coding !== undefined;
  const parts = new BodyParts({ limitBytes, share, decoded, length: decoded ? undefined : length });
  if (coding === undefined) await readParts(body, breather, (part) => parts.add(part));
  else await readCoded(body, limitBytes, coding, parts, breather);
  return await inSlices(parts.joining(), breather);
}

/**
 * The whole body, where it is here already and is plain JSON, as nearly all small ones: then nothing has
 * to be waited for. Undefined for any other, and where its share cannot grow: reading it says why.
 */
export function jsonHere(
  body: FrontBody,
  limitBytes: number,
  { share }: Pick<BodyReading, "share">,
): Uint8Array | undefined {
  const { here } = body;
  if (here === undefined || here.length > limitBytes || !isPlainObject(here)) return undefined;
  return share?.grow(here.length) === false ? undefined : here;
}

/** Whether `bytes` begin as an object in UTF-8 without a mark does. */
function isPlainObject(bytes: Uint8Array): boolean {
  return bytes[0] === OPEN_BRACE && bytes.length > 1 && bytes[1] !== 0;
}

/** The whole body, JSON in whatever encoding, as UTF-8. Throws as `readBody`. */
export async function readJsonBody(
  body: FrontBody,
  limitBytes: number,
  reading: BodyReading,
): Promise<Uint8Array> {
  const { share, breather } = reading;
  const whole = await readBody(body, limitBytes, reading);
  const take = (bytes: number): void => {
    if (bytes > limitBytes) throw tooLarge(bytes, limitBytes, true);
    if (share?.grow(bytes) === false) throw overloaded();
  };
  const text = await inSlices(toUtf8(whole, take), breather);
  if (text.buffer !== whole.buffer) share?.shrink(whole.length);
  return text;
}

/** After so many parts, or bytes, reading asks whether it may go on. */
const PARTS = 16;
const BYTES = 64 * 1024;

/** Read to the end. What has arrived is read without a turn of the event loop, if none is taken. */
async function readParts(
  body: FrontBody,
  breather: Breather | undefined,
  onPart: (part: Uint8Array) => void | Promise<void>,
): Promise<void> {
  let [parts, bytes] = [0, 0];
  for (let part = await body.read(); part !== undefined; part = await body.read()) {
    const taken = onPart(part);
    if (taken !== undefined) await taken;
    bytes += part.length;
    if (++parts < PARTS && bytes < BYTES) continue;
    [parts, bytes] = [0, 0];
    if (breather?.tired() === true) await breather.pause();
  }
}

/** A coded body may always decode to so much, */
const FREE_BYTES = 1024 * 1024;
/** and to so many times what has come of it: text gets a tenth of that, bombs get ten times. */
const MOST_TIMES = 100;

async function readCoded(
  body: FrontBody,
  limitBytes: number,
  coding: Coding,
  parts: BodyParts,
  breather: Breather | undefined,
): Promise<void> {
  let sent = 0;
  const onBytes = (bytes: Uint8Array): void => {
    parts.add(bytes);
    if (parts.length > FREE_BYTES + MOST_TIMES * sent) throw tooWellPacked(sent, MOST_TIMES);
  };
  using decoder = new BodyDecoder(coding, onBytes, breather);
  await readParts(body, breather, (part) => {
    sent += part.length;
    if (sent > limitBytes) throw tooLarge(sent, limitBytes);
    return decoder.write(part);
  });
  await decoder.end();
}
