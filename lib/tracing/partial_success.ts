/** What a collector answers to a batch. @module */
import { decodeUtf8 } from "../base/mod.ts";
import type { Delivery } from "./transport.ts";

const RESPONSE = { partialSuccess: 1 } as const;
const PARTIAL = { rejectedSpans: 1, message: 2 } as const;

/** Longest message that is told, in characters. */
const MAX_MESSAGE = 200;

/** What an `ExportTraceServiceResponse` says; what is none says nothing. */
export function readPartialSuccess(
  bytes: Uint8Array,
): Extract<Delivery, { readonly kind: "taken" }> {
  const partial = fieldsIn(bytes).get(RESPONSE.partialSuccess);
  if (!(partial instanceof Uint8Array)) return { kind: "taken", refused: 0 };
  const fields = fieldsIn(partial);
  const [rejected, message] = [fields.get(PARTIAL.rejectedSpans), fields.get(PARTIAL.message)];
  return {
    kind: "taken",
    refused: typeof rejected === "number" && Number.isFinite(rejected) ? rejected : 0,
    why: message instanceof Uint8Array ? decodeUtf8(message).slice(0, MAX_MESSAGE) : undefined,
  };
}

/** The last value of each field: a number, or the bytes of a message; up to where it is none. */
function fieldsIn(bytes: Uint8Array): ReadonlyMap<number, number | Uint8Array> {
  const fields = new Map<number, number | Uint8Array>();
  let at = 0;
  const varint = (): number => {
    let value = 0;
    for (let scale = 1; at < bytes.length; scale *= 0x80) {
      const byte = bytes[at++] ?? 0;
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
    }
    return NaN;
  };
  while (at < bytes.length) {
    const key = varint();
    const [field, type] = [Math.floor(key / 8), key % 8];
    if (type === 0) fields.set(field, varint());
    else if (type === 1) at += 8;
    else if (type === 5) at += 4;
    else if (type === 2) {
      const length = varint();
      if (!(at + length <= bytes.length)) break;
      fields.set(field, bytes.subarray(at, at + length));
      at += length;
    } else break;
  }
  return fields;
}
