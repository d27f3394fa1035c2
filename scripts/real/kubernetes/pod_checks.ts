/** Pods one by one: what they say of themselves is what the router makes of them. @module */
import { MODEL } from "../../../tests/support/cluster.ts";
import { must } from "../check.ts";
import { pause } from "../process.ts";
import { Load } from "./load.ts";
import type { EnginePod } from "./pods.ts";
import { even, EVEN_MS, idsOf } from "./shares.ts";
import { type Scene, setScene, type Stage, timed } from "./scene.ts";

const GROUP = "pods";

/** Streams at a time. */
const STREAMS = 100;

/** How long it is watched that nothing happens, in milliseconds. */
const STILL_MS = 1_500;

/** All checks of one namespace. */
export async function podChecks(stage: Stage): Promise<void> {
  await using scene = await setScene(stage, {
    namespace: GROUP,
    flags: ["--routing-logic", "roundrobin"],
  });
  const { pods } = scene;
  const check = (name: string, run: () => Promise<string>): Promise<void> =>
    stage.checks.run(GROUP, name, run);
  const [a, b, c, d] = await Promise.all(
    ["2", "3", "4", "5"].map((last) =>
      pods.create({ name: `vllm-${last}`, address: `127.0.0.${last}` })
    ),
  );
  must(a !== undefined && b !== undefined && c !== undefined && d !== undefined, "four pods");
  const all = [a, b, c, d];

  await check("pods that wait for their address, or are not ready, are no engines", async () => {
    await Promise.all(all.map((pod) => pod.start()));
    await a.tell({ ready: false });
    await b.tell({ phase: "Pending", ready: false });
    await pause(STILL_MS);
    return `${await scene.becomes([])} after ${STILL_MS} ms`;
  });
  await check("pods that get ready are engines", async () => {
    await Promise.all(all.map((pod) => pod.tell({ ready: true })));
    return await scene.becomes(idsOf(all));
  });
  await check("a pod that the selector does not name is none", async () => {
    const other = await pods.serving({
      name: "other",
      address: "127.0.0.9",
      labels: { app: "other" },
    });
    await pause(STILL_MS);
    await scene.becomes(idsOf(all));
    await other.remove();
    return "left out";
  });

  await using load = new Load(scene.router.url, STREAMS);
  const under = (name: string, run: () => Promise<string>): Promise<void> =>
    check(name, async () => `${await run()}; ${load.whole()}`);
  await under(`${STREAMS} streams at a time are shared evenly`, async () => {
    await load.begun();
    return await even(all);
  });
  await under("a pod that is not ready any more gets nothing, and what it has ends", async () => {
    await b.tell({ ready: false });
    await idle(b);
    await b.tell({ ready: true });
    return await even(all);
  });
  await under("a pod loses the label that is selected by, and gets it again", async () => {
    await c.label({ app: "aside" });
    const took = await scene.becomes(idsOf([a, b, d]));
    await idle(c);
    await c.label({ app: "vllm" });
    return `${took}, back after ${await scene.becomes(idsOf(all))}; ${await even(all)}`;
  });
  await under("an annotation that is wrong leaves its engine out, until it is mended", async () => {
    await a.annotate({ "pd-router/port": "x" });
    const took = await scene.becomes(idsOf([b, c, d]));
    await a.annotate({ "pd-router/port": undefined });
    return `${took}, back after ${await scene.becomes(idsOf(all))}; ${await even(all)}`;
  });
  await under("labels that mean nothing change nothing", async () => {
    for (let round = 0; round < 20; round++) await a.label({ round: String(round) });
    await pause(STILL_MS);
    return await scene.becomes(idsOf(all));
  });
  await under("the label `sleeping`", async () => {
    await d.label({ sleeping: "true" });
    const took = await scene.tells(d.id, ({ sleeping }) => sleeping === true);
    await idle(d);
    await d.label({ sleeping: undefined });
    return `${took}, awake after ${await scene.tells(d.id, ({ sleeping }) => sleeping !== true)}`;
  });
  await under("a pod that is told to end gets nothing, and its streams end", async () => {
    await d.terminate();
    await idle(d);
    await d.finish();
    return `gone after ${await scene.becomes(idsOf([a, b, c]))}`;
  });
  await check("an engine that begins anew in its pod", async () => {
    const running = c.running;
    await c.restart();
    await c.tell({ ready: true });
    const took = await even([a, b, c]);
    return `${took}; ${load.whole(running)}, ${running} were on it`;
  });
  await under("a pod over IPv6", async () => {
    if (!hasIpv6()) return "loopback has no IPv6 here";
    const six = await pods.serving({ name: "vllm-six", address: "::1" });
    const took = await scene.becomes(idsOf([a, b, c, six]));
    await even([a, b, c, six]);
    await six.terminate();
    await six.finish();
    return `${took}, gone after ${await scene.becomes(idsOf([a, b, c]))}`;
  });
  await under("a pod of another model", async () => {
    const other = await pods.serving({
      name: "vllm-other",
      address: "127.0.0.10",
      labels: { model: "other" },
      sim: { models: ["other"] },
    });
    const took = await scene.becomes(idsOf([a, b, c, other]));
    await scene.tells(other.id, ({ serving_models }) => serving_models.includes("other"));
    must(await answers(scene, "other"), "its model is not served");
    must(other.asked === 1, `it was asked ${other.asked} times`);
    await other.terminate();
    await other.finish();
    return `${took}, gone after ${await scene.becomes(idsOf([a, b, c]))}`;
  });
  await massRestarts(scene, { check, under, load, before: [a, b, c] });
}

async function massRestarts(
  scene: Scene,
  { check, under, load, before }: {
    readonly check: (name: string, run: () => Promise<string>) => Promise<void>;
    readonly under: (name: string, run: () => Promise<string>) => Promise<void>;
    readonly load: Load;
    readonly before: readonly EnginePod[];
  },
): Promise<void> {
  const { pods } = scene;
  const named = (round: number): readonly (readonly [string, string])[] =>
    Array.from({ length: 6 }, (_, at) => [`vllm-${round}-${at}`, `127.0.1.${6 * round + at + 1}`]);
  let all = before;
  await under("all pods are replaced by others at once, with time to end", async () => {
    const next = await Promise.all(
      named(0).map(([name, address]) => pods.serving({ name, address })),
    );
    await Promise.all(all.map((pod) => pod.terminate()));
    await Promise.all(all.map((pod) => pod.finish()));
    all = next;
    return `${await scene.becomes(idsOf(all))}; ${await even(all)}`;
  });
  await check("all engines die at once and begin anew in their pods", async () => {
    const running = all.reduce((sum, pod) => sum + pod.running, 0);
    await Promise.all(all.map((pod) => pod.restart()));
    await Promise.all(all.map((pod) => pod.tell({ ready: true })));
    // None serves while all are dead.
    await timed(() => load.broken().length === 0, () => "requests fail", EVEN_MS);
    await load.begun();
    return `${running} streams were on them; ${await even(all)}; ${load.whole()}`;
  });
  await under("a pod goes, and another comes at its address", async () => {
    const [old, ...others] = all;
    must(old !== undefined, "no pod");
    await old.terminate();
    await old.finish();
    const next = await pods.serving({ name: "vllm-heir", address: old.address });
    all = [next, ...others];
    return `${await scene.becomes(idsOf(all))}; ${await even(all)}`;
  });
}

/** Resolves once nothing runs on a pod, and nothing comes any more. */
async function idle(pod: EnginePod): Promise<void> {
  await timed(() => pod.running === 0, () => `${pod.id} has ${pod.running} streams`, EVEN_MS);
  const { asked } = pod;
  await pause(STILL_MS);
  must(pod.asked === asked, `${pod.id} was asked ${pod.asked - asked} times more`);
}

async function answers({ router }: Scene, model: string): Promise<boolean> {
  const response = await fetch(`${router.url}/v1/completions`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ model, prompt: MODEL, max_tokens: 2 }),
  });
  await response.body?.cancel();
  return response.status === 200;
}

function hasIpv6(): boolean {
  try {
    Deno.listen({ hostname: "::1", port: 0 }).close();
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.AddrNotAvailable) return false;
    throw error;
  }
}
