/**
 * `deno task bench:discovery [PODS] [ROUNDS]`: what a router takes whose engines are pods that all come
 * and go within a minute, round after round.
 * @module
 */
import { describeError, encodeUtf8 } from "../../../lib/base/mod.ts";
import {
  type KubeObject,
  KubernetesServer,
  podOf,
  statusOf,
} from "../../../tests/support/kubernetes_api/mod.ts";
import { Children, freePorts, pause } from "../child.ts";
import { type ProcessStat, readProcessStat } from "../process_stat.ts";
import { figure, tableText } from "../table.ts";

/** In which all pods come, and in which all go. */
const HALF_MS = 30_000;

/** A real pod has some kilobytes that a router does not look at. */
const BALLAST = "x".repeat(6_000);

interface Row {
  readonly name: string;
  readonly cpuShare: number;
  readonly residentMib: number;
  readonly engines: number;
}

function print(text: string): void {
  Deno.stdout.writeSync(encodeUtf8(`${text}\n`));
}

/** What all engines answer, whatever their address: they share one listener. */
function answer(request: Request): Response {
  return new URL(request.url).pathname === "/v1/models"
    ? Response.json({ object: "list", data: [{ id: "m", object: "model", created: 1 }] })
    : new Response();
}

function addressOf(index: number): string {
  return `127.1.${Math.floor(index / 250)}.${1 + index % 250}`;
}

function podAt(index: number, round: number): KubeObject {
  const pod = podOf({ name: `vllm-${index}`, ready: false, phase: "Pending" });
  const annotations = { "example.com/ballast": BALLAST, "example.com/round": String(round) };
  return { ...pod, metadata: { ...pod.metadata, annotations } };
}

/** Call `act` for each of `count`, spread over `ms`. */
async function spread(count: number, ms: number, act: (index: number) => void): Promise<void> {
  const began = performance.now();
  for (let index = 0; index < count; index++) {
    act(index);
    const due = began + ms * (index + 1) / count;
    if (due - performance.now() > 1) await pause(due - performance.now());
  }
}

async function run(pods: number, rounds: number): Promise<void> {
  await using children = new Children();
  await using server = new KubernetesServer();
  const { store } = server.api;
  await using engines = Deno.serve({ hostname: "0.0.0.0", port: 0, onListen() {} }, answer);
  const [port = 0] = freePorts(1);
  const router = children.start("main.ts", [
    ...["--host", "127.0.0.1", "--port", port, "--routing-logic", "roundrobin"],
    ...["--service-discovery", "k8s", "--k8s-api-server", server.url],
    ...["--k8s-label-selector", "app=vllm", "--k8s-port", engines.addr.port],
    ...["--log-level", "error"],
  ]);
  await router.serving(port, "/version");
  await pause(2_000);
  const rows: Row[] = [];
  let before: ProcessStat = readProcessStat(router.pid);
  const note = async (name: string, ms: number): Promise<void> => {
    const stat = readProcessStat(router.pid);
    const answered = await fetch(`http://127.0.0.1:${port}/engines`);
    rows.push({
      name,
      cpuShare: (stat.cpuSeconds - before.cpuSeconds) * 1000 / ms,
      residentMib: stat.residentBytes / 2 ** 20,
      engines: (await answered.json()).length,
    });
    before = readProcessStat(router.pid);
  };
  for (let round = 1; round <= rounds; round++) {
    await spread(pods, HALF_MS, (index) => {
      const name = `vllm-${index}`;
      store.create("pods", podAt(index, round));
      const write = (ready: boolean): void => {
        const status = statusOf({ name, ip: addressOf(index), ready });
        store.update("pods", name, (pod) => ({ ...pod, status }));
      };
      write(false);
      write(true);
    });
    await note(`round ${round}, they come`, HALF_MS);
    await spread(pods, HALF_MS, (index) => {
      const name = `vllm-${index}`;
      store.update("pods", name, (pod) => ({
        ...pod,
        metadata: { ...pod.metadata, deletionTimestamp: "2026-01-01T00:01:00Z" },
      }));
      store.remove("pods", name);
    });
    await note(`round ${round}, they go`, HALF_MS);
    // The API server of tests keeps what has changed.
    server.api.compact();
  }
  print(tableText([
    { title: `${pods} pods`, text: ({ name }) => name },
    { title: "share of a core", text: ({ cpuShare }) => figure(cpuShare, 2) },
    { title: "MiB resident", text: ({ residentMib }) => figure(residentMib, 0) },
    { title: "engines at its end", text: ({ engines }) => figure(engines, 0) },
  ], rows));
}

const [pods = 1_000, rounds = 3] = Deno.args.map(Number);
try {
  await run(pods, rounds);
} catch (error) {
  print(describeError(error));
  Deno.exitCode = 1;
}
