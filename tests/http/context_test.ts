import { ByteBudget, seededRandom, silentLogger } from "../../lib/base/mod.ts";
import type { Routing } from "../../lib/config/mod.ts";
import { Metrics } from "../../lib/metrics/mod.ts";
import { contextOf } from "../../lib/http/context.ts";
import { type RequestContext, RequestTrace } from "../../lib/request/mod.ts";
import { configOf, FLEET } from "../config/support.ts";
import { assert, assertEquals, assertMatch, assertNotEquals } from "../support/assert.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { handedOn, openDoorsOf, requestTo } from "../support/http_fakes.ts";

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
const random = seededRandom(1);
const DOORS = openDoorsOf({ log: silentLogger(), metrics: new Metrics() });
const HELD = new ByteBudget(0).share();

function contextFor(
  headers: Readonly<Record<string, string>>,
  routing: Routing = { kind: "roundrobin" },
): RequestContext {
  const config = { ...configOf({ flags: FLEET }), routing };
  const request = handedOn(requestTo("/v1/completions", {}, { headers }));
  return contextOf(
    request,
    { config, random, log: silentLogger(), doors: DOORS },
    new RequestTrace(new FakeClock()),
    HELD,
  );
}

/** The ids that engines are given. */
function toldIds({ headers }: RequestContext): readonly string[] {
  return headers.filter(([name]) => name.toLowerCase() === "x-request-id").map(([, id]) => id);
}

Deno.test("contextOf() takes the client's id, and tells it to engines once", () => {
  for (const id of ["abc", "a b,c", "x".repeat(512)]) {
    const context = contextFor({ "X-Request-Id": id });
    assertEquals([context.id, toldIds(context)], [id, [id]]);
  }
});

Deno.test("contextOf() makes an id where the client gave none that will do", () => {
  for (const headers of [{}, { "x-request-id": "" }, { "x-request-id": "x".repeat(513) }]) {
    const context = contextFor(headers);
    assertMatch(context.id, UUID);
    assertEquals(toldIds(context), [context.id]);
  }
  assertNotEquals(contextFor({}).id, contextFor({}).id);
});

Deno.test("contextOf() tells engines what is not of one connection", () => {
  const { headers } = contextFor({
    "authorization": "Bearer a",
    "x-custom": "1",
    "connection": "x-hop",
    "x-hop": "1",
    "proxy-authorization": "Basic a",
    "x-request-id": "r",
  });
  const names = headers.map(([name]) => name);
  for (const kept of ["authorization", "x-custom", "x-request-id"]) assert(names.includes(kept));
  for (const dropped of ["connection", "x-hop", "proxy-authorization", "host"]) {
    assert(!names.includes(dropped), dropped);
  }
});

Deno.test("contextOf() finds the session in the header that the configuration names", () => {
  const routing = { kind: "session", sessionKey: "x-user-id" } as const;
  assertEquals(contextFor({ "X-User-Id": "u1" }, routing).sessionId, "u1");
  assertEquals(contextFor({ "x-session-id": "u1" }, routing).sessionId, undefined);
  assertEquals(contextFor({ "x-user-id": "u1" }).sessionId, undefined);
});

Deno.test("contextOf() ends with the request, and begins with its trace", () => {
  const client = new AbortController();
  const request = handedOn(requestTo("/health", undefined, { signal: client.signal }));
  const trace = new RequestTrace(new FakeClock());
  const config = configOf({ flags: FLEET });
  const context = contextOf(
    request,
    { config, random, log: silentLogger(), doors: DOORS },
    trace,
    HELD,
  );
  assertEquals([context.signal.aborted, context.trace === trace], [false, true]);
  client.abort();
  assertEquals(context.signal.aborted, true);
});

Deno.test("contextOf() tells engines a type without a charset other than UTF-8", () => {
  const blanks = `a${" ".repeat(60_000)}b`;
  const told = [
    ["application/json", "application/json"],
    ["application/json; charset=utf-8", "application/json; charset=utf-8"],
    ['application/json; charset="UTF-8"', 'application/json; charset="UTF-8"'],
    ["application/json; charset= utf8 ; a=b", "application/json; charset= utf8 ; a=b"],
    ["application/json ; CHARSET = utf-16; a=b", "application/json; a=b"],
    ['text/json;a=b;charset="utf-32le"', "text/json;a=b"],
    ["text/json; charset=utf-80", "text/json"],
    ["text/json; charset=", "text/json"],
    [blanks, blanks],
  ] as const;
  for (const [given, wanted] of told) {
    const { headers } = contextFor({ "content-type": given });
    const type = headers.find(([name]) => name === "content-type")?.[1];
    assertEquals(type, wanted);
  }
});

Deno.test("contextOf() keeps the way that a client asks for from engines", () => {
  const { headers } = contextFor({ "X-PD-Route": "direct", "x-pd-other": "1" });
  assertEquals(headers.map(([name]) => name).filter((name) => name.startsWith("x-pd-")), [
    "x-pd-other",
  ]);
});
