/** The ways to an engine, and the programs that make them: what is measured stands on one of them. @module */
import { type Child, type Children, freePorts, type Program } from "../child.ts";
import { placed } from "./cores.ts";

/** What handles requests. `direct` is one engine, the others are handoffs. */
export type Route = "direct" | "p1" | "d1" | "nixl";

/** All routes, in the order of tables. */
export const ROUTES: readonly Route[] = ["direct", "p1", "d1", "nixl"];

/** Ports of one engine process. */
export interface EnginePorts {
  readonly any: number;
  readonly prefill: number;
  readonly decode: number;
  /** Where a router waits for notifications. */
  readonly notify: number;
}

/** One way. */
export interface Way {
  readonly name: string;
  /** Where clients ask. */
  readonly port: number;
  /** What serves there; undefined for the engine itself. */
  readonly pid: number | undefined;
}

/** The model that the engine serves. */
export const MODEL = "bench";

/** Start an engine of its own for one router; resolves when it serves. */
export async function startEngine(
  children: Children,
  path: string,
): Promise<EnginePorts & { readonly pid: number }> {
  const [any = 0, prefill = 0, decode = 0, notify = 0] = freePorts(4);
  const program = { command: path, args: [any, `${prefill}:${notify}`, decode] };
  const child = children.spawn(placed(program, "load", navigator.hardwareConcurrency));
  await child.serving(any, "/v1/models");
  return { any, prefill, decode, notify, pid: child.pid };
}

/** Flags of a pd-router for `route` to the engine at `ports`. */
export function routerFlags(route: Route, ports: EnginePorts): readonly (string | number)[] {
  const { any, prefill, decode, notify } = ports;
  if (route === "direct") {
    return [
      "--routing-logic",
      "roundrobin",
      "--static-backends",
      at(any),
      "--static-models",
      MODEL,
    ];
  }
  const pair = (ofDecode: string): readonly string[] => [
    ...["--prefill", `${at(prefill)};model=${MODEL}`],
    ...["--decode", `${at(decode)};model=${MODEL}${ofDecode}`],
  ];
  if (route === "nixl") return ["--kv-protocol", "nixl", ...pair("")];
  return [
    ...["--nixl-proxy-host", "127.0.0.1", "--nixl-proxy-port", notify],
    ...["--nixl-first-token", route === "p1" ? "prefill" : "decode"],
    ...pair(";init=1;alloc=2"),
  ];
}

/** The pd-router of the checkout `tree`, as its `task start` begins it, with `flags`. */
export function routerProgram(
  tree: string,
  port: number,
  flags: readonly (string | number)[],
): Program {
  return {
    command: "sh",
    args: [
      `${tree}/scripts/start.sh`,
      "--host",
      "127.0.0.1",
      "--port",
      port,
      "--log-level",
      "error",
      ...flags,
    ],
  };
}

/** Start the pd-router of `tree` for `route`; resolves when it serves. */
export async function startRouter(
  children: Children,
  tree: string,
  flags: readonly (string | number)[],
): Promise<Child & { readonly port: number }> {
  const [port = 0] = freePorts(1);
  const program = routerProgram(tree, port, flags);
  const child = children.spawn(placed(program, "router", navigator.hardwareConcurrency));
  await child.serving(port, "/ready");
  return Object.assign(child, { port });
}

function at(port: number): string {
  return `http://127.0.0.1:${port}`;
}
