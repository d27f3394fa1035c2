/** What may stand between a client and engines: the programs, and how each is told of the engines. @module */
import { type Child, type Children, freePorts, type Program } from "../child.ts";
import { placed } from "./cores.ts";
import { type EnginePorts, type EngineProcess, MODEL } from "./engines.ts";

/** How pd-router answers: by one engine, or by a handoff. */
export type Route = "direct" | "p1" | "d1" | "nixl";

/** All of them, in the order of tables. */
export const ROUTES: readonly Route[] = ["direct", "nixl", "d1", "p1"];

/** What is measured for what: nothing in between, a proxy to one engine, or a router that hands off. */
export type WayKind = "engine" | "proxy" | "handoff";

/** One way from a client to engines. */
export interface Way {
  readonly name: string;
  readonly kind: WayKind;
  /** The program that serves on `port`; undefined where clients ask the engine itself. */
  readonly program:
    | ((port: number, engines: EnginePorts) => Program | Promise<Program>)
    | undefined;
}

/** A way that is open. */
export interface OpenWay {
  readonly way: Way;
  /** Where clients ask. */
  readonly port: number;
  /** What stands in between; undefined without. */
  readonly pid: number | undefined;
  readonly engines: EngineProcess;
}

/** The engine itself, which all are compared with. */
export const ENGINE: Way = {
  name: "engine itself",
  kind: "engine",
  program: undefined,
};

/** How a pd-router is started: `task start` of a checkout, or a compiled program. */
export type RouterSource = { readonly tree: string } | { readonly program: string };

/** The checkout that this file is part of. */
export const OWN_TREE: string = new URL("../../../", import.meta.url).pathname.replace(/\/$/, "");

const NAMES: Readonly<Record<Route, string>> = {
  direct: "pd-router",
  nixl: "pd-router, nixl",
  d1: "pd-router, D1",
  p1: "pd-router, P1",
};

/**
 * Nobody waits for a seat of an engine: the others that are measured have no bound either, and these
 * engines tell none, so that 64 prompts and 1,024 requests would be under way at a time.
 */
const UNBOUNDED: readonly string[] = [
  "--max-inflight=100000",
  "--max-prefill-inflight=100000",
];

/** pd-router of `source` on `route`, with `flags` besides. It logs as it does unless told otherwise. */
export function pdRouterWay(
  source: RouterSource,
  route: Route,
  flags: readonly string[] = [],
): Way {
  return {
    name: NAMES[route],
    kind: route === "direct" ? "proxy" : "handoff",
    program: (port, engines) => {
      const args = [
        ...["--host", "127.0.0.1", "--port", port],
        ...routeFlags(route, engines),
        ...UNBOUNDED,
        ...flags,
      ];
      return "tree" in source
        ? { command: "sh", args: [`${source.tree}/scripts/start.sh`, ...args], errors: "kept" }
        : { command: source.program, args, errors: "kept" };
    },
  };
}

/** Flags that tell a pd-router of engines, for one route. */
export function routeFlags(route: Route, ports: EnginePorts): readonly (string | number)[] {
  const { any, prefill, decode, notify } = ports;
  if (route === "direct") {
    return [
      ...["--routing-logic", "roundrobin"],
      ...["--static-backends", any.map(engineUrl).join(",")],
      ...["--static-models", any.map(() => MODEL).join(",")],
    ];
  }
  const engines = (ofDecode: (index: number) => string): readonly string[] => [
    ...prefill.flatMap((port) => ["--prefill", `${engineUrl(port)};model=${MODEL}`]),
    ...decode.flatMap((port, index) => [
      "--decode",
      `${engineUrl(port)};model=${MODEL}${ofDecode(index)}`,
    ]),
  ];
  if (route === "nixl") return ["--kv-protocol", "nixl", ...engines(() => "")];
  return [
    ...["--nixl-proxy-host", "127.0.0.1", "--nixl-proxy-port", notify],
    ...["--nixl-first-token", route === "p1" ? "prefill" : "decode"],
    // Nobody connects to these: the engine moves nothing.
    ...engines((index) => `;init=${2 * index + 1};alloc=${2 * index + 2}`),
  ];
}

/** The address of an engine on this machine. */
export function engineUrl(port: number): string {
  return `http://127.0.0.1:${port}`;
}

/** Start what stands on `way` before `engines`; resolves when it serves. */
export async function openWay(
  children: Children,
  way: Way,
  engines: EngineProcess,
): Promise<OpenWay> {
  const [ofEngine = 0] = engines.ports.any;
  if (way.program === undefined) return { way, port: ofEngine, pid: undefined, engines };
  const { port, child } = await beginWay(children, way, engines);
  await serving(child, port);
  return { way, port, pid: child.pid, engines };
}

/**
 * Resolves when a request has been answered through `child`, which listens on `port`: some programs
 * call themselves ready before they know their engines. It is tried every `everyMs` milliseconds.
 */
export async function serving(child: Child, port: number, everyMs = 20): Promise<void> {
  const messages = [{ role: "user", content: "Are you there?" }];
  const body = JSON.stringify({ model: MODEL, messages, max_tokens: 2 });
  await child.serving(port, "/v1/chat/completions", { everyMs, body });
}

/** Start what stands on `way`, and do not wait for it. */
export async function beginWay(
  children: Children,
  way: Way,
  engines: EngineProcess,
): Promise<{ readonly port: number; readonly child: Child }> {
  const [port = 0] = freePorts(1);
  const program = await way.program?.(port, engines.ports);
  if (program === undefined) throw new Error(`Cannot start "${way.name}": there is no program`);
  return { port, child: children.spawn(placed(program, "router")) };
}
