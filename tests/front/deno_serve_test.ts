import { encodeUtf8, Lease } from "../../lib/base/mod.ts";
import {
  type Front,
  type FrontEvent,
  type FrontHandler,
  type FrontOptions,
  startDenoFront,
} from "../../lib/front/mod.ts";
import type { Answer, ByteSource } from "../../lib/request/mod.ts";
import type { TlsPair } from "../../lib/tls/mod.ts";
import { assertEquals, assertThrows } from "../support/assert.ts";
import { FakeClock, settle } from "../support/fake_clock.ts";
import { wantOfDescriptors } from "../support/scarce.ts";
import { FakePlatform } from "./fake_platform.ts";

const LIMITS = {
  headMs: 1_000,
  bodyIdleMs: 1_000,
  writeIdleMs: 1_000,
  keepAliveMs: 1_000,
  maxConnections: 3,
  maxPerAddress: 2,
};

const WHOLE: Answer = { status: 200, headers: [], body: encodeUtf8("whole") };
const FAULT: Answer = { status: 500, headers: [], body: encodeUtf8("fault") };

interface Run {
  readonly clock: FakeClock;
  readonly front: Front;
  readonly platform: FakePlatform;
  readonly events: FrontEvent[];
  /** A request from that address, to the server begun last. */
  readonly get: (address?: string) => Promise<Response>;
}

function run(handler: FrontHandler, limits: Partial<FrontOptions["limits"]> = {}): Run {
  const clock = new FakeClock();
  const platform = new FakePlatform();
  const events: FrontEvent[] = [];
  const front = startDenoFront(
    {
      hostname: "127.0.0.1",
      port: 0,
      limits: { ...LIMITS, ...limits },
      onFault: () => FAULT,
      onEvent: (event) => void events.push(event),
    },
    handler,
    { clock, serve: platform.serve },
  );
  const get = (hostname = "10.0.0.1"): Promise<Response> =>
    platform.server(platform.servers.length - 1).handler(new Request("http://x/v1/models"), {
      remoteAddr: { transport: "tcp", hostname, port: 5000 },
    });
  return { clock, front, platform, events, get };
}

/** A body whose pieces the test hands out, early or late. */
class HeldSource implements ByteSource {
  cancelled = 0;
  readonly #pieces: PromiseWithResolvers<Uint8Array | undefined>[] = [];
  #read = 0;
  #given = 0;

  read(): Promise<Uint8Array | undefined> {
    return this.#piece(this.#read++).promise;
  }

  give(bytes: Uint8Array | undefined): void {
    this.#piece(this.#given++).resolve(bytes);
  }

  fail(error: Error): void {
    this.#piece(this.#given++).reject(error);
  }

  cancel(): void {
    this.cancelled++;
    this.give(undefined);
  }

  #piece(index: number): PromiseWithResolvers<Uint8Array | undefined> {
    return this.#pieces[index] ??= Promise.withResolvers();
  }
}

/** Answers with bodies that the test holds. */
function held(): { readonly sources: HeldSource[]; readonly handler: FrontHandler } {
  const sources: HeldSource[] = [];
  return {
    sources,
    handler: () => {
      const body = new HeldSource();
      sources.push(body);
      return Promise.resolve({ status: 200, headers: [], body });
    },
  };
}

Deno.test("startDenoFront() answers 503 beyond its limits, in all and of one address", async () => {
  const { sources, handler } = held();
  const { front, events, get } = run(handler);
  assertEquals([(await get()).status, (await get()).status, front.connections], [200, 200, 2]);
  const third = await get();
  assertEquals([third.status, third.headers.get("retry-after"), events], [503, "1", [
    { kind: "refused", why: "address" },
  ]]);
  assertEquals((await get("10.0.0.2")).status, 200);
  const fifth = await get("10.0.0.3");
  assertEquals([fifth.status, events.at(-1)], [503, { kind: "refused", why: "connections" }]);
  assertEquals([sources.length, front.connections], [3, 3]);
});

Deno.test("startDenoFront() counts a request until its answer has ended, however it ends", async () => {
  const { sources, handler } = held();
  const { front, get } = run(handler);
  const ends: readonly ((response: Response, source: HeldSource) => Promise<unknown>)[] = [
    (response, source) => (source.give(undefined), response.text()),
    (response) => response.body?.cancel() ?? Promise.resolve(),
    (response, source) => (source.fail(new Error("broken")), response.text().catch(() => {})),
  ];
  for (const [index, end] of ends.entries()) {
    const response = await get();
    const source = sources[index];
    if (source === undefined) throw new Error("not handled");
    assertEquals(front.connections, 1);
    await end(response, source);
    assertEquals([index, front.connections], [index, 0]);
  }
});

Deno.test("startDenoFront() counts whole answers and faults for no longer than they take", async () => {
  const answered = run(() => Promise.resolve(WHOLE));
  assertEquals(await (await answered.get()).text(), "whole");
  assertEquals(answered.front.connections, 0);
  const faulty = run(() => Promise.reject(new TypeError("a fault")));
  assertEquals(await (await faulty.get()).text(), "fault");
  assertEquals(faulty.front.connections, 0);
});

Deno.test("startDenoFront() goes on where it could accept no more, its answers too", async () => {
  const { sources, handler } = held();
  const { clock, front, platform, events, get } = run(handler);
  const running = await get();
  platform.server(0).fail(wantOfDescriptors());
  await settle();
  assertEquals(events.map(({ kind }) => kind), ["not-accepting"]);
  assertEquals(front.ailment?.startsWith("no more connections can be accepted"), true);
  await clock.advance(50);
  assertEquals([(await get("10.0.0.2")).status, front.connections], [200, 2]);
  sources[0]?.give(encodeUtf8("still here"));
  const reader = running.body?.getReader();
  const { value } = await reader?.read() ?? {};
  assertEquals(value, encodeUtf8("still here"));
  await clock.advance(2_000);
  assertEquals([front.ailment, events.at(-1)?.kind], [undefined, "accepting"]);
});

Deno.test("Front.makeRoom() of Deno.serve closes what is idle by another server", async () => {
  const { clock, front, platform } = run(() => Promise.resolve(WHOLE));
  const made = front.makeRoom();
  await clock.advance(0);
  assertEquals([await made, platform.server(0).shutdowns, platform.ports], [true, 1, [0, 4000]]);
  assertEquals(await front.makeRoom(), false);
});

Deno.test("startDenoFront() serves the certificate of the moment, also where accepting begins anew", async () => {
  const renewals: ((pair: TlsPair) => void)[] = [];
  const clock = new FakeClock();
  const platform = new FakePlatform();
  const pair = (cert: string): TlsPair => ({ cert, key: "k" });
  startDenoFront(
    {
      hostname: "127.0.0.1",
      port: 0,
      limits: LIMITS,
      onFault: () => FAULT,
      tls: {
        ...pair("first"),
        onRenewed: (listener) => (renewals.push(listener), new Lease(() => {})),
      },
    },
    () => Promise.resolve(WHOLE),
    { clock, serve: platform.serve },
  );
  renewals[0]?.(pair("second"));
  platform.server(1).fail(wantOfDescriptors());
  await clock.advance(50);
  platform.failures.push(new Error("bad pair"));
  assertThrows(() => renewals[0]?.(pair("third")), Error, "bad pair");
  platform.server(2).fail(wantOfDescriptors());
  await clock.advance(100);
  assertEquals(platform.servers.map(({ cert }) => cert), ["first", "second", "second", "second"]);
});

Deno.test("Front.close() of Deno.serve cuts answers off, and leaves no timer", async () => {
  const { sources, handler } = held();
  const { clock, front, get } = run(handler);
  const response = await get();
  sources[0]?.give(encodeUtf8("a piece"));
  await response.body?.getReader().read();
  await front.close();
  await front.finished;
  assertEquals(clock.pending, 0);
});
