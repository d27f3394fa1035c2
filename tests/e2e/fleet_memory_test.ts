import type { Engine } from "../../lib/base/mod.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { eventually } from "../support/eventually.ts";
import { TurningClock } from "../support/turning_clock.ts";
import { FRONT_TIMERS } from "../support/front.ts";
import { heapUsed, Released } from "../support/memory.ts";
import { engineAt, post, startRouter, type TestRouter } from "../support/router.ts";
import { ScriptedSource } from "../support/scripted_source.ts";

/** Engines that all listen on one port, told apart by their base paths. */
interface ManyEngines extends AsyncDisposable {
  readonly url: string;
  /** How often engines were asked for their models, by base path. */
  readonly asked: Map<string, number>;
}

/** Those that stay serve `m`, the others `other`. */
const STAYING = ["/s0", "/s1"];

function startMany(): ManyEngines {
  const asked = new Map<string, number>();
  const server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    async (request) => {
      const [, base = "", rest] = /^(\/[^/]*)(.*)$/.exec(new URL(request.url).pathname) ?? [];
      if (rest === "/v1/models") {
        asked.set(base, (asked.get(base) ?? 0) + 1);
        const id = STAYING.includes(base) ? "m" : "other";
        return Response.json({ object: "list", data: [{ id, object: "model" }] });
      }
      await request.text();
      return Response.json({ choices: [{ index: 0, text: base, finish_reason: "stop" }] });
    },
  );
  return {
    url: `http://127.0.0.1:${server.addr.port}`,
    asked,
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}

function record(url: string, base: string, more: Partial<Engine> = {}): Engine {
  const { host } = new URL(url);
  return { kv: "none", ...engineAt(url + base, "any", { id: host + base, ...more }) };
}

/** The names of all series, and of which engines they are. */
async function series(router: TestRouter): Promise<readonly string[]> {
  const text = await (await fetch(`${router.url}/metrics`)).text();
  return text.split("\n").filter((line) => line !== "" && !line.startsWith("#"))
    .map((line) => line.slice(0, line.lastIndexOf(" "))).sort();
}

async function listed(router: TestRouter): Promise<number> {
  const engines: unknown[] = await (await fetch(`${router.url}/engines`)).json();
  return engines.length;
}

/** Ask `count` times at once, each in a session of its own; who answered. */
async function askMany(router: TestRouter, count: number): Promise<readonly string[]> {
  return await Promise.all(Array.from({ length: count }, async (_, index) => {
    const answer = await post(`${router.url}/v1/completions`, {
      model: "m",
      prompt: `Number ${index}`,
      user: `session ${index}`,
    });
    assertEquals(answer.status, 200);
    return (await answer.json()).choices[0].text;
  }));
}

const ROUNDS = 10;
const PER_ROUND = 100;

/** What the answers and the figures of the test itself may take, in bytes. */
const MAX_GROWTH = 8 * 1024 * 1024;

Deno.test("a router keeps nothing of a thousand engines that came and went while it served", async () => {
  await using many = startMany();
  const clock = new TurningClock();
  const source = ScriptedSource.of(STAYING.map((base) => record(many.url, base)));
  await using router = await startRouter([], {
    clock,
    ports: { sources: [source] },
    routing: { kind: "session", sessionKey: "user" },
  });
  await askMany(router, 20);
  assertEquals(await listed(router), STAYING.length);
  // The second reading counts the first.
  await series(router);
  const before = await series(router);
  const released = new Released();
  const answers: string[] = [];
  const heaps: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const bases = Array.from({ length: PER_ROUND }, (_, index) => `/e${round * PER_ROUND + index}`);
    const ids = bases.map((base, index) => {
      const models = index % 2 === 0 ? ["other"] : [];
      const engine = released.note(record(many.url, base, { models }));
      source.upsert(engine);
      return engine.id;
    });
    const asking = askMany(router, 20);
    // Some go before they have answered.
    if (round % 3 !== 2) {
      await eventually(async () => (await listed(router)) === PER_ROUND + STAYING.length);
      await eventually(
        async () => (await series(router)).filter((name) => /_up\{.*\/e\d/.test(name)).length > 99,
        () => "all have said what they serve",
      );
    }
    for (const id of ids.filter((_, index) => index % 3 === 0)) source.leaving(id);
    for (const id of ids) source.remove(id);
    answers.push(...await asking);
    await eventually(async () => (await listed(router)) === STAYING.length);
    heaps.push(heapUsed());
  }
  assertEquals(released.noted, ROUNDS * PER_ROUND);
  assert(many.asked.size > ROUNDS * PER_ROUND / 2, "they were asked for their models");
  assertEquals(answers.length, 200);
  assertEquals([...new Set(answers)].sort(), STAYING);
  // The turn of a session after all have gone: policies follow with the next request.
  await askMany(router, 20);
  await eventually(() => Object.values(router.app.stats()).every((count) => count === 0));
  assertEquals(await series(router), before);
  // The connections to the two, and no other's; closed after 4 s, when what is left waits to ask.
  // Each is asked for its models, and read. And those by which the front looks after its connections,
  // and the fleet after how many engines are wanted.
  assert(clock.pending < PER_ROUND, `${clock.pending} timers`);
  await clock.advance(5_000);
  assertEquals(clock.pending, 2 * STAYING.length + 1 + FRONT_TIMERS);
  await released.most(0);
  const [first = 0, ...later] = heaps;
  assert(Math.max(...later) - first < MAX_GROWTH, `the heap grew: ${heaps}`);
});
