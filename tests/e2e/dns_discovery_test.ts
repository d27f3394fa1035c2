/** Engines that are found by DNS, on real sockets: they come and go while requests are answered. */
import { type App, startApp } from "../../lib/app.ts";
import { seededRandom, silentLogger, systemClock } from "../../lib/base/mod.ts";
import { problemText, resolveConfig } from "../../lib/config/mod.ts";
import type { SimEngine, SimOptions } from "../../lib/sim/mod.ts";
import { assert, assertEquals, fail } from "../support/assert.ts";
import { freePort, MODEL, startSim } from "../support/cluster.ts";
import { DnsServer } from "../support/dns_server.ts";
import { eventually } from "../support/eventually.ts";
import { frontPorts } from "../support/front.ts";
import { post } from "../support/router.ts";

type Flags = Readonly<Record<string, string | readonly string[]>>;

/** A router that asks `server`, several times a second. */
async function startAsking(
  server: DnsServer,
  flags: Flags,
): Promise<App & { readonly url: string }> {
  const all: Flags = {
    host: "127.0.0.1",
    port: "0",
    "dns-servers": `127.0.0.1:${server.port}`,
    "dns-min-ttl": "0.1",
    "dns-max-ttl": "0.2",
    "expose-engines": "true",
    ...flags,
  };
  const result = resolveConfig({
    flags: new Map(Object.entries(all).map(([name, value]) => [name, [value].flat()])),
    env: () => undefined,
  });
  if (!result.ok) fail(result.problems.map(problemText).join("\n"));
  const app = await startApp(result.config, {
    clock: systemClock(),
    random: seededRandom(1),
    log: silentLogger(),
    ...frontPorts(),
  });
  return Object.assign(app, { url: `http://127.0.0.1:${app.address.port}` });
}

/** Streams that begin anew as they end, so many at once. */
class Streams {
  readonly wrong: string[] = [];
  answered = 0;
  readonly #running: Promise<unknown>;
  #over = false;

  constructor(url: string, atOnce: number, maxTokens: number) {
    this.#running = Promise.all(
      Array.from({ length: atOnce }, async (_, client) => {
        for (let round = 0; !this.#over; round++) {
          const prompt = `Story ${client}-${round}. [[sim:len ${maxTokens}]]`;
          const told = await this.#ask(url, prompt, maxTokens);
          this.answered++;
          if (told !== undefined) this.wrong.push(told);
        }
      }),
    );
  }

  /** What was wrong with one stream. */
  async #ask(url: string, prompt: string, maxTokens: number): Promise<string | undefined> {
    const body = { model: MODEL, prompt, max_tokens: maxTokens, stream: true };
    try {
      const response = await post(`${url}/v1/completions`, body);
      const text = await response.text();
      if (response.status !== 200) return `${response.status}: ${text}`;
      return text.trimEnd().endsWith("data: [DONE]") ? undefined : `cut: ${text}`;
    } catch (error) {
      return `no answer: ${error}`;
    }
  }

  async more(count: number): Promise<void> {
    const end = this.answered + count;
    await eventually(
      () => this.answered >= end || this.wrong.length > 0,
      () => "no answers",
      60_000,
    );
  }

  /** Let them end; none may have failed. */
  async end(): Promise<void> {
    this.#over = true;
    await this.#running;
    assertEquals(this.wrong.slice(0, 3), [], `${this.wrong.length} of ${this.answered}`);
  }
}

/** An engine on an address of its own, all on one port as pods are. */
function startAt(
  host: string,
  port: number,
  options: Partial<SimOptions> = {},
): Promise<SimEngine> {
  return startSim({ role: "any", itlMs: 5, ...options, host, port });
}

function generations(engine: SimEngine): number {
  return engine.stats().requestsByPath["/v1/completions"] ?? 0;
}

async function statusOf(url: string): Promise<number> {
  const response = await post(`${url}/v1/completions`, {
    model: MODEL,
    prompt: "a",
    max_tokens: 2,
  });
  await response.body?.cancel();
  return response.status;
}

Deno.test("engines come and go by DNS while streams run, and no stream is disturbed", async () => {
  await using stack = new AsyncDisposableStack();
  const server = stack.use(new DnsServer());
  const port = freePort();
  const engines: SimEngine[] = [];
  for (const last of [2, 3, 4]) engines.push(stack.use(await startAt(`127.0.0.${last}`, port)));
  const [first, second, third] = engines;
  assert(first !== undefined && second !== undefined && third !== undefined);
  server.addresses("vllm.test", ["127.0.0.2", "127.0.0.3"]);
  const router = stack.use(
    await startAsking(server, {
      "dns-name": `vllm.test;port=${port}`,
      "routing-logic": "roundrobin",
    }),
  );
  const streams = new Streams(router.url, 20, 40);
  await streams.more(40);
  assert(generations(first) > 0 && generations(second) > 0);
  assertEquals(generations(third), 0);
  server.addresses("vllm.test", ["127.0.0.4", "127.0.0.3"]);
  await eventually(() => generations(third) > 0, () => "the new one serves");
  await eventually(() => first.stats().runningNow === 0, () => "the one that leaves is idle");
  const before = generations(first);
  await streams.more(60);
  assertEquals(generations(first), before);
  await streams.end();
});

Deno.test("an outage of DNS leaves the fleet as it was, and a name that is gone does for a time", async () => {
  await using stack = new AsyncDisposableStack();
  const server = stack.use(new DnsServer());
  const port = freePort();
  const engine = stack.use(await startAt("127.0.0.2", port));
  server.addresses("vllm.test", ["127.0.0.2"]);
  const router = stack.use(
    await startAsking(server, {
      "dns-name": `vllm.test;port=${port}`,
      "routing-logic": "roundrobin",
      "dns-stale": "1",
    }),
  );
  assertEquals(await statusOf(router.url), 200);
  const rounds = async (count: number): Promise<void> => {
    const end = server.asked.length + count;
    await eventually(() => server.asked.length >= end, () => "it asks", 30_000);
  };
  server.set("vllm.test", "servfail");
  await rounds(6);
  assertEquals(await statusOf(router.url), 200);
  server.silent = true;
  await rounds(2);
  assertEquals(await statusOf(router.url), 200);
  const { discovery } = await (await fetch(`${router.url}/health`)).json();
  assert(String(discovery?.dns).startsWith("vllm.test: "), JSON.stringify(discovery));
  server.silent = false;
  server.set("vllm.test", "nxdomain");
  await rounds(2);
  assertEquals(await statusOf(router.url), 200);
  await eventually(async () => await statusOf(router.url) === 503, () => "its engine goes");
  server.addresses("vllm.test", ["127.0.0.2"]);
  await eventually(async () => await statusOf(router.url) === 200, () => "its engine is back");
  server.set("vllm.test", []);
  await eventually(async () => await statusOf(router.url) === 503, () => "its engine goes");
  assert(generations(engine) > 0);
});

Deno.test("a router that starts before its DNS server serves once that answers", async () => {
  await using stack = new AsyncDisposableStack();
  const server = stack.use(new DnsServer());
  const port = freePort();
  stack.use(await startAt("127.0.0.2", port));
  server.set("vllm.test", "servfail");
  const router = stack.use(
    await startAsking(server, { "dns-name": "vllm.test;type=srv", "routing-logic": "roundrobin" }),
  );
  await eventually(() => server.asked.length > 2);
  assertEquals(await (await fetch(`${router.url}/engines`)).json(), []);
  server.set("vllm.test", [{ type: "SRV", ttl: 1, target: "bare-0.test", port }]);
  server.addresses("bare-0.test", ["127.0.0.2"]);
  await eventually(async () => await statusOf(router.url) === 200, () => "it serves");
});

/** Streams under way while every engine is replaced. */
const AT_ONCE = 200;

Deno.test("4 prefill and 4 decode engines are replaced one by one under 200 streams", async () => {
  await using stack = new AsyncDisposableStack();
  const server = stack.use(new DnsServer());
  const port = freePort();
  const roles = ["prefill", "decode"] as const;
  const there = new Map<string, { readonly role: string; readonly engine: SimEngine }>();
  let last = 1;
  const start = async (role: typeof roles[number]): Promise<void> => {
    const host = `127.0.0.${++last}`;
    const options = { role, kvConnector: "nixl", itlMs: 40 } as const;
    there.set(host, { role, engine: stack.use(await startAt(host, port, options)) });
  };
  const publish = (without?: string): void => {
    for (const role of roles) {
      const hosts = [...there].filter(([host, one]) => one.role === role && host !== without);
      server.addresses(`${role}.test`, hosts.map(([host]) => host));
    }
  };
  for (let round = 0; round < 4; round++) for (const role of roles) await start(role);
  publish();
  const router = stack.use(
    await startAsking(server, {
      "dns-name": roles.map((role) => `${role}.test;role=${role};port=${port}`),
      "kv-protocol": "nixl",
    }),
  );
  const streams = new Streams(router.url, AT_ONCE, 25);
  await streams.more(AT_ONCE);
  for (const [host, { role, engine }] of [...there]) {
    await start(role === "prefill" ? "prefill" : "decode");
    // As Kubernetes goes about it: the new one is ready, the old one is not any more, and ends.
    publish(host);
    const asked = server.asked.length;
    await eventually(() => server.asked.length >= asked + 4, () => "it asks", 30_000);
    await eventually(() => engine.stats().runningNow === 0, () => `${host} is idle`, 60_000);
    await engine[Symbol.asyncDispose]();
    there.delete(host);
  }
  await streams.more(AT_ONCE);
  const counts = (): readonly number[] =>
    [...there.values()].map(({ engine }) => generations(engine));
  const before = counts();
  await streams.more(2 * AT_ONCE);
  const shares = counts().map((count, index) => count - (before[index] ?? 0));
  await streams.end();
  assertEquals(there.size, 8);
  const [least, most] = [Math.min(...shares), Math.max(...shares)];
  assert(most <= 2 * least, `shares ${shares}`);
});
