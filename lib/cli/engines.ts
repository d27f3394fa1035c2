/** `pd-router engines`: engines of a running router, by its admin API. @module */
import { describeError, fileErrorText, jsonOf, recordOf, RouterError } from "../base/mod.ts";
import { USUAL_ADMIN } from "../config/mod.ts";
import { AdminClient } from "./engines_client.ts";
import { type EnginesAsk, enginesHelp, KEY_VARIABLE, readEnginesLine } from "./engines_flags.ts";
import { drainLine, engineTable, type ShownEngine, shownEngine } from "./engines_table.ts";
import type { CliPorts } from "./ports.ts";
import { refuse } from "./report.ts";
import { VERSION_LINE } from "./version.ts";

/** Exit code for an engine that is not idle in time. */
const NOT_IDLE = 3;

/** Longest wait that the API is asked for at a time, in seconds: what is in flight is told in between. */
const ROUND_S = 5;

/** One run of the command. */
interface Run extends EnginesAsk {
  readonly ports: CliPorts;
  readonly client: AdminClient;
  readonly json: boolean;
}

/** Run the command; resolves to the exit code, as its help tells. */
export async function runEngines(argv: readonly string[], ports: CliPorts): Promise<number> {
  const line = readEnginesLine(argv);
  switch (line.kind) {
    case "help":
    case "version":
      await ports.stdio.out.print(line.kind === "help" ? enginesHelp() : VERSION_LINE);
      return 0;
    case "wrong":
      return await refuse(line.problems, ports, "pd-router help engines");
    case "ask":
      return await carryOut(line.ask, ports);
    default:
      return line satisfies never;
  }
}

async function carryOut(ask: EnginesAsk, ports: CliPorts): Promise<number> {
  const { flags, verb } = ask;
  const { clock, env } = ports;
  const last = (name: string): string | undefined => flags.get(name)?.at(-1);
  try {
    const ca = last("tls-ca");
    using client = new AdminClient({
      clock,
      url: (last("admin") ?? `http://${USUAL_ADMIN}`).replace(/\/$/, ""),
      // The router's own variable may hold several.
      key: env(KEY_VARIABLE)?.trim().split(/\s+/)[0] || undefined,
      caCerts: ca === undefined ? [] : [await textOf(ca, ports)],
    });
    const run: Run = { ...ask, ports, client, json: flags.has("json") };
    return await ACTIONS[verb](run);
  } catch (error) {
    if (!(error instanceof RouterError)) throw error;
    await ports.stdio.err.print(`pd-router: ${describeError(error)}`);
    return 1;
  }
}

const ACTIONS: Readonly<Record<EnginesAsk["verb"], (run: Run) => Promise<number>>> = {
  list,
  add,
  drain,
  undrain,
  remove,
};

async function list(run: Run): Promise<number> {
  const answer = await run.client.ask("GET", "/admin/engines");
  const { engines, sources } = recordOf(answer) ?? {};
  const ailing = (Array.isArray(sources) ? sources : []).flatMap((source) => {
    const { name, ailment } = recordOf(source) ?? {};
    return typeof ailment === "string" ? [`Source ${name} cannot look: ${ailment}`] : [];
  });
  const shown = (Array.isArray(engines) ? engines : []).map(shownEngine);
  return await print(run, answer, [engineTable(shown), ...ailing].join("\n"));
}

async function add(run: Run): Promise<number> {
  const answer = await run.client.ask("POST", "/admin/engines", { body: await bodyOf(run) });
  const { id, role } = shownEngine(answer);
  return await print(run, answer, `${id}: added, role ${role}`);
}

async function undrain(run: Run): Promise<number> {
  const answer = await run.client.ask("POST", `${pathOf(run)}/undrain`);
  return await print(run, answer, drainLine(shownEngine(answer)));
}

async function drain(run: Run): Promise<number> {
  if (run.flags.has("no-wait")) {
    const answer = await run.client.ask("POST", `${pathOf(run)}/drain`);
    return await print(run, answer, drainLine(shownEngine(answer)));
  }
  const { answer, engine } = await drained(run);
  if (run.json) await run.ports.stdio.out.print(JSON.stringify(answer));
  return isIdle(engine) ? 0 : await notIdle(run, engine);
}

async function remove(run: Run): Promise<number> {
  if (run.flags.has("drain")) {
    const { engine } = await drained(run);
    if (!isIdle(engine)) return await notIdle(run, engine);
  }
  const answer = await run.client.ask("DELETE", pathOf(run));
  const { id, inflight } = shownEngine(answer);
  const left = inflight === 0 ? "" : `; ${inflight} in flight end by themselves`;
  return await print(run, answer, `${id}: removed${left}`);
}

/** Have the engine drained, and tell what is in flight whenever that is another number. */
async function drained(
  run: Run,
): Promise<{ readonly answer: unknown; readonly engine: ShownEngine }> {
  const { client, ports: { clock, stdio }, flags, json } = run;
  const endMs = clock.now() + Number(flags.get("timeout")?.at(-1) ?? 600) * 1000;
  // The first answer tells at once what there is to wait for.
  let seconds = 0;
  let told = "";
  for (;;) {
    const path = `${pathOf(run)}/drain?wait=${seconds}`;
    const answer = await client.ask("POST", path, { waitMs: seconds * 1000 });
    const engine = shownEngine(answer);
    const line = drainLine(engine);
    if (line !== told && !json) await stdio.out.print(line);
    told = line;
    const leftS = (endMs - clock.now()) / 1000;
    if (isIdle(engine) || leftS <= 0) return { answer, engine };
    seconds = Math.min(ROUND_S, Math.ceil(leftS * 1000) / 1000);
  }
}

function isIdle({ state }: ShownEngine): boolean {
  return state === "drained" || state === "gone" || state === "left_out";
}

async function notIdle({ ports }: Run, { id, inflight }: ShownEngine): Promise<number> {
  const text = `pd-router: ${id} still has ${inflight} in flight; it gets nothing new`;
  await ports.stdio.err.print(text);
  return NOT_IDLE;
}

function pathOf({ operand }: EnginesAsk): string {
  return `/admin/engines/${encodeURIComponent(operand)}`;
}

async function print({ json, ports }: Run, answer: unknown, text: string): Promise<number> {
  await ports.stdio.out.print(json ? JSON.stringify(answer) : text);
  return 0;
}

/** The engine that the command line describes; what is wrong with it, the API says. */
async function bodyOf({ operand, flags, ports }: Run): Promise<unknown> {
  const last = (name: string): string | undefined => flags.get(name)?.at(-1);
  const file = last("file");
  const given = file === undefined ? {} : recordOf(jsonOf(await textOf(file, ports)));
  if (given === undefined) throw new RouterError("bad-request", `${file} has no JSON object in it`);
  const portsOf = (name: string): readonly unknown[] | undefined =>
    last(name)?.split(",").map(asNumber);
  const nixl = defined({
    host: last("nixl-host"),
    init_ports: portsOf("init"),
    alloc_ports: portsOf("alloc"),
    query_ports: portsOf("query"),
  });
  const seqs = last("max-num-seqs");
  return {
    ...given,
    url: operand,
    ...defined({
      role: last("role"),
      models: flags.get("model"),
      label: last("label"),
      kv_protocol: last("kv-protocol"),
      max_num_seqs: seqs === undefined ? undefined : asNumber(seqs),
    }),
    ...(Object.keys(nixl).length === 0 ? {} : { nixl: { ...recordOf(given["nixl"]), ...nixl } }),
  };
}

/** A number, where `text` is one: of anything else the API says what is expected. */
function asNumber(text: string): number | string {
  const trimmed = text.trim();
  return /^-?\d+(\.\d+)?$/.test(trimmed) ? Number(trimmed) : trimmed;
}

function defined(fields: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}

async function textOf(
  file: string,
  { readFile, readStdin }: Pick<CliPorts, "readFile" | "readStdin">,
): Promise<string> {
  try {
    return file === "-" ? await readStdin() : readFile(file);
  } catch (error) {
    const name = file === "-" ? "standard input" : file;
    throw new RouterError("bad-request", `Cannot read ${name}: ${fileErrorText(error)}`);
  }
}
