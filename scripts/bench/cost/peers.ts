/** Other routers, as they ship: fetched from PyPI into the cache folder, where they can be had. @module */
import { decodeUtf8 } from "../../../lib/base/mod.ts";
import { freePorts } from "../child.ts";
import { cacheFolder } from "./tools.ts";
import { engineUrl, type Way } from "./ways.ts";

/** One of them. */
export interface Peer {
  readonly name: string;
  readonly version: string;
  /** Its ways, where `bin` is the folder of its programs. */
  readonly ways: (bin: string) => readonly Way[];
}

/** All of them, with the versions that were measured. */
export const PEERS: readonly Peer[] = [
  {
    name: "vllm-router",
    version: "0.1.17",
    ways: (bin) => {
      const way = (
        name: string,
        kind: Way["kind"],
        told: (
          all: readonly number[],
          prefill: readonly number[],
          decode: readonly number[],
        ) => readonly string[],
      ): Way => ({
        name,
        kind,
        program: (port, { any, prefill, decode }) => ({
          command: `${bin}/vllm-router`,
          args: [
            ...["--host", "127.0.0.1", "--port", port],
            ...["--policy", "round_robin", "--prometheus-port", freePorts(1)[0] ?? 0],
            ...told(any, prefill, decode),
          ],
          errors: "dropped",
        }),
      });
      return [
        way("vllm-router", "proxy", (all) => ["--worker-urls", ...all.map(engineUrl)]),
        way("vllm-router, nixl", "handoff", (_all, prefill, decode) => [
          "--vllm-pd-disaggregation",
          ...prefill.flatMap((port) => ["--prefill", engineUrl(port)]),
          ...decode.flatMap((port) => ["--decode", engineUrl(port)]),
        ]),
      ];
    },
  },
  {
    name: "smg",
    version: "1.13.0",
    ways: (bin) => [{
      name: "smg",
      kind: "proxy",
      program: (port, { any }) => ({
        command: `${bin}/smg`,
        args: [
          "launch",
          ...["--host", "127.0.0.1", "--port", port],
          ...["--policy", "round_robin", "--prometheus-port", freePorts(1)[0] ?? 0],
          ...["--worker-urls", ...any.map(engineUrl)],
        ],
        errors: "dropped",
      }),
    }],
  },
];

/** A peer that is installed, or why it is not. */
export type Installed = { readonly ways: readonly Way[] } | { readonly missing: string };

/** Install `peer` unless it is there. Never rejects for want of Python or of a registry: tells why. */
export async function installPeer({ name, version, ways }: Peer): Promise<Installed> {
  const home = `${cacheFolder()}/peers/${name}-${version}`;
  if (await run(`${home}/bin/${name}`, ["--help"]) === undefined) {
    return { ways: ways(`${home}/bin`) };
  }
  const failed = await run("python3", ["-m", "venv", "--clear", home]) ??
    await run(`${home}/bin/pip`, ["install", "--quiet", `${name}==${version}`]);
  return failed === undefined ? { ways: ways(`${home}/bin`) } : { missing: failed };
}

/** Undefined where the program has ended well, or else why not. */
async function run(command: string, args: readonly string[]): Promise<string | undefined> {
  try {
    const { success, stderr } = await new Deno.Command(command, {
      args: [...args],
      stdin: "null",
      stdout: "null",
    }).output();
    return success
      ? undefined
      : decodeUtf8(stderr).trim().split("\n").at(-1) ?? `${command} failed`;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return `${command} is missing`;
    throw error;
  }
}
