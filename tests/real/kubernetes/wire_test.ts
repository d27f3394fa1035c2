import { startWire } from "../../../scripts/real/kubernetes/wire.ts";
import { assert, assertEquals } from "../../support/assert.ts";
import { eventually } from "../../support/eventually.ts";

/** A server that says all it hears, and how much that was. */
function startEcho(): AsyncDisposable & { readonly port: number; readonly heard: () => number } {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  let heard = 0;
  const serve = async (connection: Deno.Conn): Promise<void> => {
    using own = connection;
    const bytes = new Uint8Array(100);
    for (let count = await own.read(bytes); count !== null; count = await own.read(bytes)) {
      heard += count;
      await own.write(bytes.subarray(0, count));
    }
  };
  const all: Promise<void>[] = [];
  const accepting = (async () => {
    for await (const connection of listener) all.push(serve(connection));
  })();
  return {
    port: listener.addr.port,
    heard: () => heard,
    async [Symbol.asyncDispose]() {
      listener.close();
      await accepting;
      await Promise.all(all);
    },
  };
}

async function said(connection: Deno.Conn, text: string): Promise<string> {
  await connection.write(new TextEncoder().encode(text));
  const bytes = new Uint8Array(100);
  const count = await connection.read(bytes);
  return new TextDecoder().decode(bytes.subarray(0, count ?? 0));
}

Deno.test("startWire() passes bytes both ways, and ends with its ends", async () => {
  await using echo = startEcho();
  using wire = startWire(echo.port);
  const connection = await Deno.connect({ port: wire.port });
  assertEquals(await said(connection, "hello"), "hello");
  assertEquals(wire.connections, 1);
  connection.close();
  await eventually(() => wire.connections === 0);
});

Deno.test("startWire() ends all connections while it is cut, and takes others once mended", async () => {
  await using echo = startEcho();
  using wire = startWire(echo.port);
  using before = await Deno.connect({ port: wire.port });
  assertEquals(await said(before, "hello"), "hello");
  wire.cut();
  assertEquals(await before.read(new Uint8Array(1)), null);
  using meanwhile = await Deno.connect({ port: wire.port });
  assertEquals(await meanwhile.read(new Uint8Array(1)), null);
  wire.mend();
  using after = await Deno.connect({ port: wire.port });
  assertEquals(await said(after, "again"), "again");
});

Deno.test("startWire() loses what comes while it is frozen, and ends what has lost bytes once mended", async () => {
  await using echo = startEcho();
  using wire = startWire(echo.port);
  using quiet = await Deno.connect({ port: wire.port });
  using loud = await Deno.connect({ port: wire.port });
  assertEquals([await said(quiet, "a"), await said(loud, "b")], ["a", "b"]);
  wire.freeze();
  const answer = said(loud, "lost");
  await eventually(() => wire.lost > 0);
  assertEquals([wire.connections, echo.heard()], [2, 2]);
  wire.mend();
  assertEquals(await answer, "");
  assertEquals(await said(quiet, "c"), "c");
  assert(echo.heard() === 3, "the lost bytes came");
});
