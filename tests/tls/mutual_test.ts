/** The listener for clients with certificates, on connections that a test hands out. */
import { Lease } from "../../lib/base/mod.ts";
import { type ConnListener, listenMutual } from "../../lib/tls/mutual.ts";
import { assertEquals, assertRejects } from "../support/assert.ts";
import { wantOfDescriptors } from "../support/scarce.ts";
import { chains } from "./support.ts";

Deno.test("listenMutual() accepts again after a want of descriptors, and is renewed meanwhile", async () => {
  const made = await chains();
  let scarce = true;
  const real = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const source: ConnListener = {
    addr: { hostname: "127.0.0.1", port: real.addr.port },
    async accept() {
      if (scarce) throw wantOfDescriptors();
      return await real.accept();
    },
    close: () => real.close(),
  };
  let renew: (pair: typeof made.renewed) => void = () => {};
  const listener = listenMutual(source, {
    ...made.server,
    clientCa: made.ca,
    onRenewed: (told) => {
      renew = told;
      return new Lease(() => {});
    },
  });
  await assertRejects(() => listener.accept(), Error, "Too many open files");
  renew(made.renewed);
  scarce = false;
  const accepted = listener.accept();
  const client = await Deno.connectTls({
    hostname: "localhost",
    port: real.addr.port,
    caCerts: [made.ca],
    ...made.client,
  });
  const socket = await accepted;
  try {
    await Promise.all([socket.handshake(), client.handshake()]);
    assertEquals(socket.remoteAddr.hostname, "127.0.0.1");
  } finally {
    socket.close();
    client.close();
    listener.close();
  }
});
