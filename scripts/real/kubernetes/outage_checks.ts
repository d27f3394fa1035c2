/** An API server that cannot be asked, in all ways: the fleet stays as it was, and catches up. @module */
import { must } from "../check.ts";
import { pause } from "../process.ts";
import { Load } from "./load.ts";
import { idsOf } from "./shares.ts";
import type { EnginePod } from "./pods.ts";
import { setScene, type Stage, timed } from "./scene.ts";

const GROUP = "outages";
const STREAMS = 100;

/** How long it is watched that the fleet stays, in milliseconds. */
const STILL_MS = 3_000;

/** How long the router has to find a server that is back, in milliseconds. */
const BACK_MS = 40_000;

/** Seconds of a watch: what falls silent is found out by it. */
const WATCH_SECONDS = 10;

/** All checks of one namespace. */
export async function outageChecks(stage: Stage): Promise<void> {
  const { plane } = stage;
  await using scene = await setScene(stage, {
    namespace: GROUP,
    flags: [
      ...["--routing-logic", "roundrobin"],
      ...["--k8s-watcher-timeout-seconds", String(WATCH_SECONDS)],
    ],
  });
  const { pods, wire, account } = scene;
  let all: readonly EnginePod[] = await Promise.all(
    [1, 2, 3, 4].map((at) => pods.serving({ name: `vllm-${at}`, address: `127.0.2.${at}` })),
  );
  let made = 4;
  await scene.becomes(idsOf(all));
  await using load = new Load(scene.router.url, STREAMS);
  await load.begun();
  const check = (name: string, run: () => Promise<string>): Promise<void> =>
    stage.checks.run(GROUP, name, async () => `${await run()}; ${load.whole()}`);
  /** The fleet stays, whatever befalls the server. */
  const stays = async (): Promise<void> => {
    const until = performance.now() + STILL_MS;
    while (performance.now() < until) {
      const seen = [...(await scene.engines()).keys()].sort();
      must(seen.join() === [...idsOf(all)].sort().join(), `engines are ${seen.join(" ")}`);
      await pause(200);
    }
  };
  /** One pod goes and one comes, which nobody can tell the router of until it asks. */
  const change = async (): Promise<void> => {
    const [old, ...others] = all;
    must(old !== undefined, "no pod");
    const next = await pods.serving({ name: `vllm-${++made}`, address: `127.0.2.${made}` });
    await old.remove();
    all = [...others, next];
    leaving.push(old);
  };
  const leaving: EnginePod[] = [];
  const caughtUp = async (): Promise<string> => {
    const took = await scene.becomes(idsOf(all), BACK_MS);
    await told(/^$/);
    for (const pod of leaving.splice(0)) {
      await timed(() => pod.running === 0, () => `${pod.id} has streams`, BACK_MS);
      await pod.kill();
    }
    return `caught up after ${took}`;
  };

  const listed = (): Promise<number> => scene.router.metric("pd_router_discovery_lists_total");
  /** What `/health` tells of the source; "" where it can look. */
  const ailment = async (): Promise<string> => {
    const { discovery = {} } = await (await fetch(`${scene.router.url}/health`)).json();
    return Object.values(discovery).join("; ");
  };
  const told = async (pattern: RegExp): Promise<string> => {
    let said = "";
    const matches = async (): Promise<boolean> => pattern.test(said = await ailment());
    await timed(matches, () => `/health tells ${JSON.stringify(said)}`, BACK_MS);
    return said;
  };

  await check("the API server is killed: the fleet stays, and /health says so", async () => {
    await plane.killApi();
    await stays();
    return await told(/refused|reach/i);
  });
  await check("it is started again: changes are seen", async () => {
    await plane.startApi();
    await change();
    return await caughtUp();
  });
  await check("the network is cut while pods change", async () => {
    wire.cut();
    const said = await unseen(/./);
    wire.mend();
    return `${said}; ${await caughtUp()}`;
  });
  await check(
    "etcd is compacted meanwhile: the watch is told 410, and all is listed anew",
    async () => {
      wire.cut();
      await change();
      await plane.killApi();
      await plane.startApi();
      await change();
      await plane.compact();
      const lists = await listed();
      wire.mend();
      const took = await caughtUp();
      must(await listed() > lists, "nothing was listed anew");
      return took;
    },
  );
  await check("the network falls silent while pods change: that is found out", async () => {
    wire.freeze();
    const said = await unseen(/./);
    wire.mend();
    return `${said}; ${await caughtUp()}`;
  });
  await check("the token is renewed, and the one before holds no more", async () => {
    await account.revoke(await account.renew());
    await forgotten();
    await change();
    return await caughtUp();
  });
  await check("the token holds no more: the fleet stays, and another brings it on", async () => {
    await account.revoke();
    await forgotten();
    const said = await unseen(/401/);
    await account.renew();
    return `${said}; ${await caughtUp()}`;
  });
  await check("the rights are taken away and given back", async () => {
    const give = await account.takeRights();
    askAnew();
    const said = await unseen(/403/);
    await give();
    return `${said}; ${await caughtUp()}`;
  });

  /** A change that the router is not told of: its fleet stays, and `/health` says why. */
  async function unseen(why: RegExp): Promise<string> {
    const before = all;
    await change();
    const after = all;
    all = before;
    await stays();
    all = after;
    return await told(why);
  }

  /** API servers remember for 10 s that a token is good. */
  async function forgotten(): Promise<void> {
    await pause(11_000);
    askAnew();
  }

  function askAnew(): void {
    wire.cut();
    wire.mend();
  }
}
