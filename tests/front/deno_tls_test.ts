/** The platform's server with certificates, asked by the platform's own clients. */
import { encodeUtf8, Lease, RouterError, systemClock } from "../../lib/base/mod.ts";
import { type Front, type FrontHandler, startDenoFront } from "../../lib/front/mod.ts";
import type { FrontOptions } from "../../lib/front/mod.ts";
import type { ByteSource } from "../../lib/request/mod.ts";
import type { ServerTls, TlsPair } from "../../lib/tls/mod.ts";
import { assertEquals, assertThrows } from "../support/assert.ts";
import { eventually } from "../support/eventually.ts";
import { type Chains, chains } from "../tls/support.ts";

const LIMITS = {
  headMs: 15_000,
  bodyIdleMs: 30_000,
  writeIdleMs: 60_000,
  keepAliveMs: 75_000,
  maxConnections: 100,
  maxPerAddress: 100,
};

const HELLO: FrontHandler = () =>
  Promise.resolve({ status: 401, headers: [], body: encodeUtf8("hello") });

class Renewals {
  readonly listeners = new Set<(pair: TlsPair) => void>();
  readonly onRenewed = (listener: (pair: TlsPair) => void): Lease => {
    this.listeners.add(listener);
    return new Lease(() => this.listeners.delete(listener));
  };
  renew(pair: TlsPair): void {
    for (const listener of this.listeners) listener(pair);
  }
}

function start(tls: ServerTls, handler: FrontHandler, more: Partial<FrontOptions> = {}): Front {
  const onFault = (): never => {
    throw new Error("a fault");
  };
  const options = { hostname: "127.0.0.1", port: 0, limits: LIMITS, onFault, tls, ...more };
  return startDenoFront(options, handler, { clock: systemClock() });
}

async function ask(
  { addr }: Front,
  { ca }: Chains,
  { body, http2 = true }: { readonly body?: Uint8Array<ArrayBuffer>; readonly http2?: boolean } =
    {},
): Promise<string> {
  using client = Deno.createHttpClient({ caCerts: [ca], http2, http1: !http2 });
  const method = body === undefined ? "GET" : "POST";
  const url = `https://localhost:${addr.port}/`;
  const response = await fetch(url, { client, method, ...(body === undefined ? {} : { body }) });
  return `${response.status} ${await response.text()}`;
}

/** The name in the certificate that is shown. */
async function shownBy({ addr }: Front): Promise<string> {
  const { stdout } = await new Deno.Command("sh", {
    args: ["-c", `openssl s_client -connect 127.0.0.1:${addr.port} </dev/null 2>/dev/null`],
  }).output();
  return /^subject=CN ?= ?(.*)$/m.exec(new TextDecoder().decode(stdout))?.[1] ?? "";
}

Deno.test("startDenoFront() serves HTTP/1.1 and HTTP/2 by TLS", async () => {
  const made = await chains();
  const asked: (string | undefined)[] = [];
  const front = start(made.server, (request) => {
    asked.push(request.target, request.headers.get("host"));
    return HELLO(request);
  });
  try {
    for (const http2 of [true, false]) assertEquals(await ask(front, made, { http2 }), "401 hello");
    const host = `localhost:${front.addr.port}`;
    assertEquals(asked, ["/", host, "/", host]);
  } finally {
    await front.shutdown();
  }
});

Deno.test("startDenoFront() answers although nobody reads the body, in either HTTP", async () => {
  const made = await chains();
  const front = start(made.server, HELLO);
  try {
    for (const size of [1, 100, 70_000, 3_000_000]) {
      for (const http2 of [true, false]) {
        const body = new Uint8Array(size);
        assertEquals(await ask(front, made, { body, http2 }), "401 hello", `${size} ${http2}`);
      }
    }
  } finally {
    await front.shutdown();
  }
});

Deno.test("startDenoFront() serves a renewed certificate, and running answers go on", async () => {
  const made = await chains();
  const renewals = new Renewals();
  const go = Promise.withResolvers<void>();
  const source = (): ByteSource => {
    const pieces = ["one ", "two"];
    return {
      async read() {
        if (pieces.length === 1) await go.promise;
        const piece = pieces.shift();
        return piece === undefined ? undefined : encodeUtf8(piece);
      },
      cancel: () => {},
    };
  };
  const front = start(
    { ...made.server, onRenewed: renewals.onRenewed },
    ({ target }) =>
      target === "/stream"
        ? Promise.resolve({ status: 200, headers: [], body: source() })
        : HELLO({} as never),
  );
  using client = Deno.createHttpClient({ caCerts: [made.ca] });
  try {
    const { port } = front.addr;
    assertEquals(await shownBy(front), "first");
    const running = await fetch(`https://localhost:${port}/stream`, { client });
    const reader = running.body?.getReader();
    assertEquals((await reader?.read())?.value, encodeUtf8("one "));
    const asked = ask(front, made);
    renewals.renew(made.renewed);
    assertEquals(await asked, "401 hello");
    await eventually(async () => await shownBy(front) === "second");
    assertEquals([front.addr.port, front.ailment], [port, undefined]);
    assertEquals(await ask(front, made), "401 hello");
    go.resolve();
    assertEquals((await reader?.read())?.value, encodeUtf8("two"));
    assertEquals((await reader?.read())?.done, true);
  } finally {
    await front.shutdown();
  }
  assertEquals(renewals.listeners.size, 0);
});

Deno.test("startDenoFront() keeps the certificate it has when another cannot be served", async () => {
  const made = await chains();
  const renewals = new Renewals();
  const front = start({ ...made.server, onRenewed: renewals.onRenewed }, HELLO);
  try {
    const mixed = { cert: made.renewed.cert, key: made.server.key };
    assertThrows(() => renewals.renew(mixed), Error);
    assertEquals([await shownBy(front), await ask(front, made)], ["first", "401 hello"]);
    for (const pair of [made.renewed, made.server, made.renewed]) renewals.renew(pair);
    await eventually(async () => await shownBy(front) === "second");
  } finally {
    await front.shutdown();
  }
});

Deno.test("startDenoFront() takes no port that another listens on, shared or not", async () => {
  const made = await chains();
  const first = start(made.server, HELLO);
  try {
    const { port } = first.addr;
    assertThrows(() => start(made.server, HELLO, { port }), Deno.errors.AddrInUse);
  } finally {
    await first.shutdown();
  }
});

Deno.test("startDenoFront() says that it cannot ask clients for certificates", async () => {
  const made = await chains();
  const error = assertThrows(
    () => start({ ...made.server, clientCa: made.ca }, HELLO),
    RouterError,
    "--tls-client-ca: Deno.serve cannot ask clients for certificates",
  );
  assertEquals(error.code, "internal");
});

Deno.test("startDenoFront() counts requests under the address that they are told to be of", async () => {
  const running = Promise.withResolvers<void>();
  const arrived = Promise.withResolvers<void>();
  const options = {
    hostname: "127.0.0.1",
    port: 0,
    limits: { ...LIMITS, maxPerAddress: 1 },
    onFault: () => ({ status: 500, headers: [], body: new Uint8Array(0) }),
    addressOf: ({ headers }: { headers: { get(name: string): string | undefined } }) =>
      headers.get("x-client") ?? "",
  };
  const front = startDenoFront(options, async () => {
    arrived.resolve();
    await running.promise;
    return { status: 200, headers: [], body: encodeUtf8("done") };
  }, { clock: systemClock() });
  try {
    const from = (client: string): Promise<Response> =>
      fetch(`http://127.0.0.1:${front.addr.port}/`, { headers: { "x-client": client } });
    const first = from("a");
    await arrived.promise;
    const second = await from("a");
    assertEquals([second.status, (await second.json()).error.code], [503, 503]);
    const other = from("b");
    running.resolve();
    for (const response of [await first, await other]) {
      assertEquals([response.status, await response.text()], [200, "done"]);
    }
  } finally {
    await front.shutdown();
  }
});
