/** A Prometheus of its own, in a folder that goes with it. @module */
import { recordOf } from "../../lib/base/mod.ts";

/** What is scraped under one name. */
export interface Job {
  readonly name: string;
  /** Host and port of each target. */
  readonly targets: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
}

/** An alert as Prometheus has evaluated it. */
export interface Alert {
  readonly name: string;
  /** `ok`, or what is wrong with its expression. */
  readonly health: string;
  readonly state: "inactive" | "pending" | "firing";
}

/** A Prometheus that runs. */
export interface Prometheus extends AsyncDisposable {
  /** The values of an instant query, numbers or not. Rejects where the query is wrong. */
  query(expr: string): Promise<readonly number[]>;
  /** What has become of its alerts. */
  alerts(): Promise<readonly Alert[]>;
}

/** How long it may take to be ready, and how often it is asked, in milliseconds. */
const READY_MS = 60_000;
const ASK_MS = 100;

/**
 * Start `program`, which scrapes `jobs` and evaluates the alerts of the file `rules` every second;
 * rejects when it does not come up.
 */
export async function startPrometheus(
  program: string,
  jobs: readonly Job[],
  rules: string,
): Promise<Prometheus> {
  await using stack = new AsyncDisposableStack();
  const folder = await Deno.makeTempDir({ prefix: "dashboards-" });
  stack.defer(() => Deno.remove(folder, { recursive: true }));
  await Deno.writeTextFile(`${folder}/prometheus.yml`, configText(jobs, rules));
  const port = freePort();
  const child = new Deno.Command(program, {
    args: [
      `--config.file=${folder}/prometheus.yml`,
      `--storage.tsdb.path=${folder}/data`,
      `--web.listen-address=127.0.0.1:${port}`,
      "--log.level=error",
    ],
    stdout: "null",
    stderr: "inherit",
  }).spawn();
  stack.defer(async () => {
    child.kill("SIGTERM");
    await child.status;
  });
  const url = `http://127.0.0.1:${port}`;
  await ready(url);
  const parts = stack.move();
  return {
    query: (expr) => query(url, expr),
    alerts: () => alerts(url),
    [Symbol.asyncDispose]: () => parts.disposeAsync(),
  };
}

/** JSON is YAML. */
function configText(jobs: readonly Job[], rules: string): string {
  return JSON.stringify({
    global: { scrape_interval: "1s", scrape_timeout: "1s", evaluation_interval: "1s" },
    rule_files: [rules],
    scrape_configs: jobs.map(({ name, targets, labels }) => ({
      job_name: name,
      static_configs: [{ targets, labels }],
    })),
  });
}

async function ready(url: string): Promise<void> {
  const end = performance.now() + READY_MS;
  while (performance.now() < end) {
    const status = await fetch(`${url}/-/ready`).then(async (response) => {
      await response.body?.cancel();
      return response.status;
    }, () => undefined);
    if (status === 200) return;
    await new Promise((resolve) => setTimeout(resolve, ASK_MS));
  }
  throw new Error(`Prometheus was not ready within ${READY_MS / 1000} s`);
}

async function query(url: string, expr: string): Promise<readonly number[]> {
  const response = await fetch(`${url}/api/v1/query?${new URLSearchParams({ query: expr })}`);
  const answer = recordOf(await response.json());
  if (answer?.["status"] !== "success") {
    throw new Error(`Prometheus refuses ${expr}: ${answer?.["error"]}`);
  }
  const result = recordOf(answer["data"])?.["result"];
  if (!Array.isArray(result)) return [];
  return result.map((series) => Number(recordOf(recordOf(series)?.["value"])?.["1"]));
}

async function alerts(url: string): Promise<readonly Alert[]> {
  const { data: { groups } } = await (await fetch(`${url}/api/v1/rules?type=alert`)).json();
  return groups.flatMap(({ rules }: { readonly rules: readonly Alert[] }) =>
    rules.map(({ name, health, state }) => ({ name, health, state }))
  );
}

function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}
