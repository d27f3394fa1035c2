/** Four prefill and four decode engines in pods, which are restarted one after another. @module */
import { must } from "../check.ts";
import { Load } from "./load.ts";
import { even, idsOf } from "./shares.ts";
import type { EnginePod } from "./pods.ts";
import { setScene, type Stage } from "./scene.ts";

const GROUP = "handoff";
const STREAMS = 200;

/** Engines of each role. */
const EACH = 4;

const ROLES = ["prefill", "decode"] as const;

/** Labels that say a role: this router's own, and llm-d's. */
const ROLE_LABELS = ["pd-router/role", "llm-d.ai/role"] as const;

/** All checks of one namespace. */
export async function handoffChecks(stage: Stage): Promise<void> {
  await using scene = await setScene(stage, {
    namespace: GROUP,
    flags: ["--routing-logic", "disaggregated_prefill", "--kv-protocol", "nixl"],
  });
  const { pods, router } = scene;
  const serve = (role: typeof ROLES[number], at: number, round: number): Promise<EnginePod> =>
    pods.serving({
      name: `${role}-${at}-${round}`,
      address: `127.0.4.${(role === "prefill" ? 10 : 100) + EACH * round + at}`,
      labels: { [ROLE_LABELS[at % 2] ?? ROLE_LABELS[0]]: role },
      sim: { role, kvConnector: "nixl" },
    });
  const places = ROLES.flatMap((role) => Array.from({ length: EACH }, (_, at) => ({ role, at })));
  const all = await Promise.all(places.map(({ role, at }) => serve(role, at, 0)));
  await scene.becomes(idsOf(all));
  await using load = new Load(router.url, STREAMS);
  const evenAgain = async (): Promise<string> =>
    (await Promise.all([even(all.slice(0, EACH)), even(all.slice(EACH))])).join("; ");
  const check = (name: string, run: () => Promise<string>): Promise<void> =>
    stage.checks.run(GROUP, name, run);

  await check(`${STREAMS} streams at a time are handed off`, async () => {
    await load.begun();
    const shared = await evenAgain();
    const handed = (await router.routes()).get("handoff_nixl") ?? 0;
    must(handed > 0, "none was handed off");
    return `${handed} handoffs; ${shared}; ${load.whole()}`;
  });
  await check("a rolling restart: another comes before each goes", async () => {
    for (let at = 0; at < EACH; at++) {
      await Promise.all([at, EACH + at].map(async (place) => {
        const old = all[place];
        const { role } = places[place] ?? { role: "decode" };
        all[place] = await serve(role, at, 1);
        await old?.terminate();
        await old?.finish();
      }));
    }
    return `${await scene.becomes(idsOf(all))}; ${await evenAgain()}; ${load.whole()}`;
  });
  await check("a rolling restart in place: each goes before it comes again", async () => {
    for (let at = 0; at < EACH; at++) {
      await Promise.all([at, EACH + at].map(async (place) => {
        const { role } = places[place] ?? { role: "decode" };
        await all[place]?.terminate();
        await all[place]?.finish();
        all[place] = await serve(role, at, 1);
      }));
    }
    return `${await scene.becomes(idsOf(all))}; ${await evenAgain()}; ${load.whole()}`;
  });
  await check("an engine of each role dies, and begins anew in its pod", async () => {
    const killed = [all[0], all[EACH]].filter((pod) => pod !== undefined);
    const running = killed.reduce((sum, pod) => sum + pod.running, 0);
    await Promise.all(killed.map((pod) => pod.restart()));
    await Promise.all(killed.map((pod) => pod.tell({ ready: true })));
    return `${await evenAgain()}; ${load.whole(running)}, ${running} were on them`;
  });
}
