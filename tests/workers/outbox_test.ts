import { decodeUtf8 } from "../../lib/base/mod.ts";
import { MAX_LOOSE_BYTES, MAX_URGENT_BYTES, Outbox } from "../../lib/workers/outbox.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { bytes } from "./support.ts";

Deno.test("Outbox gives what is urgent first, then what must not be lost, each in order", () => {
  const outbox = new Outbox();
  for (const text of ["l1", "l2"]) assert(outbox.put(bytes(text), "loose"));
  for (const text of ["s1", "s2"]) assert(outbox.put(bytes(text), "steady"));
  for (const text of ["u1", "u2"]) assert(outbox.put(bytes(text), "urgent"));
  const taken = [outbox.take(), outbox.take(), outbox.take()].map((each) =>
    decodeUtf8(each ?? new Uint8Array(0))
  );
  assertEquals(taken, ["u1u2", "s1s2", "l1l2"]);
  assertEquals([outbox.take(), outbox.waiting], [undefined, 0]);
});

Deno.test("Outbox joins no more than is written quickly", () => {
  const outbox = new Outbox();
  for (let count = 0; count < 3; count++) outbox.put(new Uint8Array(40_000), "steady");
  assertEquals([outbox.take()?.length, outbox.take()?.length], [40_000, 40_000]);
  outbox.put(new Uint8Array(100_000), "steady");
  assertEquals([outbox.take()?.length, outbox.take()?.length], [40_000, 100_000]);
});

Deno.test("Outbox leaves out what is loose where too much waits, and refuses what is not", () => {
  const outbox = new Outbox();
  assert(outbox.put(new Uint8Array(MAX_LOOSE_BYTES), "loose"));
  assert(outbox.put(bytes("x"), "loose"));
  assertEquals([outbox.dropped, outbox.waiting], [1, MAX_LOOSE_BYTES]);
  assert(outbox.put(new Uint8Array(MAX_URGENT_BYTES), "urgent"));
  assertEquals(outbox.put(bytes("x"), "urgent"), false);
  assert(outbox.put(bytes("x"), "steady"));
  outbox.clear();
  assertEquals(outbox.waiting, 0);
});
