/**
 * `deno task bench:bystander [--quick] [--only NAME] [--json FILE]`: what attacks on a router do to
 * one stream through it. One run, on this machine.
 * @module
 */
import { parseArgs } from "node:util";
import { type Child, Children, freePorts } from "../child.ts";
import { FAST_MODEL } from "../fast_answers.ts";
import { ATTACKS, ENGINE_FAULTS, type EngineFault, modelOf } from "./attacks.ts";
import { attackTable, problemOf } from "./report.ts";
import { warmRouter } from "./warm.ts";
import { type AttackResult, type BystanderRounds, measureAttack } from "./round.ts";

const root = new URL("../../../", import.meta.url).pathname;
const FULL: BystanderRounds = { rounds: 3, quietMs: 2_000, leastMs: 2_000, mostMs: 5_000 };
const QUICK: BystanderRounds = { ...FULL, rounds: 1 };

function print(text: string): void {
  const bytes = new TextEncoder().encode(`${text}\n`);
  for (let at = 0; at < bytes.length;) at += Deno.stdout.writeSync(bytes.subarray(at));
}

const { values: flags } = parseArgs({
  args: Deno.args,
  options: {
    quick: { type: "boolean", default: false },
    only: { type: "string" },
    json: { type: "string" },
  },
});
const chosen = ATTACKS.filter(({ name }) => flags.only === undefined || name === flags.only);
if (chosen.length === 0) {
  print("Usage: deno task bench:bystander [--quick] [--only NAME] [--json FILE]\nAttacks:");
  for (const { name } of ATTACKS) print(`  ${name}`);
  Deno.exit(2);
}

await using children = new Children();
const faults = Object.keys(ENGINE_FAULTS) as readonly EngineFault[];
const [notifyPort = 0, ...ports] = freePorts(1 + 2 * (1 + faults.length));
/** Engines of a model, each with a port for each leg; the first one is the bystander's. */
const pairs = [undefined, ...faults].map((fault, index) => ({
  fault,
  prefill: ports[2 * index] ?? 0,
  decode: ports[2 * index + 1] ?? 0,
}));
const [good = { prefill: 0, decode: 0 }] = pairs;
const fastPort = good.decode;
const hostilePort = pairs[1]?.decode ?? 0;
const fast = children.start(`${root}scripts/bench/fast_engine.ts`, [
  notifyPort,
  good.prefill,
  good.decode,
]);
const bad = children.start(`${root}scripts/bench/bystander/hostile_engine.ts`, [
  notifyPort,
  ...pairs.flatMap(({ fault, prefill, decode }) =>
    fault === undefined ? [] : [fault, prefill, fault, decode]
  ),
]);
await Promise.all([fast.serving(fastPort, "/v1/models"), bad.serving(hostilePort, "/v1/models")]);

/** A fresh router, warm by ordinary requests: what an attack leaves behind is not the next one's. */
async function startRouter(port: number): Promise<Child> {
  const engines = pairs.flatMap(({ fault, prefill, decode }, index) => {
    const model = fault === undefined ? FAST_MODEL : modelOf(fault);
    // Nobody connects to the ports of a receiver, but each has its own.
    const receiver = `init=${2 * index + 1};alloc=${2 * index + 2}`;
    return [
      ...["--prefill", `http://127.0.0.1:${prefill};model=${model}`],
      ...["--decode", `http://127.0.0.1:${decode};${receiver};model=${model}`],
    ];
  });
  const router = children.start(`${root}main.ts`, [
    ...["--host", "127.0.0.1", "--port", port, "--log-level", "error"],
    ...["--nixl-proxy-host", "127.0.0.1", "--nixl-proxy-port", notifyPort],
    ...engines,
  ]);
  await router.serving(port, "/health");
  await warmRouter(port);
  return router;
}

const rounds = flags.quick ? QUICK : FULL;
print(`${Deno.build.target}, Deno ${Deno.version.deno}; medians of ${rounds.rounds} rounds\n`);
const results: AttackResult[] = [];
for (const attack of chosen) {
  const [port = 0] = freePorts(1);
  const router = await startRouter(port);
  const target = { router, port, enginePort: fastPort, hostilePort };
  const result = await measureAttack(attack, target, rounds);
  await router.stop();
  results.push(result);
  print(`${attack.by}: ${attack.name}: ${problemOf(result) ?? "ok"}`);
}
print(`\n${attackTable(results)}`);
if (flags.json !== undefined) {
  await Deno.writeTextFile(flags.json, `${JSON.stringify(results, undefined, 2)}\n`);
}
