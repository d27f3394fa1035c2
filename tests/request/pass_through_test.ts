import { decodeUtf8, type ErrorCode, RouterError } from "../../lib/base/mod.ts";
import type { Outcome } from "../../lib/fleet/mod.ts";
import { type ByteSource, passThrough } from "../../lib/request/mod.ts";
import { assert, assertEquals, assertRejects } from "../support/assert.ts";
import { ENGINE, FakeResponse, flightTo, type Piece } from "./support.ts";

/** A body on its way to the client, and what is seen of its flight and its response. */
interface Fixture {
  readonly source: ByteSource;
  readonly response: FakeResponse;
  readonly outcomes: readonly Outcome[];
  readonly end: () => readonly unknown[];
}

function fixture(pieces: readonly Piece[]): Fixture {
  const { flight, outcomes } = flightTo();
  flight.head(200);
  const response = new FakeResponse(pieces);
  const end = (): readonly unknown[] => [
    outcomes.map((outcome) => outcome.code ?? outcome.end),
    response.disposals,
  ];
  return { source: passThrough(flight, response), response, outcomes, end };
}

Deno.test("passThrough() gives the bytes as they come, the client's to keep", async () => {
  const { source } = fixture(["data: 1\n\n", "data: \u00e9", "\n\n"]);
  const pieces: Uint8Array[] = [];
  for (let bytes = await source.read(); bytes !== undefined; bytes = await source.read()) {
    pieces.push(bytes);
  }
  assertEquals(pieces.map(decodeUtf8), ["data: 1\n\n", "data: \u00e9", "\n\n"]);
  assertEquals(source.failure, undefined);
});

Deno.test("passThrough() says that the flight is well at the body's end, and not before", async () => {
  const { flight, clock, outcomes } = flightTo();
  await clock.advance(30);
  flight.head(201);
  const response = new FakeResponse(["a", "b"]);
  const source = passThrough(flight, response);
  await source.read();
  await source.read();
  assertEquals([outcomes, response.disposals], [[], 0]);
  await clock.advance(70);
  assertEquals(await source.read(), undefined);
  assertEquals(outcomes, [{
    engine: ENGINE,
    leg: "direct",
    peer: undefined,
    end: "ok",
    code: undefined,
    status: 201,
    headMs: 30,
    ms: 100,
  }]);
  assertEquals(response.disposals, 1);
});

Deno.test("passThrough() takes an empty body for a whole one", async () => {
  const { source, end } = fixture([]);
  assertEquals(await source.read(), undefined);
  assertEquals(end(), [["ok"], 1]);
});

Deno.test("passThrough() says nothing more of a body that has ended, however it is left", async () => {
  const { source, outcomes } = fixture(["a"]);
  await source.read();
  await source.read();
  source.cancel();
  source.cancel();
  assertEquals(await source.read(), undefined);
  assertEquals(outcomes.map(({ end }) => end), ["ok"]);
});

for (const code of ["upstream-protocol", "upstream-timeout", "shutting-down"] as const) {
  Deno.test(`passThrough() says that the flight failed when the body breaks, ${code}`, async () => {
    const broken = new RouterError(code, "The body is cut");
    const { source, end, outcomes } = fixture(["a", broken]);
    assert(await source.read() !== undefined);
    assert(await assertRejects(() => source.read(), RouterError) === broken);
    assertEquals(end(), [[code], 1]);
    assertEquals(outcomes[0]?.end, "failed");
    source.cancel();
    assertEquals(outcomes.length, 1);
  });
}

Deno.test("passThrough() tells of an error that is not the router's as it is", async () => {
  const broken = new TypeError("not expected");
  const { source, end } = fixture([broken]);
  assert(await assertRejects(() => source.read(), TypeError) === broken);
  assertEquals(end(), [["internal" satisfies ErrorCode], 1]);
});

Deno.test("passThrough() takes a client that has gone for no failure of the engine", async () => {
  const gone = new RouterError("client-gone", "The client closed the connection");
  const { source, end } = fixture(["a", gone]);
  await source.read();
  assert(await assertRejects(() => source.read(), RouterError) === gone);
  assertEquals(end(), [["left"], 1]);
});

Deno.test("passThrough() leaves the flight when it is cancelled, before and between reads", async () => {
  for (const reads of [0, 1]) {
    const { source, end, outcomes } = fixture(["a", "b", "c"]);
    for (let read = 0; read < reads; read++) await source.read();
    source.cancel();
    assertEquals(end(), [["left"], 1]);
    const error = await assertRejects(() => source.read(), RouterError);
    assertEquals([error.code, outcomes.length], ["client-gone", 1]);
  }
});

Deno.test("passThrough() leaves the flight when it is cancelled while it is read", async () => {
  const { source, response, outcomes } = fixture(["a", "(nothing comes)"]);
  await source.read();
  const reading = source.read();
  source.cancel();
  assertEquals([outcomes.map(({ end }) => end), response.disposals], [["left"], 1]);
  const error = await assertRejects(() => reading, RouterError);
  assertEquals(error.code, "client-gone");
  assertEquals(outcomes.length, 1);
});

const STREAM = { headers: [["content-type", "text/event-stream"]] } as const;

/** An error event as vLLM ends a stream with, and the end of that stream. */
function errorEnd(code: number): string {
  return `data: {"error":{"message":"gone","code":${code}}}\n\ndata: [DONE]\n\n`;
}

Deno.test("passThrough() takes a stream that ends with the word of a failure for failed, at any cut", async () => {
  const text = `data: {"choices":[{"text":"a"}]}\n\n${errorEnd(500)}`;
  for (let cut = 1; cut < text.length; cut++) {
    const { flight, outcomes } = flightTo();
    flight.head(200);
    const pieces = [text.slice(0, cut), text.slice(cut)].flatMap((part) =>
      part.match(/[^]{1,50}/g) ?? []
    );
    const source = passThrough(flight, new FakeResponse(pieces, STREAM));
    let came = "";
    for (let bytes = await source.read(); bytes !== undefined; bytes = await source.read()) {
      came += decodeUtf8(bytes);
    }
    assertEquals(came, text);
    assertEquals([source.failure?.code, source.failure?.message], [
      "decode-failed",
      `Engine ${ENGINE.url} failed in its stream: gone`,
    ]);
    assertEquals(outcomes.map(({ end, code, status }) => [end, code, status]), [
      ["failed", "decode-failed", 200],
    ]);
  }
});

for (const [code, end, status] of [[429, "ok", 200], [503, "failed", 503]] as const) {
  Deno.test(`passThrough() passes a refusal at the end of a stream on, with ${code} as ${end}`, async () => {
    const { flight, outcomes } = flightTo();
    flight.head(200);
    const pieces = errorEnd(code).match(/[^]{1,50}/g) ?? [];
    const source = passThrough(flight, new FakeResponse(pieces, STREAM));
    while (await source.read() !== undefined) { /* to its end */ }
    assertEquals(source.failure?.refusal?.status, code);
    assertEquals(outcomes.map((outcome) => [outcome.end, outcome.status]), [[end, status]]);
  });
}

Deno.test("passThrough() asks no body but a stream of events how it ended", async () => {
  const { source, end } = fixture(errorEnd(500).match(/[^]{1,50}/g) ?? []);
  while (await source.read() !== undefined) { /* to its end */ }
  assertEquals([source.failure, end()], [undefined, [["ok"], 1]]);
});
