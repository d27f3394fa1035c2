/** Engines of two versions in one fleet, as in an upgrade. */
import type { Engine } from "../../lib/base/mod.ts";
import type { SimEngine } from "../../lib/sim/mod.ts";
import { assert, assertEquals, assertStringIncludes } from "../support/assert.ts";
import { MODEL, startSim } from "../support/cluster.ts";
import { eventually } from "../support/eventually.ts";
import {
  engineAt,
  post,
  type RouterChanges,
  startRouter,
  type TestRouter,
} from "../support/router.ts";
import { ScriptedSource } from "../support/scripted_source.ts";

const SIDES = ["prefill", "decode"] as const;

/** A fleet of NIXL's engines, one of each side for each of `versions`. */
async function upgrade(
  versions: Readonly<Record<"prefill" | "decode", readonly string[]>>,
  changes: RouterChanges = {},
): Promise<
  AsyncDisposable & { readonly router: TestRouter; readonly engines: readonly SimEngine[] }
> {
  await using stack = new AsyncDisposableStack();
  const engines: SimEngine[] = [];
  const records: Engine[] = [];
  for (const role of SIDES) {
    for (const vllmVersion of versions[role]) {
      const sim = { role, kvConnector: "nixl", vllmVersion } as const;
      const engine = stack.use(await startSim(sim, engines.length));
      engines.push(engine);
      records.push({ ...engineAt(engine.url, role, { models: [] }), kv: "nixl" });
    }
  }
  const router = stack.use(
    await startRouter(records, {
      ...changes,
      handoff: { kind: "nixl" },
      ports: { sources: [ScriptedSource.of(records)] },
    }),
  );
  const parts = stack.move();
  return { router, engines, [Symbol.asyncDispose]: () => parts.disposeAsync() };
}

async function ask({ url }: TestRouter, count: number): Promise<void> {
  for (let at = 0; at < count; at++) {
    const body = {
      model: MODEL,
      prompt: `Number ${at}, of a fleet of two versions`,
      max_tokens: 4,
    };
    const response = await post(`${url}/v1/completions`, body);
    assertEquals([response.status, (await response.text()).includes("error")], [200, false]);
  }
}

async function enginesOf(
  { url }: TestRouter,
): Promise<readonly Readonly<Record<string, unknown>>[]> {
  return await (await fetch(`${url}/engines`)).json();
}

Deno.test("engines of two versions hand off among their like alone", async () => {
  const versions = { prefill: ["0.31.0", "0.32.0"], decode: ["0.31.0", "0.32.0"] };
  await using fleet = await upgrade(versions);
  const { router, engines } = fleet;
  await ask(router, 16);
  const found = engines.map((engine) => engine.stats());
  assertEquals(found.reduce((sum, { kvLoadFailures }) => sum + kvLoadFailures, 0), 0);
  assertEquals(found.reduce((sum, { prefills }) => sum + prefills, 0), 16);
  for (const { prefills, decodes } of found) assert(prefills + decodes >= 4);
  const told = await enginesOf(router);
  assertEquals(told.map(({ unequal }) => (unequal as readonly unknown[]).length), [1, 1, 1, 1]);
  assertStringIncludes(JSON.stringify(told), '"differ":["version"]');
  const metrics = await (await fetch(`${router.url}/metrics`)).text();
  assertStringIncludes(metrics, "pd_router_pairs_unequal 2\n");
});

for (const failurePolicy of ["direct", "error"] as const) {
  Deno.test(`one engine serves where none goes together, with --handoff-failure-policy ${failurePolicy}`, async () => {
    const versions = { prefill: ["0.31.0"], decode: ["0.32.0"] };
    await using fleet = await upgrade(versions, { health: { failurePolicy } });
    const { router, engines: [prefill, decode] } = fleet;
    await ask(router, 4);
    assertEquals([prefill?.stats().prefills, decode?.stats().decodes], [0, 4]);
  });
}

Deno.test("--pair-unequal has them hand off all the same", async () => {
  const versions = { prefill: ["0.31.0"], decode: ["0.32.0"] };
  await using fleet = await upgrade(versions, { health: { pairUnequal: true } });
  const { router, engines: [prefill] } = fleet;
  await ask(router, 4);
  await eventually(() => prefill?.stats().prefills === 4);
});
