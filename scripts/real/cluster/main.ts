/**
 * `deno task real:cluster`: 2 and 4 replicas behind nginx, joined by a real Redis, under load; a replica
 * is killed, the Redis is killed, started again and frozen. Exits with 1 where an answer hangs or is wrong.
 * @module
 */
import { encodeUtf8 } from "../../../lib/base/mod.ts";
import { eventually } from "../../../tests/support/eventually.ts";
import { metricOf } from "../../../tests/support/routers.ts";
import { addedLatency, percentiles } from "./latency.ts";
import { rightTexts, startLoad, type Tally } from "./load.ts";
import { openScene, type Scene } from "./scene.ts";

const CLIENTS = 12;

const print = (text: string): void => {
  const bytes = encodeUtf8(`${text}\n`);
  for (let at = 0; at < bytes.length;) at += Deno.stdout.writeSync(bytes.subarray(at));
};

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** What is done to the scene while the load runs, and for how long it goes on behind it. */
const ACTS: readonly {
  readonly name: string;
  readonly act: (scene: Scene) => void | Promise<void>;
  readonly seconds: number;
  /** Replicas are killed: answers of theirs may be lost. */
  readonly loses?: true;
}[] = [
  { name: "all is well", act: () => {}, seconds: 8 },
  {
    name: "Redis killed, started again after 1 s",
    async act({ redis }) {
      await redis.kill();
      await pause(1_000);
      await redis.restart();
    },
    seconds: 8,
  },
  {
    name: "Redis frozen for 6 s",
    async act({ redis }) {
      redis.freeze();
      await pause(6_000);
      redis.thaw();
    },
    seconds: 8,
  },
  {
    name: "a replica killed",
    act: ({ replicas }) => replicas.at(-1)?.send("SIGKILL"),
    seconds: 15,
    loses: true,
  },
];

function row(name: string, { right, wrong, refused, lost, hung, tookMs }: Tally): string {
  const { p50, p99 } = percentiles(tookMs);
  const codes = [...refused].map(([status, count]) => `${count} x ${status}`).join(", ") || "0";
  return `| ${name} | ${right} | ${wrong} | ${hung} | ${lost} | ${codes} | ${p50.toFixed(0)} | ` +
    `${p99.toFixed(0)} |`;
}

/** Whether nothing happened that may not. */
async function run(count: number): Promise<boolean> {
  await using scene = await openScene(count);
  const right = await rightTexts(scene.single.url);
  let ok = true;
  for (const { name, act, seconds, loses } of ACTS) {
    const load = startLoad(scene.url, right, CLIENTS);
    await pause(1_000);
    await act(scene);
    await pause(seconds * 1_000);
    await load.stop();
    const { tally } = load;
    print(row(`${count} replicas: ${name}`, tally));
    if (tally.wrong + tally.hung > 0 || (tally.lost > 0 && loses !== true)) ok = false;
    if (tally.lost > CLIENTS || tally.right === 0) ok = false;
  }
  const living = scene.replicas.slice(0, -1);
  for (const { url } of living) {
    const heard = async (): Promise<boolean> =>
      await metricOf(url, "pd_router_cluster_replicas") === count - 1;
    await eventually(heard, () => `${url} does not hear all`);
  }
  const notices = "pd_router_cluster_notices_total";
  const told = await Promise.all(
    ["handed_over", "received", "repeated", "expired"].map(async (result) =>
      `${result} ${await scene.sum(`${notices}{result="${result}"}`)}`
    ),
  );
  const { recomputes, staleReads } = scene.misses();
  print(
    `${count} replicas, those that live: ${told.join(", ")}; decode engines computed KV that did ` +
      `not come ${recomputes} times, read it too early ${staleReads} times`,
  );
  return ok && staleReads === 0;
}

async function main(): Promise<number> {
  print("| what | right | wrong | hung | lost | refused | p50 ms | p99 ms |");
  print("|---|---|---|---|---|---|---|---|");
  let ok = true;
  for (const count of [2, 4]) if (!await run(count)) ok = false;
  print("| notifications a second | handed over | p50 ms | p99 ms |");
  print("|---|---|---|---|");
  for (const rate of [100, 1_000, 5_000]) {
    const { count, p50, p99 } = await addedLatency(rate, 5);
    print(`| ${rate} | ${count} | ${p50.toFixed(2)} | ${p99.toFixed(2)} |`);
    if (rate <= 1_000 && p50 >= 1) ok = false;
  }
  print(ok ? "All is as it should be" : "Something is not as it should be");
  return ok ? 0 : 1;
}

Deno.exitCode = await main();
