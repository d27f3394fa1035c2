/**
 * `deno task real:k8s [--cache DIR] [--only GROUP]`: the router before a real Kubernetes API server.
 *
 * Builds kube-apiserver and etcd in a cache folder, starts them on loopback, has a router find
 * simulated engines by the pods and services that are written there, changes and breaks everything
 * while streams run, prints a table, and stops what it has started, also when it fails or is
 * interrupted.
 * @module
 */
import { describeError } from "../../../lib/base/mod.ts";
import { Checks } from "../check.ts";
import { Processes } from "../process.ts";
import { prepareServers } from "./build.ts";
import { startControlPlane } from "./control_plane.ts";
import { type KubernetesRunOptions, readKubernetesOptions } from "./options.ts";
import { handoffChecks } from "./handoff_checks.ts";
import { outageChecks } from "./outage_checks.ts";
import { podChecks } from "./pod_checks.ts";
import type { Stage } from "./scene.ts";
import { serviceChecks } from "./service_checks.ts";
import { thousandChecks } from "./thousand_checks.ts";

const GROUPS: Readonly<Record<string, (stage: Stage) => Promise<void>>> = {
  pods: podChecks,
  services: serviceChecks,
  handoff: handoffChecks,
  thousand: thousandChecks,
  outages: outageChecks,
};

const print = (text: string): void => {
  const bytes = new TextEncoder().encode(`${text}\n`);
  for (let at = 0; at < bytes.length;) at += Deno.stdout.writeSync(bytes.subarray(at));
};

async function real({ cache, only }: KubernetesRunOptions): Promise<boolean> {
  const servers = await prepareServers(cache, print);
  const startedAt = performance.now();
  const versions = Object.entries(servers.versions).map((each) => each.join(" ")).join(", ");
  const built = servers.tookMs === 0
    ? "built before"
    : `built in ${(servers.tookMs / 60_000).toFixed(1)} minutes`;
  print(`${versions}; ${built}`);
  const logs = `${cache}/logs`;
  await Deno.mkdir(logs, { recursive: true });
  const folder = await Deno.makeTempDir({ prefix: "pd-router-kubernetes-" });
  const checks = new Checks(print);
  await using stack = new AsyncDisposableStack();
  stack.defer(() => Deno.remove(folder, { recursive: true }));
  const processes = stack.use(new Processes());
  stack.use(whenInterrupted(async () => {
    await processes[Symbol.asyncDispose]();
    await Deno.remove(folder, { recursive: true });
  }));
  print(`Logs in ${logs}`);
  const plane = stack.use(await startControlPlane(servers, { processes, folder, logs }));
  for (const name of only) {
    try {
      await GROUPS[name]?.({ plane, processes, checks, logs });
    } catch (error) {
      await checks.run(name, "the group as a whole", () => Promise.reject(error));
    }
  }
  const minutes = ((performance.now() - startedAt) / 60_000).toFixed(1);
  const rows = checks.rows.map(({ group, name, outcome }) =>
    `${outcome.padEnd(6)}  ${group.padEnd(9)}  ${name}`
  );
  const failed = checks.rows.filter(({ outcome }) => outcome !== "ok").length;
  print(
    `\n${rows.join("\n")}\n` +
      `${rows.length - failed} ok, ${failed} failed; ${minutes} minutes after the build`,
  );
  return checks.passed;
}

/** Have `stop` run, and the program end, when it is told to. */
function whenInterrupted(stop: () => Promise<void>): Disposable {
  const interrupted = (): void => void stop().finally(() => Deno.exit(130));
  const signals = ["SIGINT", "SIGTERM"] as const;
  for (const signal of signals) Deno.addSignalListener(signal, interrupted);
  return {
    [Symbol.dispose]() {
      for (const signal of signals) Deno.removeSignalListener(signal, interrupted);
    },
  };
}

const home = Deno.env.get("XDG_CACHE_HOME") ?? `${Deno.env.get("HOME") ?? "/tmp"}/.cache`;
const options = readKubernetesOptions(
  Deno.args,
  Object.keys(GROUPS),
  `${home}/pd-router-real-k8s`,
);
if (typeof options === "string") {
  print(options);
  Deno.exit(2);
}
try {
  Deno.exitCode = await real(options) ? 0 : 1;
} catch (error) {
  print(describeError(error));
  Deno.exitCode = 1;
}
