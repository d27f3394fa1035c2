/**
 * `deno task bench:front [--seconds N]`: what a request and an event cost the server of this project
 * and the front of `Deno.serve`, in one run: a process each, the same load on both in turn.
 * @module
 */
import { concatBytes, encodeUtf8 } from "../../lib/base/mod.ts";
import { Children, freePorts } from "./child.ts";
import { EVENTS } from "./front_server.ts";
import { median } from "./figures.ts";
import { runLoad } from "./load.ts";
import { readProcessStat } from "./process_stat.ts";
import { figure, tableText } from "./table.ts";

const ROUNDS = 3;
const WARM_UP_MS = 1_000;
const SERVER = new URL("./front_server.ts", import.meta.url).pathname;

const print = (text: string): void => {
  const bytes = encodeUtf8(`${text}\n`);
  for (let at = 0; at < bytes.length;) at += Deno.stdout.writeSync(bytes.subarray(at));
};

/** One kind of load. */
interface Load {
  readonly name: string;
  readonly target: string;
  readonly connections: number;
  /** Events of each answer; undefined for answers that are no streams. */
  readonly events: number | undefined;
}

const LOADS: readonly Load[] = [
  { name: "requests, 32 connections", target: "/v1/models", connections: 32, events: undefined },
  { name: "events, 256 streams", target: "/events", connections: 256, events: EVENTS },
];

/** A request of 1 KiB and eight fields. */
function requestBytes(target: string): Uint8Array {
  const body = encodeUtf8("y".repeat(1024));
  const head = [
    `POST ${target} HTTP/1.1`,
    "host: 127.0.0.1",
    "accept: */*",
    "accept-encoding: gzip, deflate",
    "authorization: Bearer bench",
    "user-agent: pd-router-bench/1.0 (load)",
    "content-type: application/json",
    "x-request-id: 0123456789abcdef",
    `content-length: ${body.length}`,
    "\r\n",
  ];
  return concatBytes([encodeUtf8(head.join("\r\n")), body]);
}

interface Server {
  readonly name: string;
  readonly port: number;
  readonly pid: number;
}

interface Figures {
  /** Requests, or events. */
  readonly perSecond: number;
  readonly cpuMs: number;
}

async function measure(server: Server, load: Load, durationMs: number): Promise<Figures> {
  const { target, connections, events } = load;
  const before = readProcessStat(server.pid).cpuSeconds;
  const result = await runLoad({
    port: server.port,
    request: requestBytes(target),
    connections,
    durationMs,
    events,
  });
  const cpuMs = (readProcessStat(server.pid).cpuSeconds - before) * 1000;
  return events === undefined
    ? { perSecond: result.requests / result.seconds, cpuMs: cpuMs / result.allRequests }
    : { perSecond: result.events / result.seconds, cpuMs: cpuMs / result.allEvents };
}

async function bench(durationMs: number): Promise<void> {
  await using children = new Children();
  const names = ["ours", "deno"];
  const servers = freePorts(names.length).map((port, index) => {
    const name = names[index] ?? "";
    const child = children.start(SERVER, [name, port]);
    return { name, port, pid: child.pid, child };
  });
  for (const { child, port } of servers) await child.serving(port, "/");
  const rows: { name: string; figures: readonly Figures[] }[] = [];
  for (const load of LOADS) {
    for (const server of servers) await measure(server, load, WARM_UP_MS);
    const all = servers.map((): Figures[] => []);
    for (let round = 0; round < ROUNDS; round++) {
      for (const [index, server] of servers.entries()) {
        all[index]?.push(await measure(server, load, durationMs));
      }
    }
    const figures = all.map((each): Figures => ({
      perSecond: median(each.map(({ perSecond }) => perSecond)),
      cpuMs: median(each.map(({ cpuMs }) => cpuMs)),
    }));
    rows.push({ name: load.name, figures });
  }
  print(tableText([
    { title: "", text: ({ name }) => name },
    { title: "ours/s", text: ({ figures }) => figure(figures[0]?.perSecond ?? NaN, 0) },
    { title: "Deno/s", text: ({ figures }) => figure(figures[1]?.perSecond ?? NaN, 0) },
    { title: "ratio", text: ({ figures }) => ratio(figures[0]?.perSecond, figures[1]?.perSecond) },
    { title: "ours, CPU us", text: ({ figures }) => micro(figures[0]) },
    { title: "Deno, CPU us", text: ({ figures }) => micro(figures[1]) },
    { title: "ratio", text: ({ figures }) => ratio(figures[0]?.cpuMs, figures[1]?.cpuMs) },
  ], rows));
}

function ratio(one = NaN, other = NaN): string {
  return figure(one / other, 2);
}

function micro(figures: Figures | undefined): string {
  return figure((figures?.cpuMs ?? NaN) * 1000, 1);
}

const [flag = "--seconds", value = "3"] = Deno.args;
const seconds = Number(value);
if (flag !== "--seconds" || !(seconds > 0)) {
  print("Usage: deno task bench:front [--seconds N]");
  Deno.exit(2);
}
await bench(seconds * 1000);
Deno.exit();
