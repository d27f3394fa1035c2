import { startGate } from "../../scripts/real/gate.ts";
import { assertEquals } from "../support/assert.ts";
import { eventually } from "../support/eventually.ts";

/** An engine that counts what reaches it. */
function startEngine(): AsyncDisposable & { readonly port: number; readonly bodies: string[] } {
  const bodies: string[] = [];
  const server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    async (request) => {
      const body = await request.text();
      bodies.push(`${new URL(request.url).pathname} ${body}`);
      return new Response(`got ${body}`);
    },
  );
  return {
    port: server.addr.port,
    bodies,
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}

function post(url: string, body: string, signal?: AbortSignal): Promise<string> {
  return fetch(url, { method: "POST", body, signal: signal ?? null }).then((response) =>
    response.text()
  );
}

Deno.test("startGate() passes requests on, several by one connection", async () => {
  await using engine = startEngine();
  using gate = startGate(engine.port);
  const long = "x".repeat(100_000);
  for (const body of ["", "a", long]) {
    assertEquals(await post(`${gate.url}/p`, body), `got ${body}`);
  }
  assertEquals(engine.bodies, ["/p ", "/p a", `/p ${long}`]);
});

Deno.test("startGate() holds requests until they are let go", async () => {
  await using engine = startEngine();
  using gate = startGate(engine.port);
  const open = Promise.withResolvers<void>();
  const seen: string[] = [];
  gate.hold((path, body) => {
    seen.push(`${path} ${body}`);
    return open.promise;
  });
  const answer = post(`${gate.url}/held`, "body");
  await eventually(() => seen.length === 1);
  assertEquals([seen, engine.bodies], [["/held body"], []]);
  open.resolve();
  assertEquals(await answer, "got body");
});

Deno.test("startGate() passes nothing on for a client that left while it was held", async () => {
  await using engine = startEngine();
  using gate = startGate(engine.port);
  const open = Promise.withResolvers<void>();
  const leaving = new AbortController();
  const held = Promise.withResolvers<void>();
  gate.hold(() => {
    held.resolve();
    return open.promise;
  });
  const answer = post(`${gate.url}/left`, "body", leaving.signal).catch((error) => error.name);
  await held.promise;
  leaving.abort();
  assertEquals(await answer, "AbortError");
  gate.hold(() => undefined);
  // Another request through the same gate shows that it had time to notice.
  assertEquals(await post(`${gate.url}/next`, "n"), "got n");
  open.resolve();
  assertEquals(await post(`${gate.url}/last`, "l"), "got l");
  assertEquals(engine.bodies, ["/next n", "/last l"]);
});
