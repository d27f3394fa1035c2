import {
  type Clock,
  createLogger,
  decodeUtf8,
  encodeUtf8,
  RouterError,
} from "../../lib/base/mod.ts";
import {
  clientGone,
  exchange,
  logRouting,
  readError,
  type RequestContext,
  RequestTrace,
} from "../../lib/request/mod.ts";
import type { UpstreamClient, UpstreamRequest, UpstreamResponse } from "../../lib/upstream/mod.ts";
import { assert, assertEquals, assertRejects } from "../support/assert.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { ENGINE, FakeResponse, flightTo } from "./support.ts";

const TIMEOUTS = {
  connectMs: 1,
  tokenizeMs: 2,
  prefillMs: 2,
  prefillMsPerToken: 0,
  firstByteMs: 3,
  wholeAnswerMs: 4,
  streamIdleMs: 5,
};

/** A client that gives `reply` to whatever it is asked. */
function upstreamOf(
  reply: () => Promise<UpstreamResponse>,
): { readonly upstream: UpstreamClient; readonly sent: readonly UpstreamRequest[] } {
  const sent: UpstreamRequest[] = [];
  const send = (request: UpstreamRequest): Promise<UpstreamResponse> => {
    sent.push(request);
    return reply();
  };
  return { upstream: { send, [Symbol.dispose]: () => {} }, sent };
}

const { signal } = new AbortController();

Deno.test("exchange() sends a POST to the flight's engine that may be sent again", async () => {
  const { flight } = flightTo();
  const response = new FakeResponse([]);
  const { upstream, sent } = upstreamOf(() => Promise.resolve(response));
  const headers = [["x-request-id", "r"]] as const;
  const asked = { path: "/v1/models?x=1", headers, headTimeoutMs: 70, signal };
  assert(await exchange({ upstream, timeouts: TIMEOUTS }, flight, asked) === response);
  assertEquals(sent, [{
    method: "POST",
    url: ENGINE.url,
    path: "/v1/models?x=1",
    headers,
    replayable: true,
    connectTimeoutMs: TIMEOUTS.connectMs,
    headTimeoutMs: 70,
    idleTimeoutMs: TIMEOUTS.streamIdleMs,
    signal,
  }]);
  assert(sent[0]?.signal === signal);
  assertEquals(response.disposals, 0);
});

Deno.test("exchange() passes on method, body and that it must not be sent again", async () => {
  const { flight } = flightTo();
  const { upstream, sent } = upstreamOf(() => Promise.resolve(new FakeResponse([])));
  const body = [encodeUtf8("{"), encodeUtf8("}")];
  await exchange({ upstream, timeouts: TIMEOUTS }, flight, {
    method: "DELETE",
    path: "/",
    headers: [],
    body,
    headTimeoutMs: 1,
    replayable: false,
    signal,
  });
  assertEquals(sent.map(({ method, replayable }) => [method, replayable]), [["DELETE", false]]);
  assert(sent[0]?.body === body);
});

Deno.test("exchange() tells the flight of the head, whatever its status, and not of its end", async () => {
  for (const status of [200, 404, 503]) {
    const { flight, clock, outcomes } = flightTo();
    const { upstream } = upstreamOf(async () => {
      await clock.advance(40);
      return new FakeResponse(["body"], { status });
    });
    const asked = { path: "/", headers: [], headTimeoutMs: 1, signal };
    await exchange({ upstream, timeouts: TIMEOUTS }, flight, asked);
    assertEquals(outcomes, []);
    await clock.advance(2);
    flight.ok();
    assertEquals(outcomes.map(({ status, headMs, ms }) => [status, headMs, ms]), [[
      status,
      40,
      42,
    ]]);
  }
});

Deno.test("exchange() rejects as the client does, and leaves the flight to its holder", async () => {
  const { flight, outcomes } = flightTo();
  const refused = new RouterError("upstream-unreachable", "Connection refused");
  const { upstream } = upstreamOf(() => Promise.reject(refused));
  const asked = { path: "/", headers: [], headTimeoutMs: 1, signal };
  const run = (): Promise<unknown> => exchange({ upstream, timeouts: TIMEOUTS }, flight, asked);
  assert(await assertRejects(run, RouterError) === refused);
  assertEquals(outcomes, []);
  flight.failed(refused);
  assertEquals(outcomes.map(({ status, headMs }) => [status, headMs]), [[undefined, undefined]]);
});

/** Error bodies, and what they say in words. */
const ERRORS: readonly (readonly [body: string, message: string])[] = [
  ['{"error":{"message":"no such model","code":404}}', "no such model"],
  ['{"object":"error","message":"too long","code":400}', "too long"],
  ['{"detail":"Not Found"}', "Not Found"],
  ['{"error":"boom"}', "boom"],
  ['"just text"', "just text"],
  ['{"code":1}', '{"code":1}'],
  ["null", "null"],
  ["[1]", "[1]"],
  ["Bad \u00e9 Gateway", "Bad \u00e9 Gateway"],
  ['{"error":{"message":"cut', '{"error":{"message":"cut'],
  ["", "(empty body)"],
  ["x".repeat(1_000), "x".repeat(300)],
];

for (const [body, message] of ERRORS) {
  Deno.test(`readError() keeps all, and reads ${message.slice(0, 30)} in it`, async () => {
    const response = new FakeResponse(body === "" ? [] : [body]);
    const read = await readError(response);
    assertEquals([decodeUtf8(read.body), read.message], [body, message]);
    assertEquals(response.limits, [1024 * 1024]);
    // The holder of the response disposes it.
    assertEquals(response.disposals, 0);
  });
}

Deno.test("readError() rejects as reading the response does", async () => {
  const broken = new RouterError("upstream-protocol", "The body is cut");
  const read = (): Promise<unknown> => readError(new FakeResponse(["{", broken]));
  assert(await assertRejects(read, RouterError) === broken);
});

Deno.test("clientGone() is an error that counts against no engine", () => {
  assertEquals(clientGone().code, "client-gone");
});

/** A request of `sessionId` that arrived at time 0 of `clock`. */
function contextAt(clock: FakeClock, sessionId?: string): RequestContext {
  return { id: "r-1", sessionId, signal, headers: [], trace: new RequestTrace(clock) };
}

Deno.test("logRouting() writes the line that existing tools read", async () => {
  const clock = new FakeClock();
  const lines: string[] = [];
  const log = createLogger(clock, (line) => lines.push(line.replace(/^\S+ /, "")), {
    level: "info",
    format: "text",
  });
  const contexts = [contextAt(clock), contextAt(clock, "s 1")];
  await clock.advance(1_250);
  for (const context of contexts) logRouting({ clock, log }, context, ENGINE);
  const [start, end] = ["INFO Routing request r-1 with session id", "to http://e:8000 at"];
  const figures = "1700000001.25, process time = 1.2500";
  assertEquals(lines, [`${start} None ${end} ${figures}`, `${start} s 1 ${end} ${figures}`]);
});

Deno.test("logRouting() writes nothing, and asks no time, below its level", () => {
  const clock = new FakeClock();
  const lines: string[] = [];
  const log = createLogger(clock, (line) => lines.push(line), { level: "warning", format: "text" });
  const context = contextAt(clock);
  const never = (): never => {
    throw new TypeError("The time was asked for");
  };
  const timeless: Clock = { now: never, unixMs: never, after: never };
  logRouting({ clock: timeless, log }, context, ENGINE);
  assertEquals(lines, []);
});
