/**
 * `deno task real:dashboards [PROGRAM]`: has a real Prometheus scrape a router and simulated
 * engines, and asks it what the panels of the production-stack router's dashboards ask. Exit code 0 when
 * each has data whose absence is not explained.
 * @module
 */
import { describeError } from "../../lib/base/mod.ts";
import { MODEL, startFleet } from "./fleet.ts";
import { startPrometheus } from "./prometheus.ts";
import { ABSENCES, filled, QUERIES } from "./queries.ts";

/** How long the fleet is asked while it is scraped, in milliseconds. */
const ASKING_MS = 20_000;

/** More than four scrapes, as Grafana takes it. */
const RATE_INTERVAL = "10s";

const HELP = "Usage: deno task real:dashboards [PROGRAM]\n" +
  "PROGRAM is a Prometheus, by default the one in PATH; see scripts/dashboards/README.md";

async function main(args: readonly string[]): Promise<number> {
  const [program = "prometheus", ...more] = args;
  if (program.startsWith("-") || more.length > 0) {
    print(HELP);
    return 2;
  }
  try {
    return await run(program);
  } catch (error) {
    print(describeError(error));
    if (error instanceof Deno.errors.NotFound) print(HELP);
    return 1;
  }
}

async function run(program: string): Promise<number> {
  await using fleet = await startFleet();
  const router = `127.0.0.1:${fleet.router.address.port}`;
  // The label `endpoint` is what a ServiceMonitor of that project makes of ports' names.
  await using prometheus = await startPrometheus(program, [
    { name: "router", targets: [router], labels: { endpoint: "router-sport" } },
    {
      name: "engines",
      targets: fleet.engines.map(({ url }) => new URL(url).host),
      labels: { endpoint: "service-port" },
    },
  ]);
  const stop = new AbortController();
  const asking = fleet.ask(stop.signal);
  const over = new Promise<void>((resolve) => setTimeout(resolve, ASKING_MS));
  await Promise.race([over, asking]);
  let missing = 0;
  for (const [dashboard, queries] of Object.entries(QUERIES)) {
    print(`\n${dashboard}`);
    for (const { expr, absent } of queries) {
      const values = await prometheus.query(filled(expr, MODEL, RATE_INTERVAL));
      const count = values.filter((value) => Number.isFinite(value)).length;
      if (count === 0 && absent === undefined) missing++;
      const said = count > 0 ? `${count} series` : absent === undefined ? "NOTHING" : "none";
      const why = count === 0 && absent !== undefined ? `  (${ABSENCES[absent]})` : "";
      print(`  ${said.padEnd(10)} ${expr.replaceAll(/\s+/g, " ")}${why}`);
    }
  }
  stop.abort();
  print(`\n${await asking} requests; ${missing} panels without data that should have some`);
  return missing === 0 ? 0 : 1;
}

function print(line: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(`${line}\n`));
}

if (import.meta.main) Deno.exit(await main(Deno.args));
