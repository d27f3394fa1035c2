import { createSharedStore } from "../../lib/sim/shared_store.ts";
import { assertEquals } from "../support/assert.ts";

function range(length: number, from = 0): number[] {
  return Array.from({ length }, (_, index) => from + index);
}

Deno.test("SharedStore finds whole blocks, never the last token", () => {
  const store = createSharedStore();
  for (const [length, found] of [[1, 0], [4, 0], [5, 4], [8, 4], [9, 8]] as const) {
    store.save(range(length, 100 * length), 4);
    assertEquals(store.find(range(length, 100 * length), 4), found);
  }
});

Deno.test("SharedStore tells prompts apart and keeps what was read", () => {
  const store = createSharedStore();
  store.save(range(9), 4);
  assertEquals(store.find(range(9, 1), 4), 0);
  assertEquals(store.find([...range(8), 99], 4), 8);
  assertEquals(store.find(range(9), 4), 8);
  assertEquals(createSharedStore().find(range(9), 4), 0);
});
