import { RouterError } from "../../lib/base/mod.ts";
import { parseOrigin } from "../../lib/upstream/mod.ts";
import { assert, assertEquals, assertThrows } from "../support/assert.ts";

Deno.test("parseOrigin() takes plain URLs apart", () => {
  assertEquals(parseOrigin("http://10.0.0.1:8000"), {
    url: "http://10.0.0.1:8000",
    secure: false,
    hostname: "10.0.0.1",
    port: 8000,
    host: "10.0.0.1:8000",
    basePath: "",
  });
  assertEquals(parseOrigin("https://engine.example/base/v2/"), {
    url: "https://engine.example/base/v2",
    secure: true,
    hostname: "engine.example",
    port: 443,
    host: "engine.example",
    basePath: "/base/v2",
  });
});

Deno.test("parseOrigin() leaves a scheme's default port out of Host and keeps others", () => {
  const cases: [url: string, host: string, port: number][] = [
    ["http://h", "h", 80],
    ["http://h:80", "h", 80],
    ["http://h:443", "h:443", 443],
    ["https://h:443", "h", 443],
    ["https://h:80", "h:80", 80],
    ["http://h:8000/", "h:8000", 8000],
  ];
  for (const [url, host, port] of cases) {
    const origin = parseOrigin(url);
    assertEquals([origin.host, origin.port], [host, port], url);
  }
});

Deno.test("parseOrigin() has IPv6 with brackets in Host and without to connect to", () => {
  const origin = parseOrigin("http://[2001:db8::1]:8000");
  assertEquals([origin.hostname, origin.host], ["2001:db8::1", "[2001:db8::1]:8000"]);
  assertEquals(parseOrigin("http://[::1]").host, "[::1]");
});

Deno.test("parseOrigin() refuses what is no plain http or https URL", () => {
  const cases: [url: string, why: string][] = [
    ["", "not a URL"],
    ["10.0.0.1:8000", "not a URL"],
    ["http://", "not a URL"],
    ["http://h:99999", "not a URL"],
    ["http://h:0", "port 0"],
    ["localhost:8000", "scheme"],
    ["ftp://h", "scheme"],
    ["http://h/?a=b", "query"],
    ["http://h/#a", "fragment"],
    ["http://user@h", "user information"],
  ];
  for (const [url, why] of cases) {
    const error = assertThrows(() => parseOrigin(url), RouterError, why);
    assertEquals(error.code, "upstream-unreachable", url);
  }
});

Deno.test("parseOrigin() does not repeat a password in its message", () => {
  const error = assertThrows(() => parseOrigin("http://me:secret@h:1"), RouterError, "host h:1");
  assert(!error.message.includes("secret"));
});

Deno.test("parseOrigin() tells nothing of a password, of what is no URL either", () => {
  for (const text of ["http://user:secret@", "http://user:secret@:1", "user:secret@a"]) {
    const error = assertThrows(() => parseOrigin(text), RouterError);
    assert(!error.message.includes("secret"), error.message);
  }
});
