import { concatBytes, decodeUtf8, encodeUtf8 } from "../../lib/base/mod.ts";
import { answerOf } from "../../lib/warm_up/engine_answers.ts";
import type { MemorySocket } from "../../lib/warm_up/memory_socket.ts";
import { MessageReader } from "../../lib/warm_up/message.ts";
import { assertEquals, assertRejects } from "../support/assert.ts";

/** Gives `bytes` in pieces of `size`, and their end. */
function inPieces(bytes: Uint8Array, size: number): Pick<MemorySocket, "read"> {
  let at = 0;
  return {
    read(target) {
      if (at === bytes.length) return Promise.resolve(null);
      const piece = bytes.subarray(at, at + Math.min(size, target.length));
      target.set(piece);
      at += piece.length;
      return Promise.resolve(piece.length);
    },
  };
}

Deno.test("MessageReader reads messages at every cut, one after the other", async () => {
  const two = encodeUtf8(
    "POST /a HTTP/1.1\r\nContent-Length: 3\r\n\r\nabcGET /b HTTP/1.1\r\nhost: x\r\n\r\n",
  );
  for (let size = 1; size <= two.length; size++) {
    const reader = new MessageReader(inPieces(two, size));
    const first = await reader.next();
    assertEquals([first?.first, decodeUtf8(first?.body ?? new Uint8Array())], [
      "POST /a HTTP/1.1",
      "abc",
    ]);
    assertEquals((await reader.next())?.first, "GET /b HTTP/1.1");
    assertEquals(await reader.next(), undefined);
  }
});

Deno.test("MessageReader reads a stream of an engine in memory to its last chunk", async () => {
  const body = encodeUtf8('{"stream":true}');
  const { pieces } = answerOf({ method: "POST", path: "/v1/chat/completions", body });
  const all = concatBytes(pieces);
  for (const size of [1, 7, all.length]) {
    const message = await new MessageReader(inPieces(all, size)).next();
    assertEquals(message?.first, "HTTP/1.1 200 OK");
    assertEquals(decodeUtf8(message?.body ?? new Uint8Array()).match(/data: /g)?.length, 13);
  }
});

Deno.test("MessageReader refuses what is too large", async () => {
  const large = encodeUtf8(`GET / HTTP/1.1\r\nx: ${"x".repeat(70_000)}\r\n\r\n`);
  await assertRejects(() => new MessageReader(inPieces(large, 9_999)).next(), RangeError);
});
