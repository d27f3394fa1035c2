/** What balances connections over the notification ports of replicas, as a Service of Kubernetes does. @module */

/** A TCP balancer on loopback. */
export interface Balancer extends AsyncDisposable {
  readonly port: number;
}

/** Begin: each connection goes to the next of `ports` that accepts it. */
export function startBalancer(ports: readonly number[]): Balancer {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const open = new Set<Deno.Conn>();
  let turn = 0;
  const pipe = async (from: Deno.Conn, to: Deno.Conn): Promise<void> => {
    try {
      await from.readable.pipeTo(to.writable);
    } catch {
      // One end has gone, and so goes the other.
    } finally {
      for (const conn of [from, to]) close(conn);
    }
  };
  const close = (conn: Deno.Conn): void => {
    if (!open.delete(conn)) return;
    try {
      conn.close();
    } catch (error) {
      if (!(error instanceof Deno.errors.BadResource)) throw error;
    }
  };
  const serve = async (client: Deno.Conn): Promise<void> => {
    open.add(client);
    for (let tried = 0; tried < ports.length; tried++) {
      const port = ports[turn++ % ports.length] ?? 0;
      try {
        const server = await Deno.connect({ hostname: "127.0.0.1", port });
        open.add(server);
        await Promise.all([pipe(client, server), pipe(server, client)]);
        return;
      } catch (error) {
        if (!(error instanceof Deno.errors.ConnectionRefused)) throw error;
      }
    }
    close(client);
  };
  const accepting = (async () => {
    for await (const client of listener) void serve(client);
  })();
  return {
    port: listener.addr.port,
    async [Symbol.asyncDispose]() {
      listener.close();
      for (const conn of [...open]) close(conn);
      await accepting;
    },
  };
}
