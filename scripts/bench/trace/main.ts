/**
 * `deno task bench:trace [--seed N] [--requests N] [--routers]`: conversations that share beginnings before 3 prefill
 * and 3 decode engines, and before 8 that do both, in a model of engines on a virtual clock: what
 * policies find in the engines' caches, against turns. With `--routers`, several routers side by side.
 * @module
 */
import { parseArgs } from "node:util";
import { encodeUtf8 } from "../../../lib/base/mod.ts";
import { quantile } from "../figures.ts";
import { figure, tableText } from "../table.ts";
import { type Result, type Scenario, simulate } from "./simulate.ts";

const USAGE = "Usage: deno task bench:trace [--seed N] [--requests N] [--routers]";

/** Fleets, with as many requests a second as turns can serve without a queue that grows. */
const FLEETS = {
  "8 engines": { fleet: { any: 8 }, rate: 7, sessions: 256 },
  "3 prefill, 3 decode": { fleet: { prefill: 3, decode: 3 }, rate: 2.6, sessions: 96 },
} as const;

type Way = Pick<Scenario, "policy" | "kvLag" | "routers" | "toldLag">;

/** How requests are placed; the first is what the others are compared with. */
const WAYS: readonly (readonly [name: string, way: Way])[] = [
  ["roundrobin", { policy: "roundrobin" }],
  ["session", { policy: "session" }],
  ["least_loaded", { policy: "least_loaded" }],
  ["power_of_two", { policy: "power_of_two" }],
  ["prefixaware", { policy: "prefixaware" }],
  ["kvaware, events at once", { policy: "kvaware", kvLag: 0 }],
  ["kvaware, events 1 s late", { policy: "kvaware", kvLag: 1 }],
  ["pair_score", { policy: "pair_score" }],
];

/** Routers side by side, each with an index of its own, or told what the others send where. */
const SIDE_BY_SIDE: readonly (readonly [name: string, way: Way])[] = [
  ["roundrobin", { policy: "roundrobin" }],
  ...[1, 2, 4, 16].flatMap((routers) => [
    [`prefixaware, ${routers} routers`, { policy: "prefixaware", routers }] as const,
    ...(routers === 1 ? [] : [
      [
        `the same, told in 0.1 s`,
        { policy: "prefixaware", routers, toldLag: 0.1 },
      ] as const,
    ]),
  ]),
];

interface Row {
  readonly name: string;
  readonly result: Result;
  readonly than: Result;
}

function print(text: string): void {
  const bytes = encodeUtf8(`${text}\n`);
  for (let at = 0; at < bytes.length;) at += Deno.stdout.writeSync(bytes.subarray(at));
}

function report(title: string, rows: readonly Row[]): string {
  const ttft = (share: number) => ({ result, than }: Row): string =>
    figure(quantile(result.ttft, share) / quantile(than.ttft, share), 2);
  return tableText<Row>([
    { title, text: ({ name }) => name },
    { title: "hit %", text: ({ result }) => figure(100 * result.hits / result.tokens, 1) },
    { title: "hits x", text: ({ result, than }) => figure(result.hits / than.hits, 2) },
    { title: "TTFT p50 ms", text: ({ result }) => figure(1_000 * quantile(result.ttft, 0.5), 0) },
    { title: "p99 ms", text: ({ result }) => figure(1_000 * quantile(result.ttft, 0.99), 0) },
    { title: "p50 x", text: ttft(0.5) },
    { title: "p99 x", text: ttft(0.99) },
    { title: "work max/mean", text: ({ result }) => figure(result.workImbalance, 2) },
    { title: "requests max/mean", text: ({ result }) => figure(result.requestImbalance, 2) },
  ], rows);
}

/** A positive integer. */
function countOf(text: string): number {
  const count = Number(text);
  if (Number.isSafeInteger(count) && count > 0) return count;
  print(USAGE);
  Deno.exit(2);
}

const { values } = parseArgs({
  args: Deno.args,
  options: {
    routers: { type: "boolean", default: false },
    seed: { type: "string", default: "1" },
    requests: { type: "string", default: "6000" },
  },
});
const [seed, requests] = [countOf(values.seed), countOf(values.requests)];
for (const [title, setting] of Object.entries(FLEETS)) {
  const warmUp = Math.floor(requests / 6);
  // One engine alone is no pair.
  const ways = (values.routers ? SIDE_BY_SIDE : WAYS).filter(([, { policy }]) =>
    policy !== "pair_score" || !("any" in setting.fleet)
  );
  const results = ways.map(([, way]) => simulate({ ...setting, ...way, seed, requests, warmUp }));
  const [than] = results;
  if (than === undefined) continue;
  const rows = results.map((result, index) => ({ name: ways[index]?.[0] ?? "", result, than }));
  print(`${report(`${title}, ${setting.rate}/s`, rows)}\n`);
}
