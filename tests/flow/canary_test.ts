import type { Engine } from "../../lib/base/mod.ts";
import { Canary, type CanaryTimes } from "../../lib/flow/canary.ts";
import type { CanaryDeps } from "../../lib/flow/canary_pair.ts";
import { assertEquals } from "../support/assert.ts";
import { settle } from "../support/fake_clock.ts";
import { engineOf, seriesOf } from "../support/flow_fakes.ts";
import { NIXL, type Setting, usual, withEngines } from "./support.ts";

const EVERY_MS = 1_000;

/** Engines `p0`, `p1`, ... and `d0`, ..., all pairs of which can hand over. */
function fleetOf(prefills: number, decodes: number): readonly Engine[] {
  return [
    ...Array.from({ length: prefills }, (_, n) => engineOf(`p${n}`, "prefill", "nixl")),
    ...Array.from({ length: decodes }, (_, n) => engineOf(`d${n}`, "decode", "nixl")),
  ];
}

/** Runs `test` with canaries of a fleet all of whose decode engines are gone around. */
async function withCanary(
  engines: readonly Engine[],
  times: Partial<CanaryTimes>,
  test: (canary: Canary, setting: Setting) => Promise<void>,
): Promise<void> {
  await withEngines(engines, usual(), async (setting) => {
    const { deps, fleet, upstream } = setting;
    for (const { id, role } of engines) {
      if (role === "decode") fleet.verdicts.set(id, { kind: "shut", why: "upstream-timeout" });
    }
    const parts: CanaryDeps = {
      ...deps,
      proof: { judge: () => "open" },
      readCounters: () => Promise.resolve(undefined),
      headers: [],
    };
    await using canary = new Canary(parts, {
      intervalMs: EVERY_MS,
      stopped: () => false,
      ...times,
    });
    await test(canary, setting);
    assertEquals(upstream.sent.length, 0, "engines that are gone around are asked nothing");
  });
}

function namesOf(canary: Canary): readonly string[] {
  return canary.notes().map(({ prefill, decode }) => `${prefill.id}+${decode.id}`);
}

Deno.test("Canary notes what came of each pair, and counts it", async () => {
  await withCanary(NIXL, { intervalMs: 0 }, async (canary, { clock, metrics }) => {
    canary.start(Promise.resolve());
    await clock.advance(10 * EVERY_MS);
    assertEquals([...namesOf(canary)].sort(), ["p1+d1", "p1+d2", "p2+d1", "p2+d2"]);
    assertEquals(canary.notes().map(({ result }) => result), Array(4).fill("skipped"));
    assertEquals(await seriesOf(metrics, "pd_router_canary_total"), { "result=skipped": 4 });
  });
});

Deno.test("Canary tries no pair of engines that differ", async () => {
  await withCanary(NIXL, { intervalMs: 0 }, async (canary, { clock, fleet }) => {
    fleet.unequal.add("p1+d2");
    canary.start(Promise.resolve());
    await clock.advance(0);
    assertEquals([...namesOf(canary)].sort(), ["p1+d1", "p2+d1", "p2+d2"]);
  });
});

Deno.test("Canary begins when it is told that all is ready, and not where it is stopped before", async () => {
  const ready = Promise.withResolvers<void>();
  await withCanary(NIXL, {}, async (canary, { clock }) => {
    canary.start(ready.promise);
    await clock.advance(5 * EVERY_MS);
    assertEquals(canary.notes(), []);
    await canary[Symbol.asyncDispose]();
    ready.resolve();
    await settle();
    assertEquals(canary.notes(), []);
  });
});

Deno.test("Canary tries 32 pairs a round, and goes on behind the last of them", async () => {
  await withCanary(fleetOf(6, 8), {}, async (canary, { clock, metrics }) => {
    canary.start(Promise.resolve());
    await clock.advance(0);
    const tried = async (): Promise<unknown> => await seriesOf(metrics, "pd_router_canary_total");
    assertEquals([await tried(), canary.notes().length], [{ "result=skipped": 32 }, 32]);
    await clock.advance(EVERY_MS);
    assertEquals([await tried(), canary.notes().length], [{ "result=skipped": 64 }, 48]);
  });
});

Deno.test("Canary sends no more once it is stopped", async () => {
  let stopped = false;
  await withCanary(NIXL, { stopped: () => stopped }, async (canary, { clock, metrics }) => {
    canary.start(Promise.resolve());
    await clock.advance(0);
    stopped = true;
    await clock.advance(20 * EVERY_MS);
    assertEquals(await seriesOf(metrics, "pd_router_canary_total"), { "result=skipped": 4 });
  });
});

Deno.test("Canary.forget() keeps nothing of an engine, in either role", async () => {
  await withCanary(NIXL, { intervalMs: 0 }, async (canary, { clock }) => {
    canary.start(Promise.resolve());
    await clock.advance(0);
    canary.forget("d1");
    assertEquals([...namesOf(canary)].sort(), ["p1+d2", "p2+d2"]);
    canary.forget("p2");
    assertEquals(namesOf(canary), ["p1+d2"]);
  });
});

Deno.test("Canary keeps 4,096 notes at the most, the latest of them", async () => {
  await withCanary(fleetOf(65, 64), {}, async (canary, { clock }) => {
    canary.start(Promise.resolve());
    for (let round = 0; round < 128; round++) await clock.advance(round === 0 ? 0 : EVERY_MS);
    const before = namesOf(canary);
    assertEquals([before.length, new Set(before).size], [4_096, 4_096]);
    await clock.advance(EVERY_MS);
    const after = namesOf(canary);
    assertEquals(after.length, 4_096);
    assertEquals(after.slice(0, -32), before.slice(32));
  });
});
