/** A collector that goes and comes back, and several processes that export to it. @module */
import { must } from "../check.ts";
import { until } from "../process.ts";
import { clientTrace, MODEL, type OtelScene, post, spansOf, startPair, taken } from "./scene.ts";

const BODY = { model: MODEL, prompt: "Tell me about the river.", max_tokens: 2 };
const REQUESTS = 20;

/** The collector is stopped, and started again. */
export async function outageChecks(scene: OtelScene): Promise<void> {
  const { checks, collector, ports } = scene;
  const flags = ["--otel-endpoint", `127.0.0.1:${ports.grpc}`];
  await using pair = await startPair(scene, "router-outage", flags);
  const { program } = pair;
  const ask = async (headers: Readonly<Record<string, string>>): Promise<void> => {
    const answer = await post(`${program.url}/v1/completions`, BODY, headers);
    must(answer.status === 200, `status ${answer.status}`);
  };
  const { traceId, headers } = clientTrace();
  await checks.run("outage", "requests are served while the collector is gone", async () => {
    await ask({});
    await collector.stop();
    for (let turn = 0; turn < REQUESTS; turn++) await ask(headers);
    const said = async (): Promise<boolean> =>
      (await program.process.output()).includes("Traces cannot be exported");
    must(await until(said, 20_000), "the log says nothing");
    const lines = (await program.process.output()).match(/Traces cannot be exported/g) ?? [];
    must(lines.length === 1, `the log says so ${lines.length} times`);
    return `${REQUESTS} of ${REQUESTS}; the log says so once`;
  });
  await checks.run("outage", "what waited is taken once it is back", async () => {
    await collector.start();
    const spans = await spansOf(scene, traceId, REQUESTS * 4);
    const said = async (): Promise<boolean> =>
      (await program.process.output()).includes("Traces are exported again");
    must(await until(said, 20_000), "the log says nothing");
    const lost = await program.metric('pd_router_spans_total{result="failed"}') +
      await program.metric('pd_router_spans_total{result="dropped"}');
    must(lost === 0, `${lost} spans lost`);
    return `${spans.length} spans, none lost`;
  });
  await checks.run("outage", "what waits is sent when the router stops", async () => {
    const last = clientTrace();
    await ask(last.headers);
    await program.process.stop();
    return `${(await spansOf(scene, last.traceId, 4)).length} spans`;
  });
}

/** `--workers 2`. */
export async function workerChecks(scene: OtelScene): Promise<void> {
  const { checks, ports } = scene;
  const flags = ["--otel-endpoint", `127.0.0.1:${ports.grpc}`, "--workers", "2"];
  const name = `workers-${crypto.randomUUID().slice(0, 8)}`;
  await using pair = await startPair(scene, "router-workers", [
    ...flags,
    ...["--otel-service-name", name],
  ]);
  await checks.run("workers", "each process exports for itself", async () => {
    const instances = new Set<unknown>();
    let asked = 0;
    const both = await until(async () => {
      for (let turn = 0; turn < 10; turn++, asked++) {
        // The system hands each connection to one of the processes.
        const answer = await post(`${pair.program.url}/v1/completions`, BODY);
        must(answer.status === 200, `status ${answer.status}`);
      }
      for (const { resource } of await taken(scene)) {
        if (resource["service.name"] === name) instances.add(resource["service.instance.id"]);
      }
      return instances.size === 2;
    }, 60_000);
    must(both, `${instances.size} instances after ${asked} requests`);
    return `2 values of service.instance.id in ${asked} requests`;
  });
}
