import { systemClock, systemRandom } from "../../lib/base/mod.ts";
import type { RecordType } from "../../lib/dns/message.ts";
import { platformDnsNet } from "../../lib/dns/net.ts";
import { askingOnly, type ResolvConf } from "../../lib/dns/resolv_conf.ts";
import { type Resolution, Resolver } from "../../lib/dns/resolver.ts";
import { assert, assertEquals, assertStringIncludes } from "../support/assert.ts";
import { DnsServer } from "../support/dns_server.ts";

const DEPS = { net: platformDnsNet(), clock: systemClock(), random: systemRandom() } as const;
const NAME = "vllm.test";

/** A resolver that asks `servers`. */
function asking(servers: readonly DnsServer[], more: Partial<ResolvConf> = {}): Resolver {
  const conf = askingOnly(servers.map(({ port }) => ({ host: "127.0.0.1", port })));
  return new Resolver({ ...DEPS, conf: { ...conf, timeoutMs: 300, ...more } });
}

function look(resolver: Resolver, name = NAME, type: RecordType = "A"): Promise<Resolution> {
  return resolver.resolve(name, type, new AbortController().signal);
}

/** Where a name is, as text; or what else came of it. */
function told(resolution: Resolution): readonly string[] | string {
  switch (resolution.kind) {
    case "found":
      return resolution.places.map(({ address, port, target }) =>
        [address, port, target].filter((part) => part !== undefined).join(" ")
      );
    case "none":
      return resolution.exists ? "no record" : "no name";
    case "failed":
      return resolution.why;
    default:
      return resolution satisfies never;
  }
}

Deno.test("Resolver.resolve() finds addresses of the family that is asked for", async () => {
  await using server = new DnsServer();
  server.addresses(NAME, ["10.0.0.1", "10.0.0.2", "fd00::1"], 7);
  const resolver = asking([server]);
  assertEquals(await look(resolver), {
    kind: "found",
    places: [{ address: "10.0.0.1" }, { address: "10.0.0.2" }],
    ttlMs: 7000,
  });
  assertEquals(told(await look(resolver, "VLLM.test.", "AAAA")), ["fd00::1"]);
});

Deno.test("Resolver.resolve() tells names that are not there from such without records", async () => {
  await using server = new DnsServer();
  server.set("empty.test", []);
  const resolver = asking([server]);
  assertEquals(await look(resolver, "no.test"), { kind: "none", exists: false, ttlMs: 5000 });
  assertEquals(await look(resolver, "empty.test"), { kind: "none", exists: true, ttlMs: 5000 });
  server.negativeTtl = undefined;
  const none = await look(resolver, "no.test");
  assertEquals(none, { kind: "none", exists: false, ttlMs: undefined });
});

Deno.test("Resolver.resolve() asks others where a server says nothing, or that it cannot", async () => {
  await using first = new DnsServer();
  await using second = new DnsServer();
  second.addresses(NAME, ["10.0.0.1"]);
  for (const answer of ["servfail", "refused", "silent"] as const) {
    first.set(NAME, answer);
    const resolver = asking([first, second]);
    assertEquals(told(await look(resolver)), ["10.0.0.1"], answer);
    // Who has answered is asked first from there on.
    const before = first.asked.length;
    assertEquals(told(await look(resolver)), ["10.0.0.1"], answer);
    assertEquals(first.asked.length, before);
  }
});

Deno.test("Resolver.resolve() fails when no server answers, having asked as often as it may", async () => {
  await using server = new DnsServer();
  server.set(NAME, "servfail");
  assertStringIncludes(String(told(await look(asking([server])))), "SERVFAIL");
  server.set(NAME, "silent");
  const silent = String(told(await look(asking([server], { attempts: 3 }))));
  assertStringIncludes(silent, `127.0.0.1:${server.port}: no answer within 300 ms`);
  assertEquals(server.asked.map(({ room }) => room), [1232, 512, 1232, 512, 512]);
});

Deno.test("Resolver.resolve() goes through the search list, and past no name that may be right", async () => {
  await using server = new DnsServer();
  server.addresses("vllm.b.test", ["10.0.0.1"]);
  server.addresses("vllm", ["10.0.0.9"]);
  const resolver = asking([server], { search: ["a.test", "b.test"], ndots: 5, attempts: 1 });
  assertEquals(told(await look(resolver, "vllm")), ["10.0.0.1"]);
  server.set("vllm.a.test", []);
  assertEquals(told(await look(resolver, "vllm")), "no record");
  server.set("vllm.a.test", "servfail");
  assertStringIncludes(String(told(await look(resolver, "vllm"))), "SERVFAIL");
  assertEquals(told(await look(resolver, "vllm.")), ["10.0.0.9"]);
});

Deno.test("Resolver.resolve() follows aliases over several questions, and not for ever", async () => {
  await using server = new DnsServer();
  server.set(NAME, [{ type: "CNAME", ttl: 3, target: "one.test" }]);
  server.set("one.test", [{ type: "CNAME", ttl: 2, target: "two.test" }]);
  server.addresses("two.test", ["10.0.0.1"], 30);
  const resolver = asking([server]);
  const found = { kind: "found", places: [{ address: "10.0.0.1" }], ttlMs: 2000 } as const;
  assertEquals(await look(resolver), found);
  server.set("two.test", [{ type: "CNAME", ttl: 3, target: NAME }]);
  assertEquals(told(await look(resolver)), "its names lead to one another");
  assert(server.asked.length < 20, `${server.asked.length}`);
  server.set(NAME, [{ type: "CNAME", ttl: 3, target: "not a name.test" }]);
  assertEquals(told(await look(resolver)), "it leads to what is no name");
});

Deno.test("Resolver.resolve() finds services with their ports, and asks for the addresses that lack", async () => {
  await using server = new DnsServer();
  const service = "_http._tcp.vllm.test";
  server.set(service, [
    { type: "SRV", ttl: 30, target: "pod-0.test", port: 8000 },
    { type: "SRV", ttl: 30, target: "bare-1.test", port: 8001 },
    { type: "SRV", ttl: 30, target: "bare-2.test", port: 8002 },
    { type: "SRV", ttl: 30, target: "", port: 8003 },
    { type: "SRV", ttl: 30, target: "bare-gone.test", port: 8004 },
  ]);
  server.addresses("pod-0.test", ["10.0.0.1", "fd00::1"], 9);
  server.addresses("bare-1.test", ["10.0.0.2", "fd00::2"], 8);
  server.addresses("bare-2.test", ["fd00::3"], 7);
  const found = await look(asking([server]), service, "SRV");
  assertEquals(told(found), [
    "10.0.0.1 8000 pod-0.test",
    "10.0.0.2 8001 bare-1.test",
    "fd00::3 8002 bare-2.test",
  ]);
  assertEquals(found.kind === "found" && found.ttlMs, 7000);
  assert(server.asked.every(({ name }) => name !== "pod-0.test"));
});

Deno.test("Resolver.resolve() fails where one address of a service cannot be found out", async () => {
  await using server = new DnsServer();
  server.set(NAME, [
    { type: "SRV", ttl: 30, target: "bare-1.test", port: 8001 },
    { type: "SRV", ttl: 30, target: "bare-2.test", port: 8002 },
  ]);
  server.addresses("bare-1.test", ["10.0.0.2"]);
  server.set("bare-2.test", "servfail");
  const why = String(told(await look(asking([server]), NAME, "SRV")));
  assertStringIncludes(why, "bare-2.test: ");
  assertStringIncludes(why, "SERVFAIL");
});

Deno.test("Resolver.resolve() finds a thousand services", async () => {
  await using server = new DnsServer();
  const pods = Array.from({ length: 1000 }, (_, index) => index);
  server.set(
    NAME,
    pods.map((pod) => ({ type: "SRV", ttl: 5, target: `bare-${pod}.test`, port: 8000 })),
  );
  for (const pod of pods) server.addresses(`bare-${pod}.test`, [`10.0.${pod >> 8}.${pod & 0xff}`]);
  const found = await look(asking([server], { timeoutMs: 20_000 }), NAME, "SRV");
  assertEquals(found.kind === "found" && found.places.length, 1000);
});

Deno.test("Resolver.resolve() reads whom to ask each time, and says when it cannot", async () => {
  await using server = new DnsServer();
  server.addresses("vllm.test", ["10.0.0.1"]);
  let text = "search test\nnameserver 127.0.0.1";
  const asked: number[] = [];
  const net = {
    ...DEPS.net,
    resolvConf: (): string => text,
    // Port 53 is not a test's to have.
    datagrams(v6: boolean) {
      const socket = DEPS.net.datagrams(v6);
      return {
        send(bytes: Uint8Array, to: { readonly host: string; readonly port: number }) {
          asked.push(to.port);
          return socket.send(bytes, { ...to, port: server.port });
        },
        async receive() {
          const { bytes, from } = await socket.receive();
          return { bytes, from: { ...from, port: 53 } };
        },
        [Symbol.dispose]: () => socket[Symbol.dispose](),
      };
    },
  };
  const resolver = new Resolver({ ...DEPS, net });
  assertEquals(told(await look(resolver, "vllm")), ["10.0.0.1"]);
  text = "nameserver 127.0.0.1";
  assertEquals(told(await look(resolver, "vllm")), "no name");
  assertEquals(asked, [53, 53]);
  const unread = new Resolver({
    ...DEPS,
    net: {
      ...net,
      resolvConf() {
        throw new Deno.errors.NotFound("none");
      },
    },
  });
  assertStringIncludes(String(told(await look(unread))), "cannot read who is to be asked");
});
