import { type Content, keptSource, MAX_CONTENT_BYTES } from "../../lib/hooks/content.ts";
import type { ByteSource } from "../../lib/request/mod.ts";
import { assertEquals, assertRejects } from "../support/assert.ts";

/** A body of pieces of these sizes, which then ends, or breaks. */
function body(sizes: readonly number[], breaks = false): ByteSource {
  const left = sizes.map((size) => new Uint8Array(size).fill(7));
  return {
    read: () => {
      const piece = left.shift();
      return piece === undefined && breaks
        ? Promise.reject(new Error("cut"))
        : Promise.resolve(piece);
    },
    cancel: () => {},
  };
}

const ROOM = (): boolean => true;

async function readAll(source: ByteSource): Promise<number> {
  let length = 0;
  for (let piece = await source.read(); piece !== undefined; piece = await source.read()) {
    length += piece.length;
  }
  return length;
}

Deno.test("keptSource() passes everything on and keeps as much as it may", async () => {
  const most = MAX_CONTENT_BYTES;
  const rows: readonly (readonly [readonly number[], number, boolean])[] = [
    [[], 0, true],
    [[1, 2, 3], 6, true],
    [[most], most, true],
    [[most, 1], most, false],
    [[most - 1, 5, 5], most, false],
  ];
  for (const [sizes, kept, complete] of rows) {
    const ends: Content[] = [];
    const passed = await readAll(keptSource(body(sizes), ROOM, (end) => ends.push(end)));
    assertEquals(passed, sizes.reduce((sum, size) => sum + size, 0));
    assertEquals(ends.map((end) => [end.bytes.length, end.complete]), [[kept, complete]]);
  }
});

Deno.test("keptSource() keeps nothing for which there is no room", async () => {
  const ends: Content[] = [];
  let room = 4;
  const take = (bytes: number): boolean => (room -= bytes) >= 0;
  assertEquals(await readAll(keptSource(body([3, 3, 3]), take, (end) => ends.push(end))), 9);
  assertEquals(ends.map((end) => [end.bytes.length, end.complete]), [[3, false]]);
});

Deno.test("keptSource() tells once of a body that breaks, and of one that is left", async () => {
  const ends: Content[] = [];
  const broken = keptSource(body([2], true), ROOM, (end) => ends.push(end));
  await assertRejects(() => readAll(broken), Error);
  broken.cancel();
  const left = keptSource(body([2, 2]), ROOM, (end) => ends.push(end));
  await left.read();
  left.cancel();
  left.cancel();
  assertEquals(ends.map((end) => [end.bytes.length, end.complete]), [[2, false], [2, false]]);
});
