import { type AbortWatch, concatBytes, decodeUtf8, RouterError } from "../../lib/base/mod.ts";
import type { FrontRequest } from "../../lib/front/mod.ts";
import type { Answer } from "../../lib/request/mod.ts";
import { type Call, WINDOW } from "../../lib/workers/call.ts";
import { Calls } from "../../lib/workers/calls.ts";
import { Link } from "../../lib/workers/link.ts";
import { answerRelayed, passOn, RELAY_CALL, relayed, relayHead } from "../../lib/workers/relay.ts";
import { assert, assertEquals, assertRejects } from "../support/assert.ts";
import { settle } from "../support/fake_clock.ts";
import { bytes, streamPair } from "./support.ts";

type Handler = (request: FrontRequest) => Promise<Answer>;

/** From a worker over its supervisor to another, which answers by `handler`. */
function path(handler: Handler): { readonly open: (head: Uint8Array) => Call } & Disposable {
  const [there, back] = [streamPair(), streamPair()];
  const links: Link[] = [];
  const ends = (
    stream: ConstructorParameters<typeof Link>[0],
    side: "supervisor" | "worker",
    onCall: ConstructorParameters<typeof Calls>[2],
  ): Calls => {
    const link: Link = new Link(stream, (frame) => void calls.take(frame));
    const calls: Calls = new Calls(link, side, onCall);
    link.over.then(() => calls.end());
    links.push(link);
    return calls;
  };
  const asking = ends(there.near, "worker", () => {});
  const toLead = ends(back.near, "supervisor", () => {});
  ends(there.far, "supervisor", (_kind, head, call) => {
    void passOn(call, toLead.open(RELAY_CALL, head));
  });
  ends(back.far, "worker", (_kind, head, call) => void answerRelayed(head, call, handler));
  return {
    open: (head) => asking.open(RELAY_CALL, head),
    [Symbol.dispose]() {
      for (const link of links) link.close();
    },
  };
}

function requestOf(
  pieces: readonly Uint8Array[],
  signal = new AbortController().signal,
): FrontRequest {
  const left = [...pieces];
  const fields = [["host", "x"], ["x-a", "1"], ["x-a", "2"]] as const;
  return {
    method: "POST",
    target: "/v1/files?a=b",
    headers: { get: () => undefined, [Symbol.iterator]: () => fields[Symbol.iterator]() },
    body: { length: undefined, read: () => Promise.resolve(left.shift()) },
    remote: { hostname: "10.0.0.1", port: 5 },
    signal,
  };
}

async function wholeOf({ body }: Answer): Promise<Uint8Array> {
  if (body instanceof Uint8Array) return body;
  const pieces: Uint8Array[] = [];
  for (let piece = await body.read(); piece !== undefined; piece = await body.read()) {
    pieces.push(piece);
  }
  return concatBytes(pieces);
}

Deno.test("relayed() has a request answered elsewhere as it was sent, body and answer of any size", async () => {
  const all = new Uint8Array(5 * WINDOW).map((_, at) => at % 253);
  const seen: unknown[] = [];
  using way = path(async ({ method, target, headers, remote, body }) => {
    seen.push(method, target, headers.get("x-a"), headers.get("x-b"), remote, body.length);
    const pieces: Uint8Array[] = [];
    for (let piece = await body.read(); piece !== undefined; piece = await body.read()) {
      pieces.push(piece);
    }
    return { status: 201, headers: [["x-b", "c"]], body: concatBytes(pieces) };
  });
  const request = requestOf([all.subarray(0, 10), all.subarray(10)]);
  const answer = await relayed(request, way.open(relayHead(request)));
  assertEquals([answer.status, answer.headers], [201, [["x-b", "c"]]]);
  assertEquals(await wholeOf(answer), all);
  assertEquals(seen, [
    ...["POST", "/v1/files?a=b", "1, 2", undefined],
    ...[{ hostname: "10.0.0.1", port: 5 }, undefined],
  ]);
});

Deno.test("relayed() answers before the body was read, where the other does", async () => {
  using way = path(() => Promise.resolve({ status: 413, headers: [], body: bytes("too much") }));
  const request = requestOf([new Uint8Array(3 * WINDOW)]);
  const answer = await relayed(request, way.open(relayHead(request)));
  assertEquals([answer.status, decodeUtf8(await wholeOf(answer))], [413, "too much"]);
});

Deno.test("relayed() tells the other where the client has gone, and cancels what it reads", async () => {
  const gone = new AbortController();
  let cancelled = false;
  let seen: AbortWatch | undefined;
  using way = path(({ signal }) => {
    seen = signal;
    return Promise.resolve({
      status: 200,
      headers: [],
      body: {
        read: () => Promise.withResolvers<undefined>().promise,
        cancel: () => void (cancelled = true),
      },
    });
  });
  const request = requestOf([], gone.signal);
  await relayed(request, way.open(relayHead(request)));
  gone.abort();
  for (let turn = 0; turn < 3; turn++) await settle();
  assert(seen?.aborted && cancelled);
});

Deno.test("relayed() rejects where the other worker goes before it answers", async () => {
  using way = path(() => Promise.withResolvers<Answer>().promise);
  const request = requestOf([]);
  const answering = relayed(request, way.open(relayHead(request)));
  await settle();
  way[Symbol.dispose]();
  await assertRejects(() => answering, RouterError);
});

Deno.test("relayed() breaks an answer off where the other's breaks", async () => {
  let reads = 0;
  using way = path(() =>
    Promise.resolve({
      status: 200,
      headers: [],
      body: {
        read: () =>
          reads++ === 0
            ? Promise.resolve(bytes("some"))
            : Promise.reject(new RouterError("upstream-lost", "gone")),
        cancel: () => {},
      },
    })
  );
  const request = requestOf([]);
  const answer = await relayed(request, way.open(relayHead(request)));
  await assertRejects(() => wholeOf(answer), RouterError, "broke off");
});
