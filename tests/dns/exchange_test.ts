import { seededRandom, systemClock, systemRandom } from "../../lib/base/mod.ts";
import { exchange, type Exchanged, type ExchangeOptions } from "../../lib/dns/exchange.ts";
import { platformDnsNet } from "../../lib/dns/net.ts";
import { assert, assertEquals, assertStringIncludes } from "../support/assert.ts";
import { DnsServer } from "../support/dns_server.ts";
import { eventually } from "../support/eventually.ts";
import { FakeClock } from "../support/fake_clock.ts";

const NAME = "vllm.test";
const DEPS = { net: platformDnsNet(), clock: systemClock(), random: systemRandom() } as const;

function ask(
  { port }: Pick<DnsServer, "port">,
  more: Partial<ExchangeOptions> = {},
  deps = DEPS,
  host = "127.0.0.1",
): Promise<Exchanged> {
  const options = { timeoutMs: 20_000, tcp: false, extended: true, ...more };
  const { signal } = new AbortController();
  return exchange({ host, port }, { name: NAME, type: "A" }, deps, { signal, ...options });
}

/** The addresses of an answer, or why there is none. */
function told(exchanged: Exchanged): readonly string[] | string {
  return exchanged.kind === "failed"
    ? exchanged.why
    : exchanged.message.answers.map((one) => one.type === "A" ? one.address : one.type);
}

/** So many that no datagram holds them. */
const MANY = Array.from({ length: 3000 }, (_, index) => `10.1.${index >> 8}.${index & 0xff}`);

Deno.test("exchange() asks by datagram, each time by another id from another port", async () => {
  await using server = new DnsServer();
  server.addresses(NAME, ["10.0.0.1"]);
  for (let round = 0; round < 20; round++) assertEquals(told(await ask(server)), ["10.0.0.1"]);
  assert(server.asked.every(({ by, room }) => by === "udp" && room === 1232));
  assert(new Set(server.asked.map(({ id }) => id)).size > 15);
  assert(new Set(server.asked.map(({ from }) => from)).size > 15);
});

Deno.test("exchange() asks by TCP where the answer is too large, wherever it was cut", async () => {
  await using server = new DnsServer();
  server.addresses(NAME, MANY);
  assertEquals(told(await ask(server)), MANY);
  server.mischief.add("cut");
  assertEquals(told(await ask(server, { extended: false })), MANY);
  assertEquals(server.asked.map(({ by }) => by), ["udp", "tcp", "udp", "tcp"]);
  server.asked.length = 0;
  assertEquals(told(await ask(server, { tcp: true })), MANY);
  assertEquals(server.asked.map(({ by }) => by), ["tcp"]);
});

Deno.test("exchange() does not listen to answers by others, or to other questions", async () => {
  await using server = new DnsServer();
  server.addresses(NAME, ["10.0.0.1"]);
  server.mischief.add("spoof");
  for (let round = 0; round < 10; round++) assertEquals(told(await ask(server)), ["10.0.0.1"]);
});

Deno.test("exchange() takes no answer by TCP that is short, or to something else", async () => {
  await using server = new DnsServer();
  server.addresses(NAME, MANY);
  server.mischief.add("short-stream");
  assertEquals(told(await ask(server)), "the server has ended the connection");
  server.mischief.delete("short-stream");
  server.mischief.add("wrong-stream");
  assertEquals(told(await ask(server)), "what the server sent is no answer to the question");
});

Deno.test("exchange() reaches servers of IPv6", async () => {
  await using server = new DnsServer("::1");
  server.addresses(NAME, ["10.0.0.1"]);
  assertEquals(told(await ask(server, {}, DEPS, "::1")), ["10.0.0.1"]);
});

for (const tcp of [false, true]) {
  Deno.test(`exchange() waits no longer than it may${tcp ? ", by TCP" : ""}`, async () => {
    await using server = new DnsServer();
    server.silent = true;
    const clock = new FakeClock();
    const asking = ask(server, { timeoutMs: 700, tcp }, { ...DEPS, clock });
    await eventually(() => server.asked.length > 0);
    await clock.advance(700);
    assertEquals(told(await asking), "no answer within 700 ms");
    assertEquals(clock.pending, 0);
  });

  Deno.test(`exchange() gives up when nobody wants to know${tcp ? ", by TCP" : ""}`, async () => {
    await using server = new DnsServer();
    server.silent = true;
    const clock = new FakeClock();
    const stop = new AbortController();
    const asking = ask(server, { tcp, signal: stop.signal }, { ...DEPS, clock });
    await eventually(() => server.asked.length > 0);
    stop.abort();
    assertEquals(told(await asking), "given up");
    assertEquals(clock.pending, 0);
    const never = await ask(server, { tcp, signal: stop.signal }, { ...DEPS, clock });
    assertEquals([told(never), clock.pending], ["given up", 0]);
  });
}

Deno.test("exchange() says why a server cannot be reached", async () => {
  const server = new DnsServer();
  const { port } = server;
  await server[Symbol.asyncDispose]();
  const why = told(await ask({ port }, { tcp: true }, { ...DEPS, random: seededRandom(1) }));
  assertStringIncludes(String(why), "refused");
});
