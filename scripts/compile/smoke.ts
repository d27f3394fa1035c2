/**
 * `deno task smoke [FILE]`: whether `dist/pd-router` works where there is nothing else.
 *
 * Copies the file alone into an empty folder and runs it with an empty home and a PATH that has
 * neither Deno nor Node: version, help, a terminal, start-up many times at once, repair of what was
 * unpacked, signals, and one streamed handoff between two simulated engines over each socket for
 * notifications, and by several workers; and a replica that joins a Redis.
 * @module
 */
import { describeError } from "../../lib/base/mod.ts";
import { checkCluster } from "./smoke_cluster.ts";
import { checkHandoff } from "./smoke_handoff.ts";
import { SmokeHost } from "./smoke_host.ts";
import { checkSignals } from "./smoke_signals.ts";
import { checkRepair, checkStarts, checkTerminal, checkTexts } from "./smoke_start.ts";
import { parseProject } from "./project.ts";

const root = new URL("../../", import.meta.url).pathname;
const [file = `${root}dist/pd-router`] = Deno.args;
const { version } = parseProject(await Deno.readTextFile(`${root}deno.json`));

const steps: readonly (readonly [string, (host: SmokeHost) => Promise<string>])[] = [
  ["first start, --version and --help", (host) => checkTexts(host, version)],
  ["--version on a terminal", (host) => checkTerminal(host, version)],
  ["8 first starts at once", (host) => checkStarts(host, version, 8)],
  ["repair of a damaged cache", (host) => checkRepair(host, version)],
  ["a streamed handoff, then SIGTERM", (host) => checkHandoff(host, "builtin")],
  ["signals that end nothing, then SIGQUIT", checkSignals],
  ["a handoff by one of two workers", (host) => checkHandoff(host, "builtin", 2)],
  ["a replica joins its Redis", checkCluster],
  ["a handoff over the addon's socket", (host) => checkHandoff(host, "zeromq")],
];

const print = (line: string): void => {
  Deno.stdout.writeSync(new TextEncoder().encode(`${line}\n`));
};

try {
  await using host = await SmokeHost.create(file);
  for (const [name, step] of steps) {
    const started = performance.now();
    const result = await step(host);
    const seconds = ((performance.now() - started) / 1000).toFixed(1);
    print(`ok ${name}: ${result} (${seconds} s)`);
  }
} catch (error) {
  print(`smoke: ${describeError(error)}`);
  Deno.exitCode = 1;
}
