/** OpenTelemetry's collector: built once, and run with a file that it writes what it takes to. @module */
import { type GoProgram, prepareGoProgram } from "../go_program.ts";
import type { Processes, Running } from "../process.ts";
import { until } from "../process.ts";

const VERSION = "0.165.0";
const CORE = "go.opentelemetry.io/collector";
const CONTRIB = "github.com/open-telemetry/opentelemetry-collector-contrib";

const MAIN = `package main

import (
	"os"

	"${CONTRIB}/exporter/fileexporter"
	"${CORE}/component"
	"${CORE}/confmap"
	"${CORE}/confmap/provider/fileprovider"
	"${CORE}/exporter"
	"${CORE}/otelcol"
	"${CORE}/receiver"
	"${CORE}/receiver/otlpreceiver"
	"${CORE}/service/telemetry/otelconftelemetry"
)

func factories() (otelcol.Factories, error) {
	receivers, err := otelcol.MakeFactoryMap[receiver.Factory](otlpreceiver.NewFactory())
	if err != nil {
		return otelcol.Factories{}, err
	}
	exporters, err := otelcol.MakeFactoryMap[exporter.Factory](fileexporter.NewFactory())
	return otelcol.Factories{
		Receivers: receivers,
		Exporters: exporters,
		Telemetry: otelconftelemetry.NewFactory(),
	}, err
}

func main() {
	command := otelcol.NewCommand(otelcol.CollectorSettings{
		BuildInfo: component.BuildInfo{Command: "otelcol", Version: "${VERSION}"},
		Factories: factories,
		ConfigProviderSettings: otelcol.ConfigProviderSettings{
			ResolverSettings: confmap.ResolverSettings{
				DefaultScheme: "file",
				ProviderFactories: []confmap.ProviderFactory{fileprovider.NewFactory()},
			},
		},
	})
	if command.Execute() != nil {
		os.Exit(1)
	}
}
`;

/** The collector with what these runs need of it: OTLP in, a file out. */
export const COLLECTOR: GoProgram = {
  name: "otelcol",
  version: VERSION,
  go: [1, 25],
  main: MAIN,
  module: () =>
    [
      "require (",
      `\t${CONTRIB}/exporter/fileexporter v${VERSION}`,
      ...["otelcol", "receiver/otlpreceiver", "service"].map((part) =>
        `\t${CORE}/${part} v${VERSION}`
      ),
      ")",
      "",
    ].join("\n"),
  // Tests of its modules ask for others that are published later.
  tidy: false,
  linked: [],
};

/** Build the collector in `cache`, or find it there: its path. */
export async function prepareCollector(
  cache: string,
  print: (line: string) => void,
): Promise<string> {
  const folder = `${cache}/collector-${VERSION}`;
  await Deno.mkdir(folder, { recursive: true });
  await prepareGoProgram(COLLECTOR, folder, print);
  return `${folder}/${COLLECTOR.name}`;
}

/** Where it listens. */
export interface CollectorPorts {
  readonly grpc: number;
  readonly http: number;
  /** gRPC by TLS. */
  readonly tls: number;
}

/** A running collector. */
export interface Collector {
  readonly process: Running;
  /** What it writes to: a line of JSON for each batch. */
  readonly file: string;
}

/** Start one with the certificate of `pem`; resolves when it serves. */
export async function startCollector(
  program: string,
  { processes, folder, ports, pem }: {
    readonly processes: Processes;
    readonly folder: string;
    readonly ports: CollectorPorts;
    readonly pem: { readonly cert: string; readonly key: string };
  },
): Promise<Collector> {
  const file = `${folder}/traces.jsonl`;
  const at = (port: number): string => `{ endpoint: "127.0.0.1:${port}" }`;
  const config = `${folder}/collector.yaml`;
  await Deno.writeTextFile(
    config,
    `receivers:
  otlp: { protocols: { grpc: ${at(ports.grpc)}, http: ${at(ports.http)} } }
  otlp/tls:
    protocols:
      grpc:
        endpoint: "127.0.0.1:${ports.tls}"
        tls: { cert_file: "${pem.cert}", key_file: "${pem.key}" }
exporters:
  file: { path: "${file}", append: true, flush_interval: 100ms }
service:
  telemetry: { metrics: { level: none } }
  pipelines:
    traces: { receivers: [otlp, otlp/tls], exporters: [file] }
`,
  );
  const process = processes.start({
    name: "otelcol",
    command: program,
    args: ["--config", `file:${config}`],
    log: `${folder}/otelcol.log`,
  });
  const serves = async (): Promise<boolean> => {
    if (process.ended) throw new Error(`Cannot start the collector: ${await process.output()}`);
    return (await process.output()).includes("Everything is ready");
  };
  if (await until(serves, 30_000)) return { process, file };
  throw new Error(`The collector does not get ready: ${await process.output()}`);
}
