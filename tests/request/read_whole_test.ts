import { decodeUtf8, RouterError } from "../../lib/base/mod.ts";
import { passOver, readWhole } from "../../lib/request/mod.ts";
import { assert, assertEquals, assertRejects } from "../support/assert.ts";
import { FakeResponse } from "./support.ts";

Deno.test("readWhole() gives all of a body", async () => {
  assertEquals(
    decodeUtf8(await readWhole(new FakeResponse(["ab", "c", "\u4e16"]), 100)),
    "abc\u4e16",
  );
  assertEquals((await readWhole(new FakeResponse([]), 100)).length, 0);
});

Deno.test("readWhole() and passOver() refuse more than their limit, and not that much", async () => {
  for (const read of [readWhole, passOver]) {
    await read(new FakeResponse(["ab", "cd"]), 4);
    const error = await assertRejects(() => read(new FakeResponse(["ab", "cde"]), 4), RouterError);
    assertEquals([error.code, error.message], ["upstream-protocol", "An answer exceeds 4 bytes"]);
  }
});

Deno.test("readWhole() and passOver() reject as the body does", async () => {
  for (const read of [readWhole, passOver]) {
    const broken = new RouterError("upstream-timeout", "silent");
    const response = new FakeResponse(["ab", broken]);
    assert(await assertRejects(() => read(response, 9), RouterError) === broken);
  }
});
