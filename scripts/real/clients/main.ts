/**
 * `deno task real:clients [--cache DIR] [--only CLIENT] [--save]`: HTTP/1.1 clients as they are, before
 * the router.
 *
 * Starts an engine and the router, has each client that is on this machine ask, tells what it ran and
 * what it did not, prints a table, and stops what it has started. Python's and Node's packages are
 * installed in the cache folder. `--save` writes the table to `last_run.json`, from which the page of the
 * fronts shows it.
 * @module
 */
import { describeError } from "../../../lib/base/mod.ts";
import { freePorts } from "../../bench/child.ts";
import { readOptions, type RealOptions } from "../options.ts";
import { Processes } from "../process.ts";
import { startRouter } from "../router.ts";
import { leaver, type Seen } from "./checks.ts";
import { CURL } from "./curl.ts";
import { type ClientEngine, MODEL, startClientEngine } from "./engine.ts";
import { type ClientRun, CLIENTS_RUN, clientsMarkdown, type ClientsRun } from "./last_run.ts";
import { programs } from "./programs.ts";
import { PROXIES } from "./proxies.ts";
import type { Scene, Subject } from "./subject.ts";
import { WRK } from "./wrk.ts";

const SUBJECTS: readonly Subject[] = [CURL, ...programs(), WRK, ...PROXIES];

const print = (text: string): void => {
  const bytes = new TextEncoder().encode(`${text}\n`);
  for (let at = 0; at < bytes.length;) at += Deno.stdout.writeSync(bytes.subarray(at));
};

async function real({ cache, only, save }: RealOptions): Promise<boolean> {
  await Deno.mkdir(cache, { recursive: true });
  const folder = await Deno.makeTempDir({ prefix: "pd-router-clients-" });
  await using stack = new AsyncDisposableStack();
  stack.defer(() => Deno.remove(folder, { recursive: true }));
  const processes = stack.use(new Processes());
  const interrupted = (): void =>
    void processes[Symbol.asyncDispose]().finally(() => Deno.exit(130));
  for (const signal of ["SIGINT", "SIGTERM"] as const) Deno.addSignalListener(signal, interrupted);
  const engine = stack.use(startClientEngine());
  const [port = 0] = freePorts(1);
  const flags = ["--static-backends", engine.url, "--static-models", MODEL];
  const routing = ["--routing-logic", "roundrobin"];
  const { url } = await startRouter(processes, folder, "router", port, [...routing, ...flags]);
  const clients: ClientRun[] = [];
  for (const subject of SUBJECTS.filter(({ name }) => only.includes(name))) {
    clients.push(await lookAt(subject, { url, cache, folder }, engine));
  }
  const run: ClientsRun = { date: new Date().toISOString().slice(0, 10), clients };
  print(`\n${clientsMarkdown(run)}`);
  if (save) await Deno.writeTextFile(CLIENTS_RUN, `${JSON.stringify(run, undefined, 2)}\n`);
  const rows = clients.flatMap(({ rows }) => rows);
  const failed = rows.filter(({ ok }) => !ok).length;
  const absent = clients.filter(({ version }) => version === undefined).map(({ name }) => name);
  const missing = absent.length === 0 ? "" : `; not there: ${absent.join(", ")}`;
  print(`${rows.length - failed} ok, ${failed} failed${missing}`);
  return rows.length > 0 && failed === 0;
}

/** Run one client; the engine has to have seen it leave where it says that it has. */
async function lookAt(subject: Subject, scene: Scene, engine: ClientEngine): Promise<ClientRun> {
  const { name } = subject;
  let version: string;
  try {
    version = await subject.prepare(scene);
  } catch (error) {
    print(`${name}: not run, as it is not there (${firstLine(error)})`);
    return { name, rows: [] };
  }
  print(`${name}: ${version}`);
  const rows: Seen[] = [];
  try {
    for (const seen of await subject.run(scene)) rows.push(await confirmed(seen, name, engine));
  } catch (error) {
    rows.push({ check: "whole", ok: false, seen: describeError(error) });
  }
  for (const { check, ok, seen } of rows) print(`  ${ok ? "ok    " : "failed"} ${check}: ${seen}`);
  return { name, version, rows };
}

async function confirmed(seen: Seen, client: string, engine: ClientEngine): Promise<Seen> {
  const user = leaver(seen.check, client);
  if (user === undefined || !seen.ok) return seen;
  const left = await engine.hasLeft(user);
  return {
    ...seen,
    ok: left,
    seen: `${seen.seen}, ${left ? "and" : "but not"} seen by the engine`,
  };
}

function firstLine(error: unknown): string {
  return describeError(error).split("\n")[0] ?? "";
}

const home = Deno.env.get("XDG_CACHE_HOME") ?? `${Deno.env.get("HOME") ?? "/tmp"}/.cache`;
const names = SUBJECTS.map(({ name }) => name);
const options = readOptions(Deno.args, names, `${home}/pd-router-clients`, "real:clients");
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
// The signal listeners would keep the process.
Deno.exit();
