/** A thousand pods that come and go within a minute, and what that costs the router. @module */
import { silentLogger, systemClock, systemRandom } from "../../../lib/base/mod.ts";
import { startSimEngine } from "../../../lib/sim/mod.ts";
import { MODEL } from "../../../tests/support/cluster.ts";
import { must } from "../check.ts";
import { pause } from "../process.ts";
import { type Scene, setScene, type Stage } from "./scene.ts";

const GROUP = "thousand";
const PODS = 1_000;

/** Writers at a time. */
const WRITERS = 16;

/** Longest round, in milliseconds. */
const ROUND_MS = 60_000;

/** Most of a core that the router may take. */
const CORE = 0.5;

/** Most that further rounds may leave in memory, in bytes. */
const GROWTH = 16 * 2 ** 20;

/** All checks of one namespace. */
export async function thousandChecks(stage: Stage): Promise<void> {
  await using scene = await setScene(stage, {
    namespace: GROUP,
    flags: ["--routing-logic", "roundrobin"],
  });
  // One that is at every address of loopback.
  await using _engine = await startSimEngine(
    { models: [MODEL], host: "0.0.0.0", port: scene.pods.port },
    { clock: systemClock(), random: systemRandom(), log: silentLogger() },
  );
  await stage.checks.run(GROUP, "1,000 pods come and go", async () => {
    const report = await comeAndGo(scene, stage, 1);
    return `${report}, ${mib(await memoryOf(scene))}`;
  });
  await stage.checks.run(GROUP, "six times more, and memory stays", async () => {
    const bytes: number[] = [];
    for (const round of [2, 3, 4, 5, 6, 7]) {
      await comeAndGo(scene, stage, round);
      bytes.push(await memoryOf(scene));
    }
    // The heap grows to what such a churn takes, and then no more.
    const [before, after] = [bytes.slice(0, 3), bytes.slice(3)];
    const growth = Math.min(...after) - Math.max(...before);
    must(growth < GROWTH, `memory grew: ${bytes.map(mib).join(", ")}`);
    return bytes.map(mib).join(", ");
  });
}

async function comeAndGo(scene: Scene, { plane }: Stage, round: number): Promise<string> {
  const startedAt = performance.now();
  const cpuBefore = await cpuOf(scene);
  const addresses = Array.from({ length: PODS }, (_, at) => `127.1.${at >> 8}.${at & 255}`);
  const writing = addresses.entries();
  const write = async (): Promise<void> => {
    for (const [at, address] of writing) {
      const pod = await scene.pods.create({ name: `vllm-${round}-${at}`, address });
      await pod.tell({ ready: true });
    }
  };
  await Promise.all(Array.from({ length: WRITERS }, write));
  const ids = addresses.map((address) => `${address}:${scene.pods.port}`);
  const seen = await scene.becomes(ids, ROUND_MS);
  const response = await plane.admin.send(
    "DELETE",
    `/api/v1/namespaces/${scene.namespace}/pods?gracePeriodSeconds=0`,
  );
  await response.body?.cancel();
  must(response.status === 200, `the pods cannot be deleted: ${response.status}`);
  const gone = await scene.becomes([], ROUND_MS);
  const seconds = (performance.now() - startedAt) / 1000;
  const share = (await cpuOf(scene) - cpuBefore) / seconds;
  must(1000 * seconds < ROUND_MS, `it took ${seconds.toFixed(0)} s`);
  must(share < CORE, `the router took ${share.toFixed(2)} of a core`);
  await pause(1_000);
  return `all seen ${seen} after the last was written, gone after ${gone}; ` +
    `${seconds.toFixed(0)} s in all, ${share.toFixed(2)} of a core`;
}

/** Seconds of processor time that the router has had (proc(5), in ticks of 10 ms). */
async function cpuOf({ router: { process: { pid } } }: Scene): Promise<number> {
  const text = await Deno.readTextFile(`/proc/${pid}/stat`);
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

/** Bytes that the router has in memory. */
async function memoryOf({ router: { process: { pid } } }: Scene): Promise<number> {
  const text = await Deno.readTextFile(`/proc/${pid}/status`);
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(text)?.[1] ?? 0) * 1024;
}

function mib(bytes: number): string {
  return `${Math.round(bytes / 2 ** 20)} MiB`;
}
