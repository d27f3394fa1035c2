/** Both ways to a collector, before one on real sockets. */
import { systemClock } from "../../lib/base/mod.ts";
import type { TracingOptions } from "../../lib/config/mod.ts";
import {
  grpcTransport,
  httpTransport,
  OtlpEncoder,
  type Transport,
} from "../../lib/tracing/mod.ts";
import { createUpstreamClient } from "../../lib/upstream/mod.ts";
import { assert, assertEquals, assertMatch } from "../support/assert.ts";
import { makeAuthority } from "../support/authority.ts";
import {
  type OtlpReceiver,
  type Reaction,
  startGrpcReceiver,
  startHttpReceiver,
} from "../support/otlp_receiver.ts";

const NEVER = new AbortController().signal;

interface Way {
  readonly name: string;
  readonly start: (react?: Reaction) => OtlpReceiver | Promise<OtlpReceiver>;
  readonly to: (options: TracingOptions, caCerts?: readonly string[]) => Promise<Transport>;
  /** Statuses of answers behind which a batch may be sent again, and of others. */
  readonly later: readonly number[];
  readonly never: readonly number[];
}

const WAYS: readonly Way[] = [
  {
    name: "httpTransport()",
    start: startHttpReceiver,
    to: ({ endpoint, headers }, caCerts = []) => {
      const upstream = createUpstreamClient({ clock: systemClock(), caCerts });
      return Promise.resolve(httpTransport({ endpoint, headers, upstream }));
    },
    later: [429, 502, 503, 504],
    never: [400, 401, 404, 500],
  },
  {
    name: "grpcTransport()",
    start: startGrpcReceiver,
    to: ({ endpoint, headers }, caCerts = []) => grpcTransport({ endpoint, headers, caCerts }),
    later: [1, 4, 8, 10, 11, 14, 15],
    never: [2, 3, 7, 12, 13, 16],
  },
];

function batchOf(spans: number, text = "") {
  const encoder = new OtlpEncoder({ attributes: { "service.name": "x" }, version: "1" });
  return encoder.batch(Array.from({ length: spans }, (_, at) =>
    encoder.span({
      traceId: "0af7651916cd43dd8448eb211c80319c",
      spanId: (at + 1).toString(16).padStart(16, "0"),
      name: `span ${at}`,
      kind: "internal",
      startMs: 1,
      endMs: 2,
      attributes: { text },
    })));
}

for (const { name, start, to, later, never } of WAYS) {
  Deno.test(`${name} hands batches over, small ones and large ones, one after the other`, async () => {
    await using receiver = await start();
    using transport = await to(receiver.options({ headers: [["x-key", "secret"]] }));
    for (const [count, size] of [[1, 0], [500, 500], [2_000, 500]] as const) {
      const before = receiver.spans().length;
      const delivery = await transport.send(batchOf(count, "x".repeat(size)), NEVER);
      assertEquals(delivery, { kind: "taken", refused: 0 });
      assertEquals(receiver.spans().length - before, count);
    }
    assertEquals(receiver.headers["x-key"], "secret");
  });

  Deno.test(`${name} tells what is refused of a batch`, async () => {
    await using receiver = await start(() => ({ refused: 2 }));
    using transport = await to(receiver.options());
    const delivery = await transport.send(batchOf(3), NEVER);
    assertEquals(delivery, { kind: "taken", refused: 2, why: "too old" });
  });

  Deno.test(`${name} tells what may be sent again from what may not`, async () => {
    const statuses = [...later, ...never];
    await using receiver = await start((nth) => ({ status: statuses[nth - 1] ?? 0 }));
    using transport = await to(receiver.options());
    for (const status of statuses) {
      const delivery = await transport.send(batchOf(1), NEVER);
      assertEquals(delivery.kind, later.includes(status) ? "later" : "refused", String(status));
      assert(delivery.kind !== "taken");
      assertMatch(delivery.why, new RegExp(`\\b${status}\\b`));
    }
  });

  Deno.test(`${name} ends with its signal, and works again after that`, async () => {
    await using receiver = await start((nth) => nth === 1 ? "hang" : "take");
    using transport = await to(receiver.options());
    const leaving = new AbortController();
    const sent = transport.send(batchOf(1), leaving.signal);
    while (receiver.asked === 0) await new Promise((resolve) => setTimeout(resolve, 1));
    leaving.abort();
    assertEquals((await sent).kind, "later");
    const gone = await transport.send(batchOf(1), leaving.signal);
    assertEquals(gone.kind, "later");
    assertEquals((await transport.send(batchOf(1), NEVER)).kind, "taken");
  });

  Deno.test(`${name} tells that nobody is there, or that the collector has gone`, async () => {
    const receiver = await start();
    using transport = await to(receiver.options());
    assertEquals((await transport.send(batchOf(1), NEVER)).kind, "taken");
    await receiver[Symbol.asyncDispose]();
    for (let turn = 0; turn < 2; turn++) {
      assertEquals((await transport.send(batchOf(1), NEVER)).kind, "later");
    }
  });
}

Deno.test("httpTransport() waits as long as the collector says", async () => {
  await using receiver = startHttpReceiver(() => ({
    status: 503,
    headers: { "retry-after": "7" },
  }));
  const [http] = WAYS;
  using transport = await http?.to(receiver.options());
  const delivery = await transport?.send(batchOf(1), NEVER);
  assert(delivery?.kind === "later");
  assertEquals(delivery.afterMs, 7_000);
});

Deno.test("grpcTransport() goes by TLS to a collector that is trusted, and to no other", async () => {
  await using authority = await makeAuthority();
  await using receiver = await startGrpcReceiver(() => "take", await authority.issue());
  const endpoint = { origin: `https://localhost:${receiver.port}` };
  {
    using transport = await grpcTransport({ endpoint, headers: [], caCerts: [authority.ca] });
    assertEquals((await transport.send(batchOf(3), NEVER)).kind, "taken");
    assertEquals(receiver.spans().length, 3);
  }
  using transport = await grpcTransport({ endpoint, headers: [], caCerts: [] });
  const delivery = await transport.send(batchOf(1), NEVER);
  assert(delivery.kind === "later");
  assertMatch(delivery.why, /certificate/i);
  assertEquals(receiver.spans().length, 3);
});

Deno.test("grpcTransport() tells what is no collector", async () => {
  await using receiver = startHttpReceiver();
  const { endpoint } = receiver.options();
  using transport = await grpcTransport({ endpoint, headers: [], caCerts: [] });
  const late = new AbortController();
  using _timer = systemClock().after(3_000, () => late.abort());
  const delivery = await transport.send(batchOf(1), late.signal);
  assert(delivery.kind !== "taken");
});
