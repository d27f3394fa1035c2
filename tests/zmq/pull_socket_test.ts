import { bindError, checkPort, endpointOf, listenHost } from "../../lib/zmq/mod.ts";
import { assertEquals, assertThrows } from "../support/assert.ts";

Deno.test("listenHost() gives the platform's form of what ZeroMQ and flags allow", () => {
  const hosts = [
    ["*", "0.0.0.0"],
    ["0.0.0.0", "0.0.0.0"],
    ["localhost", "127.0.0.1"],
    ["[::]", "::"],
    ["::1", "::1"],
    ["router.example", "router.example"],
  ] as const;
  for (const [host, expected] of hosts) assertEquals(listenHost(host), expected);
});

Deno.test("endpointOf() puts brackets around an IPv6 address only", () => {
  assertEquals(endpointOf("10.0.0.1", 7500), "tcp://10.0.0.1:7500");
  assertEquals(endpointOf("::", 7500), "tcp://[::]:7500");
});

Deno.test("bindError() says what was tried, why it failed and what to change", () => {
  const causes: readonly (readonly [Error, string])[] = [
    [
      new Deno.errors.AddrInUse("x"),
      "address already in use (choose another port with --nixl-proxy-port)",
    ],
    [
      new Deno.errors.AddrNotAvailable("x"),
      "not an address of this machine (see --nixl-proxy-host)",
    ],
    [
      new Deno.errors.PermissionDenied("x"),
      "permission denied (choose a port above 1023 with --nixl-proxy-port)",
    ],
    [
      Object.assign(new Error("x"), { code: "EADDRINUSE" }),
      "address already in use (choose another port with --nixl-proxy-port)",
    ],
    [
      Object.assign(new Error("x"), { code: "EADDRNOTAVAIL" }),
      "not an address of this machine (see --nixl-proxy-host)",
    ],
    [
      Object.assign(new Error("x"), { code: "EACCES" }),
      "permission denied (choose a port above 1023 with --nixl-proxy-port)",
    ],
    [
      Object.assign(new Error("No such device"), { code: "ENODEV" }),
      "No such device (see --nixl-proxy-host and --nixl-proxy-port)",
    ],
    [new Error("odd"), "odd (see --nixl-proxy-host and --nixl-proxy-port)"],
  ];
  for (const [cause, problem] of causes) {
    const error = bindError({ host: "*", port: 80 }, cause);
    assertEquals(
      error.message,
      `Cannot bind the KV-ready socket to tcp://0.0.0.0:80: ${problem}`,
    );
    assertEquals(error.cause, cause);
  }
});

Deno.test("checkPort() throws the error of a bind for what is no port", () => {
  for (const port of [0, 1, 65_535]) checkPort({ host: "*", port });
  for (const port of [-1, 65_536, 0.5, NaN]) {
    assertThrows(
      () => checkPort({ host: "*", port }),
      Error,
      `Cannot bind the KV-ready socket to tcp://0.0.0.0:${port}: the port must be 0 to 65535`,
    );
  }
});
