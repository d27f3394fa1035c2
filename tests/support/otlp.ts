/** OTLP's messages, read by the field numbers of its definitions: nothing of the router is used. @module */

/** A message: its fields by number, in the order in which they came. */
type Message = ReadonlyMap<number, readonly (Uint8Array | bigint)[]>;

/** An attribute's value. */
export type ReadValue = string | number | boolean;

/** One span as a collector sees it. */
export interface ReadSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentId: string;
  readonly state: string;
  readonly name: string;
  readonly kind: number;
  readonly startNs: bigint;
  readonly endNs: bigint;
  readonly attributes: Readonly<Record<string, ReadValue>>;
  readonly events: readonly {
    readonly name: string;
    readonly timeNs: bigint;
    readonly attributes: Readonly<Record<string, ReadValue>>;
  }[];
  readonly statusCode: number;
  readonly statusMessage: string;
  readonly flags: number;
}

/** One batch. */
export interface ReadBatch {
  readonly resource: Readonly<Record<string, ReadValue>>;
  readonly scope: { readonly name: string; readonly version: string };
  readonly spans: readonly ReadSpan[];
}

/** Read an `ExportTraceServiceRequest`; throws where it is none. */
export function readBatches(bytes: Uint8Array): readonly ReadBatch[] {
  return messages(readMessage(bytes), 1).flatMap((resourceSpans) => {
    const [resource = new Map()] = messages(resourceSpans, 1);
    return messages(resourceSpans, 2).map((scopeSpans): ReadBatch => {
      const [scope = new Map()] = messages(scopeSpans, 1);
      return {
        resource: attributes(resource, 1),
        scope: { name: text(scope, 1), version: text(scope, 2) },
        spans: messages(scopeSpans, 2).map(readSpan),
      };
    });
  });
}

function readSpan(span: Message): ReadSpan {
  const [status = new Map()] = messages(span, 15);
  return {
    traceId: hex(span, 1),
    spanId: hex(span, 2),
    state: text(span, 3),
    parentId: hex(span, 4),
    name: text(span, 5),
    kind: Number(number(span, 6)),
    startNs: number(span, 7),
    endNs: number(span, 8),
    attributes: attributes(span, 9),
    events: messages(span, 11).map((event) => ({
      timeNs: number(event, 1),
      name: text(event, 2),
      attributes: attributes(event, 3),
    })),
    statusMessage: text(status, 2),
    statusCode: Number(number(status, 3)),
    flags: Number(number(span, 16)),
  };
}

function attributes(message: Message, field: number): Record<string, ReadValue> {
  return Object.fromEntries(
    messages(message, field).map((pair) => {
      const [value = new Map()] = messages(pair, 2);
      return [text(pair, 1), valueOf(value)];
    }),
  );
}

function valueOf(value: Message): ReadValue {
  const [[field = 0] = []] = value;
  if (field === 1) return text(value, 1);
  if (field === 2) return number(value, 2) === 1n;
  if (field === 3) return Number(BigInt.asIntN(64, number(value, 3)));
  if (field !== 4) throw new TypeError(`A value of kind ${field}`);
  const view = new DataView(new ArrayBuffer(8));
  view.setBigUint64(0, number(value, 4));
  return view.getFloat64(0);
}

function messages(message: Message, field: number): readonly Message[] {
  return (message.get(field) ?? []).map((value) => readMessage(bytesOf(value)));
}

function text(message: Message, field: number): string {
  const [value] = message.get(field) ?? [];
  return value === undefined
    ? ""
    : new TextDecoder("utf-8", { fatal: true }).decode(bytesOf(value));
}

function hex(message: Message, field: number): string {
  const [value] = message.get(field) ?? [];
  return value === undefined ? "" : bytesOf(value).toHex();
}

function number(message: Message, field: number): bigint {
  const [value = 0n] = message.get(field) ?? [];
  if (typeof value !== "bigint") throw new TypeError(`Field ${field} is no number`);
  return value;
}

function bytesOf(value: Uint8Array | bigint): Uint8Array {
  if (typeof value === "bigint") throw new TypeError("A number in place of bytes");
  return value;
}

/** Read the fields of a message; throws where they are cut short. */
export function readMessage(bytes: Uint8Array): Message {
  const fields = new Map<number, (Uint8Array | bigint)[]>();
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  let at = 0;
  const varint = (): bigint => {
    let value = 0n;
    for (let shift = 0n;; shift += 7n) {
      const byte = bytes[at++];
      if (byte === undefined || shift > 63n) throw new RangeError("A number is cut short");
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
  };
  const fixed = (size: 4 | 8): bigint => {
    at += size;
    return size === 8 ? view.getBigUint64(at - 8, true) : BigInt(view.getUint32(at - 4, true));
  };
  const part = (): Uint8Array => {
    const length = Number(varint());
    if (at + length > bytes.length) throw new RangeError("A message is cut short");
    at += length;
    return bytes.subarray(at - length, at);
  };
  const readers = new Map<bigint, () => Uint8Array | bigint>([
    [0n, varint],
    [1n, () => fixed(8)],
    [2n, part],
    [5n, () => fixed(4)],
  ]);
  while (at < bytes.length) {
    const key = varint();
    const read = readers.get(key & 7n);
    if (read === undefined) throw new TypeError(`Wire type ${key & 7n}`);
    const field = Number(key >> 3n);
    fields.set(field, [...fields.get(field) ?? [], read()]);
  }
  return fields;
}
