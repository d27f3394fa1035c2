import { assertEquals, assertStringIncludes } from "../support/assert.ts";
import { configOf, FLEET, linesOf, resolve } from "./support.ts";

const NAMED = { "dns-name": "vllm.ns.svc", "routing-logic": "roundrobin" } as const;

Deno.test("resolveConfig() takes names alone for discovery by DNS", () => {
  const { discovery, handoff, engines } = configOf({ flags: NAMED });
  assertEquals([engines, handoff.kind], [[], "none"]);
  const { names = [], ...rest } = discovery.dns ?? {};
  assertEquals(rest, { servers: [], minTtlMs: 1000, maxTtlMs: 30_000, staleMs: 30_000 });
  const [{ engine, ...name } = { engine: undefined }] = names;
  assertEquals(name, { name: "vllm.ns.svc", type: "a", port: 8000, scheme: "http" });
  assertEquals([engine?.role, engine?.models], ["any", []]);
});

Deno.test("resolveConfig() reads what a name says of its engines", () => {
  const { discovery, handoff } = configOf({
    flags: {
      "service-discovery": "dns",
      "dns-name": [
        "P.test; role=prefill; port=8100; model=m,n; notifications=2; scheme=https",
        "_http._tcp.d.test.;role=decode;init=7301,7302;alloc=7401,7402;topology=zone:a",
        "d.test;role=decode;type=aaaa",
      ],
      "dns-port": "9000",
      "dns-min-ttl": "0.5",
      "dns-max-ttl": "10",
      "dns-stale": "0",
      "dns-servers": "10.96.0.10,127.0.0.1:8600,fd00::a,[fd00::b]:54",
    },
  });
  // Roles imply handoffs, as those of --prefill and --decode do.
  assertEquals(handoff.kind, "lmcache");
  const { names = [], ...rest } = discovery.dns ?? {};
  assertEquals(rest, {
    servers: [
      { host: "10.96.0.10", port: 53 },
      { host: "127.0.0.1", port: 8600 },
      { host: "fd00::a", port: 53 },
      { host: "fd00::b", port: 54 },
    ],
    minTtlMs: 500,
    maxTtlMs: 10_000,
    staleMs: 0,
  });
  assertEquals(names.map(({ name, type, port, scheme }) => [name, type, port, scheme]), [
    ["p.test", "a", 8100, "https"],
    ["_http._tcp.d.test.", "srv", 9000, "http"],
    ["d.test", "aaaa", 9000, "http"],
  ]);
  const [prefill, decode] = names.map(({ engine }) => engine);
  assertEquals([prefill?.role, prefill?.models, prefill?.nixl?.notifications], [
    "prefill",
    ["m", "n"],
    2,
  ]);
  assertEquals(decode?.nixl?.init_ports, ["7301", "7302"]);
  assertEquals(decode?.topology, { zone: "a" });
});

Deno.test("resolveConfig() takes names of engines that can be on either side", () => {
  const config = configOf({ flags: { "dns-name": "v.test;role=both" } });
  assertEquals(config.handoff.kind, "nixl");
  assertEquals(config.elastic?.intervalMs, 30_000);
  assertEquals(configOf({ flags: NAMED }).elastic, undefined);
});

Deno.test("resolveConfig() has engines that are given beside those that are found", () => {
  const { engines, discovery } = configOf({
    flags: { ...FLEET, ...NAMED, "service-discovery": "dns" },
  });
  assertEquals([engines.length, discovery.dns?.names.length], [2, 1]);
});

Deno.test("resolveConfig() says what is wrong with names", () => {
  const cases:
    readonly (readonly [flags: Record<string, string | readonly string[]>, text: string])[] = [
      [{ "service-discovery": "dns", "dns-name": [] }, "--dns-name: required with"],
      [{ "service-discovery": "static" }, "--dns-name needs --service-discovery dns"],
      [{ "dns-name": "10.0.0.1" }, "expected a name, not an address"],
      [{ "dns-name": "[fd00::1]" }, "expected a name, not an address"],
      [{ "dns-name": "http://vllm.test" }, "expected a name such as"],
      [{ "dns-name": "a..b" }, "expected a name such as"],
      [{ "dns-name": "a;port=0" }, "port: expected one from 1 to 65535"],
      [{ "dns-name": "a;port=8000,8001" }, "port: expected one from 1 to 65535"],
      [{ "dns-name": "_h._tcp.a;port=8000" }, "port: that of a service is in its record"],
      [{ "dns-name": "a;type=mx" }, "type: expected one of a, aaaa, srv"],
      [{ "dns-name": "a;role=prefil" }, "did you mean prefill?"],
      [{ "dns-name": "a;scheme=ftp" }, "scheme: expected one of http, https"],
      [{ "dns-name": "a;rolle=any" }, 'unknown key "rolle"'],
      [{ "dns-name": "a;role=decode;host=h" }, 'unknown key "host"'],
      [
        { "dns-name": "a;role=prefill;init=7300" },
        '"init" does not belong to engines of role prefill',
      ],
      [{ "dns-name": "a;role=decode;init=x" }, "init: expected ports"],
      [{ "dns-name": "a;role=prefill;kv_events=tcp://h:1" }, "kv_events: expected a port"],
      [{ "dns-name": ["a", "A"] }, "given twice, with one port"],
      [{ "dns-servers": "dns.test" }, "expected addresses such as"],
      [{ "dns-servers": "10.0.0.1:0" }, "expected addresses such as"],
      [{ "dns-min-ttl": "60" }, "must be at least --dns-min-ttl"],
    ];
  for (const [flags, text] of cases) {
    assertStringIncludes(linesOf({ flags: { ...NAMED, ...flags } }).join("\n"), text);
  }
});

Deno.test("resolveConfig() reads names from a file and from the environment", () => {
  const file = "dns_name: [a.test, 'b.test;port=1']\nrouting_logic: roundrobin\n";
  assertEquals(configOf({ file }).discovery.dns?.names.length, 2);
  const env = { PD_ROUTER_DNS_NAME: "a.test b.test", PD_ROUTER_ROUTING_LOGIC: "roundrobin" };
  assertEquals(configOf({ env }).discovery.dns?.names.length, 2);
  const { names } = configOf({ env: { ...env, PD_ROUTER_DNS_TYPE: "srv" } }).discovery.dns ?? {};
  assertEquals(names?.map(({ type }) => type), ["srv", "srv"]);
  assertEquals(resolve({ file: "dns_name: 5\nrouting_logic: roundrobin\n" }).ok, true);
});
