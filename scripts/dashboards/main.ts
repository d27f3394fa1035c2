/**
 * `deno task real:dashboards [PROGRAM]`: has a real Prometheus scrape routers and simulated engines,
 * and asks it what the panels of the router's own dashboard ask, and those of the production-stack
 * router's; then promtool checks and tests the alerts. Exit code 0 when each panel has data, or an
 * explanation why not, and the alerts are right.
 * @module
 */
import { describeError } from "../../lib/base/mod.ts";
import { ALERTS_FILE, checkRules } from "./alerts.ts";
import { MODEL, startFleet } from "./fleet.ts";
import { asked, ROWS } from "./panels.ts";
import { type Prometheus, startPrometheus } from "./prometheus.ts";
import { ABSENCES, filled, QUERIES } from "./queries.ts";
import { startTroubledFleet } from "./troubled_fleet.ts";

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
  await using troubled = await startTroubledFleet();
  const routers = [fleet, troubled].map(({ router }) => `127.0.0.1:${router.address.port}`);
  // The label `endpoint` is what a ServiceMonitor of that project makes of ports' names.
  await using prometheus = await startPrometheus(program, [
    { name: "router", targets: routers, labels: { endpoint: "router-sport" } },
    {
      name: "engines",
      targets: [...fleet.engines, ...troubled.engines].map(({ url }) => new URL(url).host),
      labels: { endpoint: "service-port" },
    },
  ], ALERTS_FILE);
  const stop = new AbortController();
  const asking = Promise.all([fleet, troubled].map((each) => each.ask(stop.signal)));
  const over = new Promise<void>((resolve) => setTimeout(resolve, ASKING_MS));
  await Promise.race([over, asking]);
  const missing = await checkOwn(prometheus) + await checkPeer(prometheus);
  const wrong = await checkAlerts(prometheus);
  stop.abort();
  const requests = (await asking).reduce((sum, count) => sum + count, 0);
  print(`\n${requests} requests; ${missing} panels without data that should have some`);
  print(await checkRules(program));
  return missing + wrong === 0 ? 0 : 1;
}

/** How many alerts could not be evaluated; prints those that are active. */
async function checkAlerts(prometheus: Prometheus): Promise<number> {
  const alerts = await prometheus.alerts();
  const wrong = alerts.filter(({ health }) => health !== "ok");
  const active = alerts.filter(({ state }) => state !== "inactive").map(({ name }) => name);
  print(`\n${alerts.length} alerts evaluated; active: ${active.join(", ")}`);
  for (const { name, health } of wrong) print(`  ${name}: ${health}`);
  return alerts.length === 0 ? 1 : wrong.length;
}

/** How many lines of the router's own dashboard have no data. */
async function checkOwn(prometheus: Prometheus): Promise<number> {
  let missing = 0;
  for (const { title, panels } of ROWS) {
    print(`\npd-router: ${title}`);
    for (const panel of panels) {
      for (const { expr } of panel.lines) {
        const count = await seriesWithData(prometheus, asked(expr, RATE_INTERVAL));
        if (count === 0) missing++;
        print(`  ${told(count).padEnd(10)} ${panel.title}: ${oneLine(expr)}`);
      }
    }
  }
  return missing;
}

/** How many panels of the production-stack router's dashboards have none, and should. */
async function checkPeer(prometheus: Prometheus): Promise<number> {
  let missing = 0;
  for (const [dashboard, queries] of Object.entries(QUERIES)) {
    print(`\n${dashboard}`);
    for (const { expr, absent } of queries) {
      const count = await seriesWithData(prometheus, filled(expr, MODEL, RATE_INTERVAL));
      if (count === 0 && absent === undefined) missing++;
      const why = count === 0 && absent !== undefined ? `  (${ABSENCES[absent]})` : "";
      const said = why === "" ? told(count) : "none";
      print(`  ${said.padEnd(10)} ${oneLine(expr)}${why}`);
    }
  }
  return missing;
}

async function seriesWithData(prometheus: Prometheus, expr: string): Promise<number> {
  return (await prometheus.query(expr)).filter((value) => Number.isFinite(value)).length;
}

function told(count: number): string {
  return count > 0 ? `${count} series` : "NOTHING";
}

function oneLine(expr: string): string {
  return expr.replaceAll(/\s+/g, " ");
}

function print(line: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(`${line}\n`));
}

if (import.meta.main) Deno.exit(await main(Deno.args));
