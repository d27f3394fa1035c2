import { otlpEndpoint } from "../../lib/config/otlp_endpoint.ts";
import { assert, assertEquals } from "../support/assert.ts";

const PLAIN = { secure: false, protocol: "" };

Deno.test("otlpEndpoint() takes host:port for gRPC, and URLs by their scheme and port", () => {
  const rows = [
    ["otel-collector:4317", PLAIN, "grpc", "http://otel-collector:4317"],
    ["10.0.0.1:4318", PLAIN, "grpc", "http://10.0.0.1:4318"],
    ["[::1]:4317", PLAIN, "grpc", "http://[::1]:4317"],
    ["c:4317", { ...PLAIN, secure: true }, "grpc", "https://c:4317"],
    ["c:443", { ...PLAIN, secure: true }, "grpc", "https://c"],
    ["http://c:4318", PLAIN, "http", "http://c:4318"],
    ["HTTPS://c", PLAIN, "http", "https://c"],
    ["http://c:4317", PLAIN, "grpc", "http://c:4317"],
    ["https://c:4317/", { ...PLAIN, secure: true }, "grpc", "https://c:4317"],
    ["http://c:4317", { ...PLAIN, protocol: "http/protobuf" }, "http", "http://c:4317"],
    ["http://c:9999", { ...PLAIN, protocol: "grpc" }, "grpc", "http://c:9999"],
    ["c:4318", { ...PLAIN, protocol: "http/protobuf" }, "grpc", "http://c:4318"],
  ] as const;
  for (const [text, wish, protocol, origin] of rows) {
    const read = otlpEndpoint(text, wish);
    assert(read.ok, text);
    assertEquals([read.value.protocol, read.value.origin], [protocol, origin], text);
  }
});

Deno.test("otlpEndpoint() posts below the URL's own path", () => {
  const rows = [
    ["http://c", "/v1/traces"],
    ["http://c/", "/v1/traces"],
    ["http://c/otlp", "/otlp/v1/traces"],
    ["http://c/otlp/", "/otlp/v1/traces"],
    ["http://c/v1/traces", "/v1/traces"],
  ] as const;
  for (const [text, path] of rows) {
    const read = otlpEndpoint(text, PLAIN);
    assertEquals(read.ok && read.value.path, path, text);
  }
});

Deno.test("otlpEndpoint() refuses what names no collector, and tells no secret", () => {
  const rows = [
    ["collector", PLAIN],
    ["", PLAIN],
    ["c:4317/path", PLAIN],
    ["c:99999", PLAIN],
    ["ftp://c:4317", PLAIN],
    ["http://", PLAIN],
    ["http://me:hush@c:4318", PLAIN],
    ["http://c:4318?key=hush", PLAIN],
    ["me:hush@c:4317", PLAIN],
    ["http://c:4318", { ...PLAIN, secure: true }],
    ["http://c:4318", { ...PLAIN, protocol: "http/json" }],
    ["http://c:4318", { ...PLAIN, protocol: "toString" }],
  ] as const;
  for (const [text, wish] of rows) {
    const read = otlpEndpoint(text, wish);
    assert(!read.ok && !read.message.includes("hush"), text);
  }
});
