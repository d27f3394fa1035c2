import { ByteBudget, RouterError, seededRandom } from "../../lib/base/mod.ts";
import { BodyParts } from "../../lib/http/body_parts.ts";
import { assert, assertEquals, assertThrows } from "../support/assert.ts";
import { stepped } from "../support/counting_breather.ts";

const MIB = 1024 * 1024;

function patternOf(size: number): Uint8Array {
  return Uint8Array.from({ length: size }, (_, index) => index * 31 % 251);
}

/** `bytes` in copies of parts of seeded sizes up to `longest`. */
function cut(bytes: Uint8Array, seed: number, longest: number): readonly Uint8Array[] {
  const random = seededRandom(seed);
  const parts: Uint8Array[] = [];
  for (let at = 0; at < bytes.length;) {
    const size = 1 + Math.floor(random.next() * longest);
    parts.push(bytes.slice(at, at + size));
    at += size;
  }
  return parts;
}

for (const longest of [1, 100, 20_000, 70_000, 400_000]) {
  Deno.test(`BodyParts puts together what comes in parts of up to ${longest} bytes`, () => {
    for (const size of [0, 1, 1_024, 1_025, 300_001]) {
      const bytes = patternOf(size);
      const parts = new BodyParts({ limitBytes: MIB, decoded: false });
      for (const part of cut(bytes, size + longest, longest)) parts.add(part);
      const { value } = stepped(parts.joining());
      assert(value.length === size && value.every((byte, at) => byte === bytes[at]), `${size}`);
    }
  });
}

for (const longest of [100, 20_000, 70_000, 3 * MIB]) {
  Deno.test(`BodyParts puts together a body of known length in parts of up to ${longest} bytes`, () => {
    for (const length of [MIB - 1, MIB, 3 * MIB + 1]) {
      const bytes = patternOf(length);
      const parts = new BodyParts({ limitBytes: 4 * MIB, decoded: false, length });
      for (const part of cut(bytes, length + longest, longest)) parts.add(part);
      const { value } = stepped(parts.joining());
      assert(value.length === length && value.every((byte, at) => byte === bytes[at]), `${length}`);
      assertEquals(value.byteOffset, 0);
    }
  });
}

Deno.test("BodyParts copies a quarter of a body of known length when it ends", () => {
  const length = 16 * MIB;
  const parts = new BodyParts({ limitBytes: length, decoded: false, length });
  for (let come = 0; come < length; come += MIB) {
    parts.add(new Uint8Array(MIB));
    // As little as nothing until a quarter is there; then its one piece, and that quarter.
    assertEquals(parts.capacity, come + MIB <= length / 4 ? come + MIB : length + length / 4);
  }
  const { value, steps } = stepped(parts.joining());
  assertEquals([value.length, value.buffer.byteLength, steps], [length, length, 4]);
});

Deno.test("BodyParts takes the buffer that a part stands in at its place, and copies what came before", () => {
  for (const before of [1, 1_000, 20_000, 70_000]) {
    const bytes = patternOf(200_000);
    const brought = new Uint8Array(bytes.length);
    const parts = new BodyParts({ limitBytes: MIB, decoded: false, length: bytes.length });
    const first = cut(bytes.subarray(0, before), before, 30_000);
    for (const part of first) parts.add(part);
    for (const part of cut(bytes.subarray(before), before, 90_000)) {
      const at = parts.length;
      brought.set(part, at);
      parts.add(brought.subarray(at, at + part.length));
    }
    const { value } = stepped(parts.joining());
    assert(value.buffer === brought.buffer && value.length === bytes.length);
    assert(value.every((byte, at) => byte === bytes[at]), `${before}`);
    // What is copied is given back, where it is large.
    const left = first.filter(({ length }) => length >= 16 * 1024);
    assertEquals(left, [], `${before}`);
  }
});

Deno.test("BodyParts gives a buffer that several parts stand in back behind the last", () => {
  const bytes = patternOf(200_000);
  const brought = new Uint8Array(bytes.length);
  const parts = new BodyParts({ limitBytes: MIB, decoded: false, length: bytes.length });
  const one = bytes.slice(0, 40_000);
  for (const [from, to] of [[0, 20_000], [20_000, 21_000], [21_000, 40_000]] as const) {
    parts.add(one.subarray(from, to));
  }
  brought.set(bytes.subarray(40_000), 40_000);
  parts.add(brought.subarray(40_000));
  const { value } = stepped(parts.joining());
  assert(value.every((byte, at) => byte === bytes[at]));
  assertEquals(one.length, 0);
});

Deno.test("BodyParts leaves the buffers of parts that bring none for the whole", () => {
  const given = [patternOf(40_000), patternOf(40_000)];
  const parts = new BodyParts({ limitBytes: MIB, decoded: false, length: 80_000 });
  for (const part of given) parts.add(part);
  stepped(parts.joining());
  assertEquals(given.map(({ length }) => length), [40_000, 40_000]);
});

Deno.test("BodyParts keeps parts that stand elsewhere in a buffer of the body's length as they are", () => {
  const buffer = patternOf(100_000);
  const parts = new BodyParts({ limitBytes: MIB, decoded: false, length: buffer.length });
  const given = [buffer.subarray(60_000), buffer.subarray(0, 60_000)];
  for (const part of given) parts.add(part);
  const { value } = stepped(parts.joining());
  assertEquals(value[0], buffer[60_000]);
  assert(value.subarray(40_000).every((byte, at) => byte === at * 31 % 251));
});

Deno.test("BodyParts gives what has come of a body of known length that was cut off", () => {
  const parts = new BodyParts({ limitBytes: 4 * MIB, decoded: false, length: 2 * MIB });
  parts.add(new Uint8Array(MIB).fill(1));
  parts.add(new Uint8Array(1_000).fill(2));
  const { value } = stepped(parts.joining());
  assertEquals([value.length, value[0], value.at(-1)], [MIB + 1_000, 1, 2]);
});

Deno.test("BodyParts gives a body of one part as it came", () => {
  const part = patternOf(100_000);
  const parts = new BodyParts({ limitBytes: MIB, decoded: false });
  parts.add(part);
  assert(stepped(parts.joining()).value === part);
});

Deno.test("BodyParts joins a large body in steps of 1 MiB", () => {
  const parts = new BodyParts({ limitBytes: 64 * MIB, decoded: false });
  for (let count = 0; count < 8; count++) parts.add(new Uint8Array(3 * MIB));
  const { value, steps } = stepped(parts.joining());
  assertEquals([value.length, steps], [24 * MIB, 24]);
});

/** Sizes of parts that waste the most: tiny ones, and tiny ones between large ones. */
const WASTEFUL: readonly (readonly number[])[] = [[1], [3, 1_000], [1, 16_384], [1, 70_000], [
  16_383,
]];

for (const sizes of WASTEFUL) {
  Deno.test(`BodyParts holds no more than twice what comes in parts of ${sizes.join(" and ")} bytes`, () => {
    const parts = new BodyParts({ limitBytes: MIB, decoded: false });
    // Each a view of a large buffer, as a front may hand them on.
    const buffer = new Uint8Array(4 * MIB);
    for (let count = 0; parts.length < 400_000; count++) {
      const size = sizes[count % sizes.length] ?? 1;
      parts.add(size < 70_000 ? buffer.subarray(0, size) : new Uint8Array(size));
      assert(parts.capacity <= 2 * parts.length + 1024, `${parts.capacity} of ${parts.length}`);
    }
    assertEquals(stepped(parts.joining()).value.length, parts.length);
    assertEquals(parts.capacity, 0);
  });
}

Deno.test("BodyParts refuses what is beyond the limit, and says if it was decoded", () => {
  for (const [decoded, said] of [[false, "at least 11 bytes;"], [true, "once decoded"]] as const) {
    const parts = new BodyParts({ limitBytes: 10, decoded });
    parts.add(new Uint8Array(10));
    const error = assertThrows(() => parts.add(new Uint8Array(1)), RouterError, said);
    assertEquals(error.code, "body-too-large");
  }
});

Deno.test("BodyParts counts what it holds, and refuses what finds no room", () => {
  const budget = new ByteBudget(100);
  const share = budget.share();
  const parts = new BodyParts({ limitBytes: MIB, share, decoded: false });
  parts.add(new Uint8Array(60));
  parts.add(new Uint8Array(40));
  assertEquals(budget.held, 100);
  const error = assertThrows(() => parts.add(new Uint8Array(1)), RouterError);
  assertEquals([error.code, budget.held], ["overloaded", 100]);
  share.release();
  assertEquals(budget.held, 0);
});
