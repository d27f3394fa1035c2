import type { BrokerLink } from "../../lib/cluster/broker.ts";
import { redisBroker } from "../../lib/cluster/redis_broker.ts";
import type { ClusterOptions } from "../../lib/config/mod.ts";
import { assert, assertEquals, assertRejects } from "../support/assert.ts";
import { makeAuthority } from "../support/authority.ts";
import { freePort } from "../support/cluster.ts";
import { eventually } from "../support/eventually.ts";
import { startRedis } from "../support/redis.ts";

function at(port: number, more: Partial<ClusterOptions> = {}): ClusterOptions {
  return { host: "127.0.0.1", port, tls: false, database: 0, name: "t", ...more };
}

interface OpenLink extends AsyncDisposable {
  readonly link: BrokerLink;
  readonly heard: (readonly [channel: string, message: readonly number[]])[];
}

async function open(options: ClusterOptions, caCerts: readonly string[] = []): Promise<OpenLink> {
  const heard: (readonly [string, readonly number[]])[] = [];
  const link = await redisBroker(options, caCerts)(
    (channel, message) => void heard.push([channel, [...message]]),
    new AbortController().signal,
  );
  return { link, heard, [Symbol.asyncDispose]: () => link.close() };
}

Deno.test("redisBroker() publishes bytes as they are, to those who listen", async () => {
  await using redis = await startRedis();
  await using one = await open(at(redis.port));
  await using two = await open(at(redis.port));
  await two.link.subscribe("t:a");
  const bytes = Uint8Array.from({ length: 256 }, (_, value) => value);
  assertEquals(await one.link.publish("t:a", bytes), 1);
  assertEquals(await one.link.publish("t:b", bytes), 0);
  await eventually(() => two.heard.length === 1);
  assertEquals([one.heard, two.heard], [[], [["t:a", [...bytes]]]]);
  assertEquals([await one.link.listeners("t:a"), await one.link.listeners("t:b")], [1, 0]);
});

Deno.test("redisBroker() claims a key for one owner, until it ends or is given back", async () => {
  await using redis = await startRedis();
  await using one = await open(at(redis.port));
  await using two = await open(at(redis.port));
  assertEquals(await one.link.claim("t:k", "one", 10_000), "one");
  assertEquals(await two.link.claim("t:k", "two", 10_000), "one");
  await two.link.release("t:k", "two");
  assertEquals(await one.link.claim("t:k", "one", 300), "one");
  await eventually(async () => await two.link.claim("t:k", "two", 10_000) === "two");
  await two.link.release("t:k", "two");
  assertEquals(await one.link.claim("t:k", "one", 10_000), "one");
});

Deno.test("redisBroker() is lost with the server, and what is under way is rejected", async () => {
  await using redis = await startRedis();
  await using one = await open(at(redis.port));
  redis.freeze();
  const unanswered = assertRejects(() => one.link.publish("t:a", new Uint8Array(3)), Error);
  await redis.kill();
  assert((await one.link.lost).length > 0);
  await unanswered;
  await assertRejects(() => one.link.publish("t:a", new Uint8Array(3)), Error);
});

Deno.test("redisBroker() says why it cannot connect: nobody there, or a wrong password", async () => {
  await assertRejects(() => open(at(freePort())), Error, "ECONNREFUSED");
  await using redis = await startRedis(["--requirepass", "word"]);
  await assertRejects(() => open(at(redis.port)), Error, "NOAUTH");
  await assertRejects(() => open(at(redis.port, { password: "other" })), Error, "WRONGPASS");
  await using one = await open(at(redis.port, { password: "word", database: 3 }));
  assertEquals(await one.link.publish("t:a", new Uint8Array(3)), 0);
});

Deno.test("redisBroker() needs no more of a server than the README tells its ACL", async () => {
  const readme = await Deno.readTextFile(new URL("../../lib/cluster/README.md", import.meta.url));
  const [, rules = ""] = /ACL SETUSER ([^`]+)\n```/.exec(readme) ?? [];
  const words = rules.replaceAll(/\\\n/g, " ").replace(">PASSWORD", ">word").trim().split(/\s+/);
  await using redis = await startRedis(["--user", ...words]);
  const user = { username: "router", password: "word", database: 1 };
  await using one = await open(at(redis.port, user));
  await one.link.subscribe("pd-router:gossip");
  assertEquals(await one.link.publish("pd-router:gossip", new Uint8Array(3)), 1);
  assertEquals(await one.link.claim("pd-router:replica:a", "one", 1_000), "one");
  await one.link.release("pd-router:replica:a", "one");
  assertEquals(await one.link.listeners("pd-router:gossip"), 1);
  await assertRejects(() => one.link.publish("another:gossip", new Uint8Array(3)), Error, "NOPERM");
});

Deno.test("redisBroker() speaks TLS with whom its authorities vouch for, and with nobody else", async () => {
  await using authority = await makeAuthority();
  const { cert, key } = await authority.issue();
  const folder = await Deno.makeTempDir();
  await Deno.writeTextFile(`${folder}/cert.pem`, cert);
  await Deno.writeTextFile(`${folder}/key.pem`, key);
  const tlsPort = freePort();
  const files = [
    ...["--tls-cert-file", `${folder}/cert.pem`, "--tls-key-file", `${folder}/key.pem`],
    ...["--tls-port", String(tlsPort), "--tls-auth-clients", "no"],
  ];
  await using _redis = await startRedis(files);
  await assertRejects(() => open(at(tlsPort, { tls: true })), Error);
  await using one = await open(at(tlsPort, { tls: true, host: "localhost" }), [authority.ca]);
  assertEquals(await one.link.publish("t:a", new Uint8Array(3)), 0);
  await Deno.remove(folder, { recursive: true });
});

Deno.test("redisBroker() gives up a server that does not answer when it is told to", async () => {
  await using redis = await startRedis();
  redis.freeze();
  const stop = new AbortController();
  const opening = redisBroker(at(redis.port), [])(() => {}, stop.signal);
  stop.abort();
  await assertRejects(() => opening, Error);
  redis.thaw();
});
