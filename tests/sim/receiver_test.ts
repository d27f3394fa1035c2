import { silentLogger, systemClock } from "../../lib/base/mod.ts";
import { KvStore } from "../../lib/sim/kv_store.ts";
import {
  type AllocRequest,
  type AllocResponse,
  decodeAgent,
  decodeAllocResponse,
  decodeKvWritten,
  encodeAllocRequest,
  encodeCancel,
  encodeHandshake,
  encodeKvWrite,
} from "../../lib/sim/lmcache_messages.ts";
import { type Generation, simOptions } from "../../lib/sim/options.ts";
import { KvReceiver } from "../../lib/sim/receiver.ts";
import { RpcClient } from "../../lib/sim/rpc_client.ts";
import { ZmtpError } from "../../lib/sim/zmtp.ts";
import { assertEquals, assertRejects, assertThrows } from "../support/assert.ts";

const AGENT = "00000000-0000-0000-0000-000000000001";
const KEYS = ["m@1@0@a@float", "m@1@0@-b@float", "m@1@0@c@float"];

/** A receiver of one rank and a sender's socket to it. */
class Bench implements AsyncDisposable {
  readonly store = new KvStore(1, systemClock());
  readonly #receiver: KvReceiver;
  readonly #init: RpcClient;
  readonly #alloc: RpcClient;
  readonly #generation: Generation;

  constructor(generation: Generation = "D", isFull?: () => boolean) {
    this.#generation = generation;
    const options = simOptions({ role: "decode", generation });
    const log = silentLogger();
    this.#receiver = new KvReceiver(options, {
      store: this.store,
      log,
      agent: AGENT,
      ...(isFull === undefined ? {} : { isFull }),
    });
    const { initPorts, allocPorts } = this.#receiver;
    this.#init = this.#client(initPorts[0] ?? 0, "REQ");
    this.#alloc = this.#client(allocPorts[0] ?? 0, generation === "D" ? "DEALER" : "REQ");
  }

  #client(port: number, type: "REQ" | "DEALER"): RpcClient {
    return new RpcClient({
      host: "127.0.0.1",
      port,
      type,
      timeoutMs: 5000,
      clock: systemClock(),
    });
  }

  get held(): number {
    return this.store.held(1000).heldKv;
  }

  async hello(): Promise<string> {
    const [hello, register] = encodeHandshake(0);
    const [answer] = await this.#init.request([hello]);
    await this.#init.request([register]);
    return decodeAgent(answer);
  }

  async send(message: Uint8Array): Promise<Uint8Array | undefined> {
    return (await this.#alloc.request([message]))[0];
  }

  async allocate(
    keys: readonly string[],
    { reqId = "r", isLastBatch = true, totalChunks = keys.length }: Partial<AllocRequest> = {},
  ): Promise<AllocResponse> {
    const sizes = { firstChunkTokens: 256, lastChunkTokens: 256 };
    const request = { keys, reqId, isLastBatch, totalChunks, ...sizes };
    return decodeAllocResponse(await this.send(encodeAllocRequest(this.#generation, request)));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([this.#init.close(), this.#alloc.close()]);
    await this.#receiver.stop();
  }
}

Deno.test("KvReceiver names its agent and takes writes for that one alone", async () => {
  await using bench = new Bench();
  assertEquals(await bench.hello(), AGENT);
  await bench.allocate(KEYS);
  const wrong = await bench.send(encodeKvWrite(KEYS, "another"));
  assertThrows(() => decodeKvWritten(wrong), Error, "NIXL_ERR_REMOTE_DISCONNECT");
  assertEquals(bench.store.read(() => KEYS), { kind: "read", landed: false });
  await bench.allocate(KEYS);
  assertEquals(decodeKvWritten(await bench.send(encodeKvWrite(KEYS, AGENT))), 3);
  assertEquals(bench.store.read(() => KEYS), { kind: "read", landed: true });
});

Deno.test("KvReceiver counts the chunks of a request over its batches", async () => {
  await using bench = new Bench();
  const more = { isLastBatch: false, totalChunks: 3 };
  assertEquals(await bench.allocate(KEYS.slice(0, 2), more), { known: [], pages: [0, 1] });
  assertEquals(await bench.allocate(KEYS.slice(2), { totalChunks: 3 }), { known: [], pages: [2] });
  assertEquals(bench.held, 3);
  // The request has ended: its id begins another.
  assertEquals(await bench.allocate(KEYS), { known: [0, 1, 2], pages: [] });
  assertEquals(bench.held, 6);
});

Deno.test("KvReceiver fails a request of more chunks than announced, and releases all", async () => {
  await using bench = new Bench();
  await bench.allocate(KEYS.slice(0, 2), { isLastBatch: false, totalChunks: 2 });
  assertEquals(bench.held, 2);
  const failed = await bench.allocate(KEYS.slice(2), { totalChunks: 2 });
  assertEquals(failed, { known: [], pages: [-1] });
  assertEquals(bench.held, 0);
});

Deno.test("KvReceiver releases what is cancelled, once per transfer", async () => {
  await using bench = new Bench();
  await bench.allocate(KEYS, { reqId: "r1" });
  await bench.allocate(KEYS, { reqId: "r2" });
  const answer = decodeAllocResponse(await bench.send(encodeCancel("r1", KEYS)));
  assertEquals([answer, bench.held], [{ known: [], pages: [] }, 3]);
  await bench.send(encodeCancel("r2", KEYS));
  assertEquals(bench.held, 0);
});

const REFUSED: readonly (readonly [name: string, request: Partial<AllocRequest>, pages: number])[] =
  [
    ["no total_chunks", { totalChunks: 0 }, 3],
    ["a key that cannot be read", { keys: ["k"] }, 1],
  ];

for (const [name, change, count] of REFUSED) {
  Deno.test(`KvReceiver answers ${name} with failed pages in generation D`, async () => {
    await using bench = new Bench();
    const { keys = KEYS, ...rest } = change;
    const pages = new Array<number>(count).fill(-1);
    assertEquals(await bench.allocate(keys, rest), { known: [], pages });
    assertEquals(bench.held, 0);
    assertEquals((await bench.allocate(KEYS)).pages.length, 3);
  });
}

Deno.test("KvReceiver fails the pages that it has no room for, and allocates when it has", async () => {
  let full = true;
  await using bench = new Bench("D", () => full);
  assertEquals(await bench.allocate(KEYS), { known: [], pages: [-1, -1, -1] });
  assertEquals(bench.held, 0);
  full = false;
  // The other ranks of a request are as full as its first one was.
  assertEquals(await bench.allocate(KEYS), { known: [], pages: [-1, -1, -1] });
  assertEquals((await bench.allocate(KEYS, { reqId: "another" })).pages.length, 3);
});

Deno.test("KvReceiver closes on what it cannot take in generation C, and takes uncounted chunks", async () => {
  await using bench = new Bench("C");
  assertEquals(await bench.allocate(KEYS, { totalChunks: 1 }), { known: [], pages: [0, 1, 2] });
  await assertRejects(() => bench.send(encodeCancel("r", KEYS)), ZmtpError, "was closed");
  assertEquals(bench.held, 3);
});
