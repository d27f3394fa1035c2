import { GrowingBytes, seededRandom } from "../../lib/base/mod.ts";
import { assert, assertEquals, assertThrows } from "../support/assert.ts";

const MIB = 1024 * 1024;

function filled(length: number, first: number): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let at = 0; at < length; at++) bytes[at] = (first + at) % 251;
  return bytes;
}

Deno.test("GrowingBytes holds what was added, in order, less what was dropped", () => {
  const random = seededRandom(7);
  const bytes = new GrowingBytes(4 * MIB);
  let expected: number[] = [];
  for (let round = 0; round < 200; round++) {
    const more = filled(Math.floor(random.next() * 9_000), round);
    bytes.append(more);
    expected.push(...more);
    if (random.next() < 0.3) {
      const count = Math.floor(random.next() * bytes.length);
      bytes.drop(count);
      expected = expected.slice(count);
    }
    assertEquals(bytes.length, expected.length);
  }
  assertEquals([...bytes.view()], expected);
  assertEquals([...bytes.view(10, 20)], expected.slice(10, 20));
  assertEquals(bytes.view(5, 9 * MIB).length, expected.length - 5);
});

Deno.test("GrowingBytes takes as much as is expected, and no more than 256 KiB of that before it comes", () => {
  for (
    const [expected, capacity] of [[300, 300], [40_000, 40_000], [8 * MIB, 256 * 1024]] as const
  ) {
    const bytes = new GrowingBytes(16 * MIB, expected);
    assertEquals(bytes.capacity, 0);
    bytes.append(filled(10, 1));
    assertEquals(bytes.capacity, capacity);
    bytes.append(filled(capacity, 2));
    assertEquals([...bytes.view(0, 12)], [...filled(10, 1), 2, 3]);
  }
});

Deno.test("GrowingBytes leaves views as they are while more is added", () => {
  const bytes = new GrowingBytes(8 * MIB);
  const views: Uint8Array[] = [];
  for (let part = 0; part < 80; part++) {
    bytes.append(filled(50_000, part));
    views.push(bytes.view(part * 50_000));
  }
  views.forEach((view, part) => assert(view.every((byte, at) => byte === (part + at) % 251)));
});

Deno.test("GrowingBytes refuses more than its limit, and keeps what it has", () => {
  for (const limit of [10, 3 * MIB]) {
    const bytes = new GrowingBytes(limit);
    bytes.append(filled(limit, 1));
    assertThrows(() => bytes.append(Uint8Array.of(1)), RangeError, String(limit));
    assertEquals(bytes.length, limit);
    assertEquals(bytes.view().at(-1), filled(limit, 1).at(-1));
  }
});

Deno.test("GrowingBytes takes no more memory than twice what it holds, and gives it back", () => {
  const bytes = new GrowingBytes(64 * MIB);
  for (let part = 0; part < 100; part++) {
    bytes.append(filled(30_000, part));
    assert(bytes.capacity <= Math.max(4096, 2 * bytes.length), `${bytes.capacity} taken`);
  }
  bytes.drop(bytes.length - 100);
  assert(bytes.capacity <= 4096, `${bytes.capacity} taken`);
  assertEquals(bytes.view(), filled(30_000, 99).slice(-100));
  bytes.append(filled(2 * MIB, 0));
  bytes.clear();
  assertEquals([bytes.length, bytes.capacity, bytes.view().length], [0, 0, 0]);
});

Deno.test("GrowingBytes beyond a size is not copied when it grows", () => {
  const bytes = new GrowingBytes(64 * MIB);
  bytes.append(filled(MIB, 0));
  const { buffer } = bytes.view();
  bytes.append(filled(3 * MIB, 0));
  assert(bytes.view().buffer === buffer);
});

Deno.test("GrowingBytes takes memory for all that is expected once a quarter has come", () => {
  const bytes = new GrowingBytes(8 * MIB, MIB);
  const capacities: number[] = [];
  for (let part = 0; part < 64; part++) {
    bytes.append(filled(MIB / 64, part));
    capacities.push(bytes.capacity);
  }
  assertEquals(capacities, [...Array(16).fill(MIB / 4), ...Array(48).fill(MIB)]);
  assertEquals(bytes.view().buffer.resizable, false);
  // More than that may come all the same.
  bytes.append(filled(10, 5));
  assertEquals([bytes.length, bytes.view().at(-1)], [MIB + 10, filled(10, 5).at(-1)]);
  assertEquals(bytes.view(0, 3), filled(3, 0));
});

Deno.test("GrowingBytes gives large memory back at once", () => {
  for (const expected of [0, MIB]) {
    const bytes = new GrowingBytes(8 * MIB, expected);
    for (let part = 0; part < 5; part++) bytes.append(filled(200_000, part));
    const first = bytes.view();
    bytes.drop(999_990);
    assertEquals([first.length, bytes.view()], [0, filled(200_000, 4).slice(-10)]);
    for (let part = 0; part < 5; part++) bytes.append(filled(200_000, part));
    const second = bytes.view();
    bytes.clear();
    assertEquals(second.length, 0);
  }
});
