import type { AllowedOrigins } from "../../lib/config/mod.ts";
import { corsHeaders, preflight } from "../../lib/http/cors.ts";
import type { Answer } from "../../lib/request/mod.ts";
import { assert, assertEquals } from "../support/assert.ts";

const LIST = ["https://a.example", "null"] as const;
const A = "https://a.example";

function asked(
  fields: Readonly<Record<string, string>>,
): { get(name: string): string | undefined } & Iterable<readonly [string, string]> {
  return {
    get: (name) => fields[name],
    [Symbol.iterator]: () => Object.entries(fields)[Symbol.iterator](),
  };
}

function fieldsOf(headers: Answer["headers"]): Readonly<Record<string, string>> {
  return Object.fromEntries(headers);
}

function preflightOf(
  origins: AllowedOrigins,
  fields: Readonly<Record<string, string>>,
  method = "OPTIONS",
): Answer | undefined {
  return preflight(origins, { method, headers: asked(fields) });
}

Deno.test("corsHeaders() lets pages of allowed origins read an answer", () => {
  const rows: readonly (readonly [AllowedOrigins, string | undefined, string | undefined])[] = [
    ["*", "https://any.example", "*"],
    ["*", undefined, undefined],
    [LIST, A, A],
    [LIST, "null", "null"],
    [LIST, "https://b.example", undefined],
    [LIST, "https://a.example.evil", undefined],
    [LIST, "http://a.example", undefined],
    [LIST, undefined, undefined],
  ];
  for (const [origins, origin, named] of rows) {
    const headers = corsHeaders(origins, asked(origin === undefined ? {} : { origin }), []);
    const fields = fieldsOf(headers);
    assertEquals(fields["access-control-allow-origin"], named, `${origins} ${origin}`);
    // Caches must not give one origin's answer to another, whoever asked first.
    assertEquals(fields["vary"], "Origin");
    const exposed = fields["access-control-expose-headers"] ?? "";
    assertEquals(exposed !== "", named !== undefined);
    if (named !== undefined) {
      for (const field of ["x-request-id", "retry-after", "x-ratelimit-remaining-tokens"]) {
        assert(exposed.split(", ").includes(field), field);
      }
    }
    assertEquals(fields["access-control-allow-credentials"], undefined);
  }
});

Deno.test("corsHeaders() takes out what engines say of origins, and says nothing when it is off", () => {
  const said = [
    ["Content-Type", "application/json"],
    ["Access-Control-Allow-Origin", "*"],
    ["access-control-expose-headers", "x"],
  ] as const;
  assertEquals(corsHeaders([], asked({ origin: A }), said), [["Content-Type", "application/json"]]);
  const allowed = corsHeaders(LIST, asked({ origin: A }), said);
  const origins = allowed.filter(([name]) => name.toLowerCase() === "access-control-allow-origin");
  assertEquals(origins, [["access-control-allow-origin", A]]);
  const plain = [["content-type", "text/plain"]] as const;
  assertEquals(corsHeaders([], asked({ origin: A }), plain), plain);
});

Deno.test("preflight() answers 204 to a page of an allowed origin", () => {
  const answer = preflightOf(LIST, {
    origin: A,
    "access-control-request-method": "POST",
    "access-control-request-headers": "authorization,content-type, x-stainless-os",
  });
  assert(answer !== undefined);
  assertEquals([answer.status, answer.body], [204, new Uint8Array(0)]);
  assertEquals(fieldsOf(answer.headers), {
    "access-control-allow-origin": A,
    "access-control-allow-methods": "GET, HEAD, POST",
    "access-control-allow-headers": "authorization,content-type, x-stainless-os",
    "access-control-max-age": "600",
    "vary": "Origin, Access-Control-Request-Method, Access-Control-Request-Headers",
  });
  const any = preflightOf("*", { origin: "http://x", "access-control-request-method": "GET" });
  assertEquals(fieldsOf(any?.headers ?? [])["access-control-allow-origin"], "*");
});

Deno.test("preflight() leaves everything else to the endpoint", () => {
  const asks = { origin: A, "access-control-request-method": "POST" };
  assertEquals(preflightOf([], asks), undefined);
  assertEquals(preflightOf(LIST, { ...asks, origin: "https://b.example" }), undefined);
  assertEquals(preflightOf(LIST, { origin: A }), undefined);
  assertEquals(preflightOf("*", { "access-control-request-method": "POST" }), undefined);
  assertEquals(preflightOf(LIST, asks, "POST"), undefined);
});

Deno.test("preflight() allows no fields that are none, and not too many", () => {
  for (const fields of ["a\u00e9", "a b;c", "x(y)", `${"x,".repeat(3_000)}y`]) {
    const answer = preflightOf(LIST, {
      origin: A,
      "access-control-request-method": "POST",
      "access-control-request-headers": fields,
    });
    assertEquals(fieldsOf(answer?.headers ?? [])["access-control-allow-headers"], undefined);
  }
});
