/** Clients that begin a TLS handshake, and do not go on. */
import { seededRandom } from "../../lib/base/mod.ts";
import { assertEquals } from "../support/assert.ts";
import { eventually } from "../support/eventually.ts";
import { rawConnection } from "../support/raw_request.ts";
import { startRouter } from "../support/router.ts";
import { socketsOf } from "../support/sockets.ts";
import { chains } from "../tls/support.ts";

/** How a handshake record begins: a client's greeting of 512 bytes. */
const GREETING = [0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3];

for (const seed of [1, 2]) {
  Deno.test(`handshakes that are not gone on with keep nobody from the router, seed ${seed}`, async () => {
    const { server, ca } = await chains();
    const folder = await Deno.makeTempDir();
    const files = { cert: `${folder}/server.pem`, key: `${folder}/server.key` };
    await Deno.writeTextFile(files.cert, server.cert);
    await Deno.writeTextFile(files.key, server.key);
    const random = seededRandom(seed);
    {
      await using router = await startRouter([], { doors: { tls: files } });
      const { port } = router.app.address;
      using stack = new DisposableStack();
      const count = 80;
      for (let index = 0; index < count; index++) {
        const client = stack.use(await rawConnection(port));
        const part = GREETING.slice(0, Math.floor(random.next() * (GREETING.length + 1)));
        const rest = Array.from({ length: random.next() * 400 }, () => random.next() * 256);
        const bytes = Uint8Array.from(part.length === GREETING.length ? [...part, ...rest] : part);
        if (bytes.length > 0) await client.send(bytes);
      }
      using client = Deno.createHttpClient({ caCerts: [ca] });
      const answer = await fetch(`https://localhost:${port}/health`, {
        client,
        headers: { connection: "close" },
      });
      assertEquals([answer.status, await answer.json()], [200, { status: "healthy" }]);
      stack.dispose();
      await eventually(() => socketsOf(port) <= 1, () => `${socketsOf(port)} connections are held`);
      assertEquals(Object.values(router.app.stats()).filter((held) => held !== 0), []);
    }
    await Deno.remove(folder, { recursive: true });
  });
}
