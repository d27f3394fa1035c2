import type { SimEngine } from "../../lib/sim/mod.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { MODEL, startCluster, startSim } from "../support/cluster.ts";
import { eventually } from "../support/eventually.ts";
import { eventsOf, publishing } from "../support/kv_events.ts";
import { engineAt, startRouter, type TestEngine, type TestRouter } from "../support/router.ts";

const ROUTING = { kind: "kvaware", kvThreshold: 2_000 } as const;
const KV_EVENTS = { indexBytes: 4 * 1024 * 1024 };

/** The record of an engine that publishes. */
function recordOf(engine: SimEngine): TestEngine {
  const kvEvents = eventsOf(engine);
  return engineAt(engine.url, "any", kvEvents === undefined ? {} : { kvEvents });
}

/** A conversation of `turns`, the first of them long and the others short. */
function chat(name: string, turns: number): unknown {
  const messages = Array.from({ length: 2 * turns - 1 }, (_, turn) => ({
    role: turn % 2 === 0 ? "user" : "assistant",
    content: turn === 0 ? `${name}: ${`some words about ${name}, `.repeat(40)}` : `turn ${turn}`,
  }));
  return { model: MODEL, messages, max_tokens: 2 };
}

async function ask(router: TestRouter, body: unknown): Promise<void> {
  const response = await fetch(`${router.url}/v1/chat/completions`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  const text = await response.text();
  assertEquals(response.status, 200, text);
}

async function metric(router: TestRouter, line: string): Promise<number> {
  const text = await (await fetch(`${router.url}/metrics`)).text();
  const found = text.split("\n").find((each) => each.startsWith(`${line} `));
  return Number(found?.slice(line.length + 1) ?? 0);
}

/** Generations that an engine has served. */
function served(engine: SimEngine): number {
  const { requestsByPath: paths } = engine.stats();
  return (paths["/v1/chat/completions"] ?? 0) + (paths["/v1/completions"] ?? 0);
}

async function settled(router: TestRouter, feeds: number): Promise<void> {
  const known = 'pd_router_kv_event_feeds{state="known"}';
  const others = 'pd_router_kv_event_feeds{state="unknown"}';
  await eventually(
    async () =>
      await metric(router, known) === feeds &&
      // Of several processes, each follows them by itself: all have to know.
      (feeds === 0 || await metric(router, others) === 0),
    () => `${feeds} feeds that are known`,
  );
}

/** Resolves when each process of the router has taken as many events as the engines have sent. */
async function heard(router: TestRouter, each: number): Promise<void> {
  const least = each * router.workers;
  const applied = 'pd_router_kv_events_total{result="applied"}';
  await eventually(async () => await metric(router, applied) >= least, () => `${least} events`);
}

for (const encoding of ["array", "map", "map-batch"] as const) {
  Deno.test(`kvaware sends a conversation's turns where its beginning is, events as ${encoding}`, async () => {
    await using one = await startSim({ role: "any", ...publishing(encoding) }, 1);
    await using two = await startSim({ role: "any", ...publishing(encoding) }, 2);
    const engines = [one, two];
    await using router = await startRouter(
      engines.map(recordOf),
      { routing: ROUTING, kvEvents: KV_EVENTS },
    );
    await settled(router, 2);
    const homes: (SimEngine | undefined)[] = [];
    for (let name = 0; name < 6; name++) {
      const before = engines.map(served);
      await ask(router, chat(`${name}th conversation`, 1));
      homes.push(engines.find((engine, at) => served(engine) > (before[at] ?? 0)));
      await heard(router, name + 1);
    }
    assertEquals(new Set(homes).size, 2, "both engines have some");
    const hit = 'pd_router_kv_lookups_total{result="hit"}';
    const hits = await metric(router, hit);
    for (const [name, home] of homes.entries()) {
      assert(home !== undefined);
      const before = served(home);
      await ask(router, chat(`${name}th conversation`, 2));
      assertEquals(served(home), before + 1, `${name}th conversation`);
    }
    assertEquals(await metric(router, hit), hits + 6);
  });
}

Deno.test("kvaware forgets an engine that is started anew, and learns of it again", async () => {
  await using one = await startSim({ role: "any", ...publishing() }, 1);
  const events = eventsOf(one);
  const ports = [events?.events.port ?? 0, events?.replay?.port ?? 0] as const;
  const port = Number(new URL(one.url).port);
  await using router = await startRouter(
    [recordOf(one)],
    { routing: ROUTING, kvEvents: KV_EVENTS },
  );
  await settled(router, 1);
  const hit = 'pd_router_kv_lookups_total{result="hit"}';
  await ask(router, chat("it", 1));
  await heard(router, 1);
  await ask(router, chat("it", 1));
  assertEquals(await metric(router, hit), 1);
  await one[Symbol.asyncDispose]();
  await settled(router, 0);
  await using again = await startSim({ role: "any", port, ...publishing("map", ports) }, 3);
  await settled(router, 1);
  assertEquals(again.url, one.url);
  await ask(router, chat("it", 1));
  assertEquals(await metric(router, 'pd_router_kv_lookups_total{result="miss"}'), 2);
  assertEquals(await metric(router, hit), 1);
  await heard(router, 2);
  await ask(router, chat("it", 1));
  assertEquals(await metric(router, hit), 2);
});

Deno.test("kvaware knows what engines had cached before the router came", async () => {
  await using one = await startSim({ role: "any", ...publishing() }, 1);
  await using two = await startSim({ role: "any", ...publishing() }, 2);
  const engines = [one, two];
  for (const [at, engine] of engines.entries()) {
    await using alone = await startRouter([engineAt(engine.url, "any")]);
    await ask(alone, chat(`${at}th conversation`, 1));
  }
  await using router = await startRouter(engines.map(recordOf), {
    routing: ROUTING,
    kvEvents: KV_EVENTS,
  });
  await settled(router, 2);
  for (const [at, engine] of [...engines.entries()].reverse()) {
    const before = served(engine);
    await ask(router, chat(`${at}th conversation`, 2));
    assertEquals(served(engine), before + 1, `${at}th conversation`);
  }
});

Deno.test("kvaware chooses the prefill engine that has a prompt, and tokenizes it once", async () => {
  await using cluster = await startCluster({
    prefills: 2,
    decodes: 1,
    prefill: publishing(),
    router: {
      routing: { ...ROUTING, kind: "least_loaded", prefill: "kvaware" },
      kvEvents: KV_EVENTS,
    },
  });
  const { router, prefills } = cluster;
  await settled(router, 2);
  const homes: (SimEngine | undefined)[] = [];
  for (let name = 0; name < 4; name++) {
    const before = prefills.map(served);
    await ask(router, chat(`${name}th conversation`, 1));
    homes.push(prefills.find((engine, at) => served(engine) > (before[at] ?? 0)));
    await heard(router, name + 1);
  }
  assertEquals(new Set(homes).size, 2);
  for (const [name, home] of homes.entries()) {
    assert(home !== undefined);
    const before = served(home);
    await ask(router, chat(`${name}th conversation`, 2));
    assertEquals(served(home), before + 1, `${name}th conversation`);
  }
  const tokenized = 'pd_router_tokenize_total{how="engine",result="tokens"}';
  assertEquals(await metric(router, tokenized), 8, "each prompt once");
  await cluster.quiet();
});
