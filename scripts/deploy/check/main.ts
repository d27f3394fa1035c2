/**
 * `deno task real:deploy [--save] [--cache DIR] [--only GROUP]`: whether what is shipped for systemd,
 * containers and Kubernetes is right, by the programs that read it: helm, a real API server, vLLM and
 * LMCache, systemd, and what builds images. Builds helm and the API server in a cache folder, prints a table, and stops
 * what it has started.
 * @module
 */
import { describeError } from "../../../lib/base/mod.ts";
import { Checks } from "../../real/check.ts";
import { Processes } from "../../real/process.ts";
import { clusterChecks } from "./cluster_checks.ts";
import { engineChecks } from "./engine_checks.ts";
import { prepareHelm } from "./helm.ts";
import { helmChecks } from "./helm_checks.ts";
import { imageChecks } from "./image_checks.ts";
import { type DeployOptions, readDeployOptions } from "./options.ts";
import type { Stage } from "./stage.ts";
import { systemdChecks } from "./systemd_checks.ts";

const GROUPS: Readonly<Record<string, (stage: Stage) => Promise<void>>> = {
  helm: helmChecks,
  cluster: clusterChecks,
  engines: engineChecks,
  systemd: systemdChecks,
  image: imageChecks,
};

const print = (text: string): void => {
  const bytes = new TextEncoder().encode(`${text}\n`);
  for (let at = 0; at < bytes.length;) at += Deno.stdout.writeSync(bytes.subarray(at));
};

async function real({ cache, only, save }: DeployOptions): Promise<boolean> {
  const logs = `${cache}/logs`;
  await Deno.mkdir(logs, { recursive: true });
  const helm = await prepareHelm(cache, print);
  const startedAt = performance.now();
  const folder = await Deno.makeTempDir({ prefix: "pd-router-deploy-" });
  const checks = new Checks(print);
  await using stack = new AsyncDisposableStack();
  stack.defer(() => Deno.remove(folder, { recursive: true }));
  const processes = stack.use(new Processes());
  stack.use(whenInterrupted(() => processes[Symbol.asyncDispose]()));
  print(`Logs in ${logs}`);
  for (const name of only) {
    try {
      await GROUPS[name]?.({ checks, processes, helm, cache, folder, logs, save, print });
    } catch (error) {
      await checks.run(name, "the group as a whole", () => Promise.reject(error));
    }
  }
  const rows = checks.rows.map(({ group, name, outcome }) =>
    `${outcome.padEnd(6)}  ${group.padEnd(8)}  ${name}`
  );
  const count = (wanted: string): number =>
    checks.rows.filter(({ outcome }) => outcome === wanted).length;
  const minutes = ((performance.now() - startedAt) / 60_000).toFixed(1);
  print(
    `\n${rows.join("\n")}\n${count("ok")} ok, ${count("limit")} not to be had here, ` +
      `${count("failed")} failed; ${minutes} minutes`,
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
const options = readDeployOptions(Deno.args, Object.keys(GROUPS), `${home}/pd-router-deploy`);
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
