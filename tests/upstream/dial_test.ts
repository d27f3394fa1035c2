import { RouterError } from "../../lib/base/mod.ts";
import {
  connect,
  type Dial,
  parseOrigin,
  platformDial,
  refuseAddress,
  type Socket,
} from "../../lib/upstream/mod.ts";
import { assertEquals, assertRejects, assertThrows, fail } from "../support/assert.ts";
import { FakeClock, settle } from "../support/fake_clock.ts";
import { MemorySocket } from "./support/memory_engine.ts";
import { RawServer, turn } from "./support/raw_server.ts";
import { countedSignal } from "../support/counted_signal.ts";

Deno.test.sanitizer({ ops: true, resources: true });

const ORIGIN = parseOrigin("http://10.0.0.1:8000");

interface Attempt {
  readonly clock: FakeClock;
  readonly request: ReturnType<typeof countedSignal>;
  readonly closing: ReturnType<typeof countedSignal>;
  readonly connecting: Promise<Socket>;
  /** Given to the dialling. */
  readonly signal: AbortSignal;
  arrive(result: MemorySocket | Error): void;
}

function attempt(): Attempt {
  const clock = new FakeClock();
  const [request, closing] = [countedSignal(), countedSignal()];
  const { promise, resolve, reject } = Promise.withResolvers<Socket>();
  let signal = AbortSignal.abort();
  const dial: Dial = (_origin, given) => {
    signal = given;
    return promise;
  };
  const connecting = connect(dial, ORIGIN, {
    clock,
    timeoutMs: 1000,
    signal: request.signal,
    closing: closing.signal,
  });
  const arrive = (result: MemorySocket | Error): void =>
    result instanceof Error ? reject(result) : resolve(result);
  return { clock, request, closing, connecting, signal, arrive };
}

function assertNothingLeft({ clock, request, closing }: Attempt): void {
  assertEquals([clock.pending, request.count(), closing.count()], [0, 0, 0]);
}

Deno.test("connect() gives the socket and leaves nothing behind", async () => {
  const one = attempt();
  const socket = new MemorySocket();
  one.arrive(socket);
  assertEquals(await one.connecting, socket);
  assertEquals(one.signal.aborted, false);
  assertNothingLeft(one);
});

Deno.test("connect() names the cause of a failure and leaves nothing behind", async () => {
  const cases: [cause: Error, why: string][] = [
    [new Deno.errors.ConnectionRefused("Connection refused (os error 111)"), "connection refused"],
    [new Error("TLS said no"), "TLS said no"],
    [new Error("outer", { cause: new Error("Inner (os error 1)") }), "outer: Inner"],
  ];
  for (const [cause, why] of cases) {
    const one = attempt();
    one.arrive(cause);
    const error = await assertRejects(() => one.connecting, RouterError);
    assertEquals(error.message, `Cannot reach engine http://10.0.0.1:8000: ${why}`);
    assertEquals([error.code, error.cause], ["upstream-unreachable", cause]);
    assertNothingLeft(one);
  }
});

const ENDS: [name: string, code: string, end: (one: Attempt) => void | Promise<void>][] = [
  ["time", "upstream-unreachable", ({ clock }) => clock.advance(1000)],
  ["abort", "client-gone", ({ request }) => request.controller.abort()],
  ["closing", "shutting-down", ({ closing }) => closing.controller.abort()],
];

for (const [name, code, end] of ENDS) {
  Deno.test(`connect() given up by ${name} tells the dialling and leaves nothing behind`, async () => {
    for (const late of [new MemorySocket(), new Error("late failure")]) {
      const one = attempt();
      const rejected = assertRejects(() => one.connecting, RouterError);
      await end(one);
      assertEquals((await rejected).code, code);
      assertEquals(one.signal.aborted, true);
      assertNothingLeft(one);
      one.arrive(late);
      await settle();
      if (late instanceof MemorySocket) assertEquals(late.closed, true);
    }
  });
}

Deno.test("platformDial() gives a TLS handshake up at once", async () => {
  const { promise: done, resolve: finish } = Promise.withResolvers<void>();
  await using server = new RawServer(() => done);
  const controller = new AbortController();
  const dialling = platformDial([])(
    parseOrigin(`https://localhost:${server.port}`),
    controller.signal,
  );
  const rejected = assertRejects(() => dialling, Deno.errors.Interrupted);
  while (server.connections === 0) await turn();
  await turn();
  controller.abort();
  await rejected;
  finish();
});

Deno.test("platformDial() loses no connection that is made in the moment it is given up", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const origin = parseOrigin(`http://127.0.0.1:${listener.addr.port}`);
  const controller = new AbortController();
  const { connect: platform } = Deno;
  const late = async (options: Deno.ConnectOptions): Promise<Deno.TcpConn> => {
    const connection = await platform({ ...options, signal: new AbortController().signal });
    controller.abort();
    // As the platform's own does, before it gives the connection back.
    options.signal?.throwIfAborted();
    return connection;
  };
  Object.defineProperty(Deno, "connect", { value: late, configurable: true, writable: true });
  try {
    const socket = await platformDial([])(origin, controller.signal);
    using _accepted = await listener.accept();
    socket.close();
  } finally {
    Object.defineProperty(Deno, "connect", { value: platform, configurable: true, writable: true });
  }
});

Deno.test("refuseAddress() closes what has led to where no engine is", () => {
  const rows = [
    ["169.254.169.254", "its address, 169.254.169.254, is link-local"],
    ["::ffff:169.254.1.1", "its address, ::ffff:169.254.1.1, is link-local"],
    ["fe80::1%eth0", "its address, fe80::1%eth0, is link-local"],
    ["100.100.100.200", "is a cloud's metadata service (--allow-link-local-engines allows it)"],
  ] as const;
  for (const [hostname, message] of rows) {
    let closed = 0;
    const tcp = { remoteAddr: { hostname }, close: () => void closed++ };
    assertThrows(() => refuseAddress(tcp), Error, message);
    assertEquals(closed, 1);
  }
  for (const hostname of ["127.0.0.1", "10.0.0.1", "::1", "fd00::1"]) {
    refuseAddress({ remoteAddr: { hostname }, close: () => fail(hostname) });
  }
});
