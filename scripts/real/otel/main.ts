/**
 * `deno task real:otel [--cache DIR] [--only GROUP] [--save]`: the router's traces before OpenTelemetry's
 * own collector.
 *
 * Builds the collector in a cache folder, starts it on loopback, has the program export to it by each way,
 * and reads what it has written. `--save` writes the table to `last_run.json`, from which the page of
 * lib/tracing shows it. What was started is stopped, also when it fails or is interrupted.
 * @module
 */
import { describeError } from "../../../lib/base/mod.ts";
import { makeAuthority } from "../../../tests/support/authority.ts";
import { freePorts } from "../../bench/child.ts";
import { Checks } from "../check.ts";
import { readOptions, type RealOptions } from "../options.ts";
import { Processes } from "../process.ts";
import {
  COLLECTOR,
  type Collector,
  type CollectorPorts,
  prepareCollector,
  startCollector,
} from "./collector.ts";
import { HANDOFFS } from "./handoff_checks.ts";
import { OTEL_RUN, otelMarkdown, type OtelRun } from "./last_run.ts";
import { outageChecks, workerChecks } from "./outage_checks.ts";
import type { OtelScene } from "./scene.ts";
import { vllmChecks } from "./vllm_checks.ts";

const GROUPS: Readonly<Record<string, (scene: OtelScene) => Promise<void>>> = {
  ...HANDOFFS,
  outage: outageChecks,
  workers: workerChecks,
  vllm: vllmChecks,
};

const print = (text: string): void => {
  const bytes = new TextEncoder().encode(`${text}\n`);
  for (let at = 0; at < bytes.length;) at += Deno.stdout.writeSync(bytes.subarray(at));
};

async function real({ cache, only, save }: RealOptions, engineCache: string): Promise<boolean> {
  const program = await prepareCollector(cache, print);
  const folder = await Deno.makeTempDir({ prefix: "pd-router-otel-" });
  await using stack = new AsyncDisposableStack();
  stack.defer(() => Deno.remove(folder, { recursive: true }));
  const processes = stack.use(new Processes());
  const interrupted = (): void =>
    void processes[Symbol.asyncDispose]().finally(() => Deno.exit(130));
  for (const signal of ["SIGINT", "SIGTERM"] as const) Deno.addSignalListener(signal, interrupted);
  const authority = stack.use(await makeAuthority());
  const { cert, key } = await authority.issue();
  const pem = { cert: `${folder}/cert.pem`, key: `${folder}/key.pem` };
  const caFile = `${folder}/ca.pem`;
  await Deno.writeTextFile(pem.cert, cert);
  await Deno.writeTextFile(pem.key, key);
  await Deno.writeTextFile(caFile, authority.ca);
  const [grpc = 0, http = 0, tls = 0] = freePorts(3);
  const ports: CollectorPorts = { grpc, http, tls };
  const started = { processes, folder, ports, pem };
  let collector: Collector = await startCollector(program, started);
  const checks = new Checks(print);
  const scene: OtelScene = {
    ...{ checks, processes, folder, engineCache, ports, caFile, print },
    collector: {
      file: collector.file,
      stop: () => collector.process.stop(),
      start: async () => void (collector = await startCollector(program, started)),
    },
  };
  for (const name of only) {
    try {
      await GROUPS[name]?.(scene);
    } catch (error) {
      await checks.run(name, "the group as a whole", () => Promise.reject(error));
    }
  }
  const run: OtelRun = {
    date: new Date().toISOString().slice(0, 10),
    collector: COLLECTOR.version,
    rows: checks.rows,
  };
  print(`\n${otelMarkdown(run)}`);
  if (save) await Deno.writeTextFile(OTEL_RUN, `${JSON.stringify(run, undefined, 2)}\n`);
  const failed = checks.rows.filter(({ outcome }) => outcome !== "ok").length;
  print(`${checks.rows.length - failed} ok, ${failed} failed`);
  return checks.passed;
}

const home = Deno.env.get("XDG_CACHE_HOME") ?? `${Deno.env.get("HOME") ?? "/tmp"}/.cache`;
const options = readOptions(
  Deno.args,
  Object.keys(GROUPS),
  `${home}/pd-router-otel`,
  "real:otel",
);
if (typeof options === "string") {
  print(options);
  Deno.exit(2);
}
try {
  Deno.exitCode = await real(options, `${home}/pd-router-real`) ? 0 : 1;
} catch (error) {
  print(describeError(error));
  Deno.exitCode = 1;
}
// The signal listeners would keep the process.
Deno.exit();
