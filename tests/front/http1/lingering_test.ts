import { Intake } from "../../../lib/front/http1/intake.ts";
import { Lingering, MAX_LINGER_BYTES } from "../../../lib/front/http1/lingering.ts";
import { assertEquals } from "../../support/assert.ts";
import { MemoryClient, rest } from "./support/memory.ts";

function setUp(client = new MemoryClient()): { client: MemoryClient; closed: () => number } {
  let closed = 0;
  const close = (): void => void closed++;
  const intake = new Intake(client, {
    onArrived: (size) => lingering.drop(size),
    onEnded: close,
  });
  const lingering = new Lingering(client, intake, close);
  return { client, closed: () => closed };
}

Deno.test("Lingering throws away what arrives until the client has closed", async () => {
  const { client, closed } = setUp();
  assertEquals([client.writeClosed, client.reading], [true, true]);
  client.send("x".repeat(100_000));
  await rest();
  assertEquals([client.unread, closed()], [0, 0]);
  client.send(null);
  await rest();
  assertEquals(closed(), 1);
});

Deno.test("Lingering ends where the client sends too much", async () => {
  const { client, closed } = setUp();
  const piece = new Uint8Array(1024 * 1024);
  for (let sent = 0; sent < MAX_LINGER_BYTES; sent += piece.length) client.send(piece);
  while (client.unread > 0) await rest();
  assertEquals(closed(), 0);
  client.send("x");
  await rest();
  assertEquals([closed(), client.reading], [1, false]);
});

Deno.test("Lingering ends where nothing can be said to the client any more", async () => {
  const client = new MemoryClient();
  client.closeWrite = () => Promise.reject(new Deno.errors.NotConnected("not connected"));
  const { closed } = setUp(client);
  await rest();
  assertEquals(closed(), 1);
});
