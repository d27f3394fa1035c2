import { createLogger, RouterError, sha256 } from "../../lib/base/mod.ts";
import { Doors, type DoorsOptions, KeyStore, OPEN_PASS, type Pass } from "../../lib/doors/mod.ts";
import { Metrics } from "../../lib/metrics/mod.ts";
import { assert, assertEquals, fail } from "../support/assert.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { visitor } from "./support.ts";

interface Setup {
  readonly doors: Doors;
  readonly metrics: Metrics;
  readonly lines: string[];
}

function setup(given: readonly string[], changes: Partial<DoorsOptions> = {}): Setup {
  const clock = new FakeClock();
  const lines: string[] = [];
  const log = createLogger(clock, (line) => lines.push(line), { level: "trace", format: "text" });
  const metrics = new Metrics();
  const keys = given.length === 0
    ? undefined
    : new KeyStore({ given: given.map(sha256), clock, log, secret: "secret" });
  const doors = new Doors({
    keys,
    open: ["/metrics"],
    trustedProxies: [],
    secure: false,
    log,
    metrics,
    ...changes,
  });
  return { doors, metrics, lines };
}

function passOf(entered: Pass | RouterError): Pass {
  return entered instanceof RouterError ? fail(entered.message) : entered;
}

async function counted(metrics: Metrics, name: string): Promise<readonly string[]> {
  const text = await metrics.text();
  return text.split("\n").filter((line) => line.startsWith(name)).sort();
}

const PATH = "/v1/completions";

Deno.test("Doors are open to all where there are no keys", () => {
  const { doors } = setup([]);
  assertEquals(doors.enter(visitor(), PATH), OPEN_PASS);
  assertEquals(doors.enter(visitor({ authorization: "Bearer x" }), "/engines"), OPEN_PASS);
  assertEquals(doors.problem, undefined);
});

Deno.test("Doors let in who shows a key, in either field", async () => {
  const { doors, metrics } = setup(["sk-a", "sk-b"]);
  const shown = [
    [{ authorization: "Bearer sk-a" }, "api-key-1"],
    [{ "x-api-key": "sk-b" }, "api-key-2"],
    [{ authorization: "Bearer sk-x", "x-api-key": "sk-b" }, "api-key-2"],
  ] as const;
  for (const [fields, name] of shown) {
    assertEquals(passOf(doors.enter(visitor(fields), PATH)).key, name);
  }
  assertEquals(await counted(metrics, "pd_router_api_key_requests_total"), [
    'pd_router_api_key_requests_total{key="api-key-1"} 1',
    'pd_router_api_key_requests_total{key="api-key-2"} 2',
  ]);
});

Deno.test("Doors turn away who shows none, or one that is not known, and say how to ask", async () => {
  const { doors, metrics, lines } = setup(["sk-a"]);
  const rows = [
    [{}, /^A key is needed: send it as/],
    [{ authorization: "Basic sk-a" }, /^A key is needed/],
    [{ authorization: "Bearer sk-hush" }, /^The key is not known here$/],
    [{ "x-api-key": "sk-hush" }, /^The key is not known here$/],
  ] as const;
  for (const [fields, message] of rows) {
    const error = doors.enter(visitor(fields), PATH);
    assert(error instanceof RouterError && message.test(error.message));
    assertEquals([error.code, error.fields], ["unauthorized", [
      ["www-authenticate", 'Bearer realm="pd-router"'],
    ]]);
  }
  assertEquals(await counted(metrics, "pd_router_api_key_refusals_total"), [
    'pd_router_api_key_refusals_total{key="",reason="missing"} 2',
    'pd_router_api_key_refusals_total{key="",reason="unknown"} 2',
  ]);
  assert(!lines.join("\n").includes("hush"), lines.join("\n"));
});

Deno.test("Doors ask for no key where none is needed", () => {
  const { doors } = setup(["sk-a"]);
  for (const path of ["/health", "/metrics"]) assertEquals(doors.enter(visitor(), path), OPEN_PASS);
  assert(doors.enter(visitor(), "/engines") instanceof RouterError);
});

Deno.test("Doors keep a client's key from engines, and show them the router's", () => {
  const fields: readonly (readonly [string, string])[] = [
    ["authorization", "Bearer sk-a"],
    ["x-api-key", "sk-a"],
    ["x-other", "1"],
  ];
  const seen = ({ doors }: Setup): Readonly<Record<string, string>> => {
    const all = doors.engineFields(visitor(Object.fromEntries(fields)), fields);
    return Object.fromEntries(all.filter(([name]) => !/forwarded|x-real-ip/.test(name)));
  };
  assertEquals(seen(setup(["sk-a"])), { "x-other": "1" });
  assertEquals(seen(setup(["sk-a"], { engineKey: "vllm" })), {
    "x-other": "1",
    "authorization": "Bearer vllm",
  });
  assertEquals(seen(setup([], { engineKey: "vllm" })), Object.fromEntries(fields));
});

Deno.test("Doors tell engines anew who has sent a request", () => {
  const { doors } = setup([]);
  const forged: readonly (readonly [string, string])[] = [
    ["x-forwarded-for", "6.6.6.6"],
    ["x-forwarded-prefix", "/x"],
    ["forwarded", "for=6.6.6.6"],
    ["x-real-ip", "6.6.6.6"],
  ];
  const all = doors.engineFields(visitor(Object.fromEntries(forged)), forged);
  assertEquals(all, [
    ["x-forwarded-for", "192.0.2.1"],
    ["x-forwarded-proto", "http"],
    ["x-real-ip", "192.0.2.1"],
    ["forwarded", "for=192.0.2.1;proto=http"],
  ]);
  assertEquals(doors.addressOf(visitor(Object.fromEntries(forged))), "192.0.2.1");
});

Deno.test("Doors give metrics a bounded number of names", async () => {
  const given = Array.from({ length: 1003 }, (_, index) => `sk-${index}`);
  const { doors, metrics } = setup(given);
  for (const key of given) doors.enter(visitor({ "x-api-key": key }), PATH);
  const lines = await counted(metrics, "pd_router_api_key_requests_total");
  assertEquals(lines.length, 1001);
  assert(lines.includes('pd_router_api_key_requests_total{key="other"} 3'));
});
