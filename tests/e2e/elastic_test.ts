import type { SimEngine } from "../../lib/sim/mod.ts";
import { comparable } from "../support/answers.ts";
import { assert, assertEquals, assertMatch } from "../support/assert.ts";
import { MODEL, startSim } from "../support/cluster.ts";
import { eventually } from "../support/eventually.ts";
import {
  engineAt,
  post,
  type RouterChanges,
  startRouter,
  type TestEngine,
  type TestRouter,
} from "../support/router.ts";

/** Simulated engines of the NixlConnector, each of which can take either side. */
async function startBoth(
  stack: AsyncDisposableStack,
  count: number,
  itlMs = 0,
): Promise<readonly SimEngine[]> {
  const engines: SimEngine[] = [];
  for (let seed = 1; seed <= count; seed++) {
    const options = { role: "any", kvConnector: "nixl", itlMs } as const;
    engines.push(stack.use(await startSim(options, seed)));
  }
  return engines;
}

function both({ url }: SimEngine, maxNumSeqs?: number): TestEngine {
  return engineAt(url, "both", maxNumSeqs === undefined ? {} : { maxNumSeqs });
}

function routerOf(
  engines: readonly TestEngine[],
  changes: RouterChanges = {},
): Promise<TestRouter> {
  return startRouter(engines, { handoff: { kind: "nixl" }, ...changes });
}

interface EngineTold {
  readonly url: string;
  readonly role: string;
  readonly side: string;
  readonly since: number;
}

async function enginesOf({ url }: TestRouter): Promise<readonly EngineTold[]> {
  return await (await fetch(`${url}/engines`)).json();
}

/** How many engines are on the decode side. */
async function decodesOf(router: TestRouter): Promise<number> {
  return (await enginesOf(router)).filter(({ side }) => side === "decode").length;
}

const PLAIN = { model: MODEL, prompt: "The river [[sim:len 9]]", max_tokens: 12 };
const BODIES = [
  PLAIN,
  { ...PLAIN, stream: true, stream_options: { include_usage: true } },
  { ...PLAIN, n: 2 },
  { ...PLAIN, logprobs: 2, prompt: "A hill [[sim:len 5]]" },
];

Deno.test("engines of role both hand over in both directions, and answer as one engine does", async () => {
  await using stack = new AsyncDisposableStack();
  const [one, other] = await startBoth(stack, 2);
  const single = stack.use(await startSim({ role: "any" }));
  assert(one !== undefined && other !== undefined);
  // The first that a router knows is on the decode side.
  const there = stack.use(await routerOf([both(one), both(other)]));
  const back = stack.use(await routerOf([both(other), both(one)]));
  for (const body of BODIES) {
    const right = await comparable(await post(`${single.url}/v1/completions`, body));
    for (const { url } of [there, back]) {
      assertEquals(await comparable(await post(`${url}/v1/completions`, body)), right);
    }
  }
  for (const engine of [one, other]) {
    const { prefills, externalHits, doubleUses } = engine.stats();
    assert(prefills === BODIES.length, `${prefills} prefills`);
    assert(externalHits >= BODIES.length, `${externalHits} hits`);
    assertEquals(doubleUses, 0);
  }
  const told = await enginesOf(there);
  assertEquals(
    told.map(({ url, role, side }) => [url, role, side]).sort(),
    [[one.url, "both", "decode"], [other.url, "both", "prefill"]].sort(),
  );
  assert(told.every(({ since }) => since > 1_600_000_000));
  const metrics = await (await fetch(`${there.url}/metrics`)).text();
  assert(metrics.includes(`pd_router_elastic_side{server="${one.url}",side="decode"} 1`));
  assert(metrics.includes(`pd_router_elastic_side{server="${one.url}",side="prefill"} 0`));
});

Deno.test("an engine of role both alone serves whole requests", async () => {
  await using stack = new AsyncDisposableStack();
  const [one] = await startBoth(stack, 1);
  assert(one !== undefined);
  const router = stack.use(await routerOf([both(one)]));
  const ours = await comparable(await post(`${router.url}/v1/completions`, PLAIN));
  assertEquals(ours, await comparable(await post(`${one.url}/v1/completions`, PLAIN)));
  const metrics = await (await fetch(`${router.url}/metrics`)).text();
  assertMatch(metrics, /^pd_router_direct_total\{reason="no_prefill_engine"\} 1$/m);
});

Deno.test("an engine changes its side while streams run, and disturbs none", async () => {
  await using stack = new AsyncDisposableStack();
  const engines = await startBoth(stack, 4, 40);
  const single = stack.use(await startSim({ role: "any" }));
  const router = stack.use(
    await routerOf(engines.map((engine) => both(engine, 2)), {
      elastic: { intervalMs: 1_000, minPrefill: 1, minDecode: 1 },
    }),
  );
  assertEquals(await decodesOf(router), 2);
  const bodies = Array.from({ length: 10 }, (_, index) => ({
    model: MODEL,
    prompt: `Story ${index} [[sim:len 90]]`,
    max_tokens: 100,
    stream: true,
  }));
  // All seats of the decode side are taken, and others wait.
  const answers = bodies.map(async (body) =>
    await comparable(await post(`${router.url}/v1/completions`, body))
  );
  await eventually(async () => await decodesOf(router) === 3, undefined, 30_000);
  assert(router.app.stats().inflight > 0);
  for (const [index, answer] of answers.entries()) {
    const right = await comparable(await post(`${single.url}/v1/completions`, bodies[index]));
    assertEquals(await answer, right);
  }
  const metrics = await (await fetch(`${router.url}/metrics`)).text();
  assertMatch(metrics, /^pd_router_elastic_moves_total\{to="decode"\} 1$/m);
  assertMatch(metrics, /^pd_router_scale_hint\{model="sim-model",role="decode"\} \d+$/m);
  assertEquals(engines.map((engine) => engine.stats().recomputes), [0, 0, 0, 0]);
  const left = (): number => router.app.stats().inflight + router.app.stats().drains;
  await eventually(() => left() === 0);
});
