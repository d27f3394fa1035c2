import fc from "fast-check";
import { readPartialSuccess } from "../../lib/tracing/partial_success.ts";
import { assert, assertEquals } from "../support/assert.ts";

const PARTIAL = Uint8Array.from([0x0a, 7, 0x08, 0xac, 0x02, 0x12, 2, 0x68, 0x69]);

Deno.test("readPartialSuccess() reads what was refused, and why", () => {
  assertEquals(readPartialSuccess(PARTIAL), { kind: "taken", refused: 300, why: "hi" });
  assertEquals(readPartialSuccess(new Uint8Array()), { kind: "taken", refused: 0 });
  const unknown = Uint8Array.from([0x15, 1, 2, 3, 4, 0x19, 1, 2, 3, 4, 5, 6, 7, 8, ...PARTIAL]);
  assertEquals(readPartialSuccess(unknown), readPartialSuccess(PARTIAL));
});

Deno.test("readPartialSuccess() takes whatever comes", () => {
  for (let cut = 0; cut < PARTIAL.length; cut++) {
    assertEquals(readPartialSuccess(PARTIAL.subarray(0, cut)).kind, "taken");
  }
  fc.assert(fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
    const { refused, why } = readPartialSuccess(bytes);
    assert(refused >= 0 && (why?.length ?? 0) <= 200);
  }));
});
