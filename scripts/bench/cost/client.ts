/** Runs the C load client, and reads what it tells. @module */
import { decodeUtf8 } from "../../../lib/base/mod.ts";
import { placed } from "./cores.ts";

/** Times of one kind, in milliseconds. */
export interface Spread {
  readonly count: number;
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
  readonly max: number;
  readonly mean: number;
}

/** What a load has seen. */
export interface LoadSeen {
  /** From its begin to its last answer. */
  readonly seconds: number;
  readonly begun: number;
  readonly answered: number;
  readonly failed: number;
  /** Events of streams: one for each token, and a few more. */
  readonly events: number;
  /** Bytes of the answers' bodies. */
  readonly bytes: number;
  /** Null where nothing was timed. */
  readonly latency: Spread | null;
  readonly first: Spread | null;
  readonly gap: Spread | null;
  /** Each latency, in the order they ended, where asked for. */
  readonly each?: readonly number[];
  /** What failed first; empty where nothing did. */
  readonly failure: string;
  /** CPU time of the client itself. */
  readonly cpuSeconds: number;
}

/** The arguments of the client but its port (see `c/client.c`): `true` is a flag alone. */
export type LoadAsk = Readonly<Record<string, string | number | true>>;

/** `ask` as words of a command line. */
export function clientArgs(port: number, ask: LoadAsk): readonly string[] {
  return ["--port", String(port)].concat(
    Object.entries(ask).flatMap(([name, value]) =>
      value === true ? [`--${name}`] : [`--${name}`, String(value)]
    ),
  );
}

/** Run one load against `port`. Rejects when the client cannot be run; failed requests are told. */
export async function runClient(path: string, port: number, ask: LoadAsk): Promise<LoadSeen> {
  const { command, args } = placed({ command: path, args: clientArgs(port, ask) }, "load");
  const output = await new Deno.Command(command, { args: args.map(String), stdin: "null" })
    .output();
  if (!output.success) {
    throw new Error(`Cannot run the load client: ${decodeUtf8(output.stderr)}`);
  }
  return JSON.parse(decodeUtf8(output.stdout));
}
