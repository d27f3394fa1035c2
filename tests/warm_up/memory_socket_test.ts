import { decodeUtf8, encodeUtf8 } from "../../lib/base/mod.ts";
import { memorySockets, writeAll } from "../../lib/warm_up/memory_socket.ts";
import { assertEquals, assertRejects } from "../support/assert.ts";

Deno.test("memorySockets() hand over what is written, whoever comes first, as reads have room", async () => {
  const [one, other] = memorySockets();
  const target = new Uint8Array(3);
  const reading = other.read(target);
  assertEquals(await one.write(encodeUtf8("abcde")), 3);
  assertEquals([await reading, decodeUtf8(target)], [3, "abc"]);
  const writing = writeAll(one, encodeUtf8("fghi"));
  assertEquals([await other.read(target), decodeUtf8(target)], [3, "fgh"]);
  assertEquals([await other.read(target), decodeUtf8(target.subarray(0, 1))], [1, "i"]);
  await writing;
});

Deno.test("memorySockets() have the other side see the end of one, and of its sending alone", async () => {
  const [one, other] = memorySockets();
  await one.closeWrite();
  assertEquals(await other.read(new Uint8Array(1)), null);
  const answered = one.read(new Uint8Array(1));
  assertEquals([await other.write(encodeUtf8("a")), await answered], [1, 1]);
  const pending = one.write(encodeUtf8("b"));
  await assertRejects(() => pending, Error);
  const [here, there] = memorySockets();
  const writing = here.write(encodeUtf8("a"));
  const reading = here.read(new Uint8Array(1));
  there.close();
  await assertRejects(() => writing, Error, "closed");
  assertEquals(await reading, null);
  here.close();
  await assertRejects(() => there.write(encodeUtf8("a")), Error, "closed");
});
