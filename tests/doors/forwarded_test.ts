import fc from "fast-check";
import { isAmong, parseNetwork } from "../../lib/base/mod.ts";
import { clientAddress, forwardingFields, isForwardingField } from "../../lib/doors/forwarded.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { visitor } from "./support.ts";

const TRUSTED = ["10.0.0.0/8", "fd00::/8"].flatMap((text) => parseNetwork(text) ?? []);

function fieldsOf(
  fields: Readonly<Record<string, string>>,
  hostname: string,
  secure = false,
): Readonly<Record<string, string>> {
  return Object.fromEntries(
    forwardingFields(visitor(fields, hostname), { trusted: TRUSTED, secure }),
  );
}

const FORGED = {
  "host": "router.example:8001",
  "x-forwarded-for": "6.6.6.6",
  "x-forwarded-proto": "https",
  "x-forwarded-host": "evil.example",
  "x-forwarded-port": "666",
  "x-forwarded-prefix": "/evil",
  "x-real-ip": "6.6.6.6",
  "forwarded": "for=6.6.6.6",
};

Deno.test("forwardingFields() replaces what a client says that is not trusted", () => {
  assertEquals(fieldsOf(FORGED, "192.0.2.1"), {
    "x-forwarded-for": "192.0.2.1",
    "x-forwarded-proto": "http",
    "x-forwarded-host": "router.example:8001",
    "x-forwarded-port": "8001",
    "x-real-ip": "192.0.2.1",
    "forwarded": 'for=192.0.2.1;host="router.example:8001";proto=http',
  });
});

Deno.test("forwardingFields() keeps what a trusted proxy says, and adds the proxy", () => {
  assertEquals(fieldsOf({ ...FORGED, "x-forwarded-for": "192.0.2.7" }, "10.0.0.1"), {
    "x-forwarded-for": "192.0.2.7, 10.0.0.1",
    "x-forwarded-proto": "https",
    "x-forwarded-host": "evil.example",
    "x-forwarded-port": "666",
    "x-real-ip": "6.6.6.6",
    "forwarded": 'for=6.6.6.6, for=10.0.0.1;host="router.example:8001";proto=http',
    "x-forwarded-prefix": "/evil",
  });
});

Deno.test("forwardingFields() fills in what a trusted proxy leaves out", () => {
  const said = { host: "router.example", "x-forwarded-for": "192.0.2.7, 2001:db8::1" };
  assertEquals(fieldsOf(said, "10.0.0.1", true), {
    "x-forwarded-for": "192.0.2.7, 2001:db8::1, 10.0.0.1",
    "x-forwarded-proto": "https",
    "x-forwarded-host": "router.example",
    "x-forwarded-port": "443",
    "x-real-ip": "2001:db8::1",
    "forwarded": 'for=192.0.2.7, for="[2001:db8::1]", for=10.0.0.1;host=router.example;proto=https',
  });
  assertEquals(fieldsOf({}, "10.0.0.1"), {
    "x-forwarded-for": "10.0.0.1",
    "x-forwarded-proto": "http",
    "x-real-ip": "10.0.0.1",
    "forwarded": "for=10.0.0.1;proto=http",
  });
});

Deno.test("forwardingFields() writes addresses in their one form", () => {
  const fields = fieldsOf({ host: "[::1]:80" }, "::ffff:192.0.2.1");
  assertEquals([fields["x-forwarded-for"], fields["x-forwarded-port"], fields["forwarded"]], [
    "192.0.2.1",
    "80",
    'for=192.0.2.1;host="[::1]:80";proto=http',
  ]);
  assertEquals(fieldsOf({}, "2001:DB8::1")["forwarded"], 'for="[2001:db8::1]";proto=http');
});

const CLIENTS: readonly (readonly [
  name: string,
  forwardedFor: string | undefined,
  remote: string,
  client: string,
])[] = [
  ["nobody in front", undefined, "192.0.2.1", "192.0.2.1"],
  ["a client that forges", "1.1.1.1", "192.0.2.1", "192.0.2.1"],
  ["a trusted proxy", "192.0.2.7", "10.0.0.1", "192.0.2.7"],
  ["a client that forges behind a trusted proxy", "1.1.1.1, 192.0.2.7", "10.0.0.1", "192.0.2.7"],
  ["two trusted proxies", "1.1.1.1, 192.0.2.7, 10.9.9.9", "10.0.0.1", "192.0.2.7"],
  ["trusted ones alone", "10.0.0.3, 10.0.0.2", "10.0.0.1", "10.0.0.3"],
  ["a trusted proxy that says nothing", undefined, "10.0.0.1", "10.0.0.1"],
  ["an empty field", " ", "10.0.0.1", "10.0.0.1"],
  ["what is no address", "1.1.1.1, unknown, 10.0.0.2", "10.0.0.1", "10.0.0.2"],
  ["ports", "192.0.2.7:1234", "10.0.0.1", "192.0.2.7"],
  ["IPv6", "2001:db8::7", "fd00::1", "2001:db8::7"],
  ["IPv6 with a port", "[2001:db8::7]:1234", "::ffff:10.0.0.1", "2001:db8::7"],
];

for (const [name, forwardedFor, remote, client] of CLIENTS) {
  Deno.test(`clientAddress() is right with ${name}`, () => {
    const fields = forwardedFor === undefined ? {} : { "x-forwarded-for": forwardedFor };
    assertEquals(clientAddress(visitor(fields, remote), TRUSTED), client);
  });
}

Deno.test("clientAddress() cannot be made another's by what a client writes", () => {
  const hop = fc.oneof(fc.ipV4(), fc.ipV6(), fc.constantFrom("unknown", "", "_x", "10.0.0.9"));
  fc.assert(fc.property(fc.array(hop, { maxLength: 60 }), fc.boolean(), (forged, proxied) => {
    // What the proxy saw stands behind what the client wrote.
    const chain = proxied ? [...forged, "192.0.2.7"] : forged;
    const remote = proxied ? "10.0.0.1" : "192.0.2.7";
    const fields = { "x-forwarded-for": chain.join(", ") };
    assertEquals(clientAddress(visitor(fields, remote), TRUSTED), "192.0.2.7");
  }));
});

Deno.test("isForwardingField() is true of what proxies write, and nothing else", () => {
  for (const name of ["forwarded", "x-real-ip", "x-forwarded-for", "x-forwarded-anything"]) {
    assert(isForwardingField(name), name);
  }
  for (const name of ["x-request-id", "via", "x-forward", "forwarded-x", "host"]) {
    assert(!isForwardingField(name), name);
  }
  assert(isAmong("10.0.0.1", TRUSTED));
});
