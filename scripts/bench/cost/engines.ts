/** The C engine: one process, as many engines as it has ports. @module */
import { type Child, type Children, freePorts } from "../child.ts";
import { placed } from "./cores.ts";

/** The model that it serves. */
export const MODEL = "bench";

/** Ports of one engine process. */
export interface EnginePorts {
  /** Each serves requests as a whole. */
  readonly any: readonly number[];
  /** Half of them each, at least one. */
  readonly prefill: readonly number[];
  readonly decode: readonly number[];
  /** Where prefill engines send notifications. */
  readonly notify: number;
}

/** A running engine process. */
export interface EngineProcess {
  readonly ports: EnginePorts;
  readonly pid: number;
}

/** Start `count` engines at `path` in a process of their own; resolves when they serve. */
export async function startEngines(
  children: Children,
  path: string,
  count = 1,
): Promise<EngineProcess> {
  const [notify = 0, ...all] = freePorts(Math.max(2, count) + 1);
  const half = all.length >> 1;
  const prefill = all.slice(0, half);
  const decode = all.slice(half);
  const args = [...prefill.map((port) => `${port}:${notify}`), ...decode];
  const child: Child = children.spawn(placed({ command: path, args }, "load"));
  await child.serving(all[0] ?? 0, "/v1/models");
  return {
    ports: { any: count === 1 ? decode : all, prefill, decode, notify },
    pid: child.pid,
  };
}

/** Have streams of the engines at `ports` take `intervalUs` microseconds from token to token. */
export async function pace({ any }: EnginePorts, intervalUs: number): Promise<void> {
  const [port] = any;
  const response = await fetch(`http://127.0.0.1:${port}/bench/itl/${intervalUs}`);
  await response.body?.cancel();
  if (response.status !== 200) throw new Error(`Cannot set the pace of the engine at ${port}`);
}
