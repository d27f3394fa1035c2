import { encodeUtf8 } from "../../lib/base/mod.ts";
import { MemoryListener } from "../../lib/warm_up/mod.ts";
import { assertEquals, assertRejects, assertThrows } from "../support/assert.ts";

Deno.test("MemoryListener accepts whoever connects, before it is asked and after", async () => {
  const listener = new MemoryListener();
  const early = listener.connect();
  const first = await listener.accept();
  const accepting = listener.accept();
  const late = listener.connect();
  const second = await accepting;
  for (const [here, there] of [[early, first], [late, second]] as const) {
    const reading = there.read(new Uint8Array(8));
    assertEquals([await here.write(encodeUtf8("x")), await reading], [1, 1]);
  }
});

Deno.test("MemoryListener ends what waits when it is closed", async () => {
  const listener = new MemoryListener();
  const accepting = listener.accept();
  listener.close();
  await assertRejects(() => accepting, Error, "closed");
  await assertRejects(() => listener.accept(), Error, "closed");
  assertThrows(() => listener.connect(), Error, "closed");
  const other = new MemoryListener();
  const waiting = other.connect();
  other.close();
  assertEquals(await waiting.read(new Uint8Array(1)), null);
});
