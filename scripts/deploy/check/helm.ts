/** Helm, built once in a cache folder from its Go module. @module */
import { run } from "../../real/process.ts";
import { CHART } from "./chart.ts";

const VERSION = "3.22.0";

/** Of the API server that manifests are made for: helm knows it by itself where it is asked to install. */
const KUBERNETES = "1.34.4";

const NO_GO = `Cannot find Go, which helm ${VERSION} is built with: unpack a release of Go into ` +
  "/usr/local/go, or put a helm 3 into PATH";

/** Helm that can be started. */
export class Helm {
  readonly #command: string;
  /** As it says. */
  readonly version: string;

  constructor(command: string, version: string) {
    this.#command = command;
    this.version = version;
  }

  /** Every complaint about the chart with these values. Rejects where there is a serious one. */
  lint(args: readonly string[]): Promise<string> {
    return run(this.#command, ["lint", "--strict", "--kube-version", KUBERNETES, CHART, ...args]);
  }

  /** What it makes of the chart for the release `pd`. Rejects with what is wrong with the values. */
  template(args: readonly string[]): Promise<string> {
    return run(this.#command, ["template", "pd", CHART, "--kube-version", KUBERNETES, ...args]);
  }

  /** The chart as one file in `folder`; its path. */
  async package(folder: string): Promise<string> {
    const said = await run(this.#command, ["package", CHART, "--destination", folder]);
    return said.trim().split(" ").at(-1) ?? "";
  }
}

/** Find helm in PATH or in `cache`, or build it there. */
export async function prepareHelm(cache: string, print: (line: string) => void): Promise<Helm> {
  const own = `${cache}/helm-${VERSION}/helm`;
  for (const command of ["helm", own]) {
    const version = await versionOf(command);
    if (version !== undefined) return new Helm(command, version);
  }
  print(`Building helm ${VERSION} in ${cache}, some minutes ...`);
  await build(own.replace(/\/helm$/, ""));
  const version = await versionOf(own);
  if (version === undefined) throw new Error(`Cannot use the helm that was built: ${own}`);
  return new Helm(own, version);
}

async function build(folder: string): Promise<void> {
  const env = { GOBIN: folder, CGO_ENABLED: "0", GOTOOLCHAIN: "local" };
  for (const go of ["go", "/usr/local/go/bin/go"]) {
    try {
      await run(go, ["install", "-ldflags", "-s -w", `helm.sh/helm/v3/cmd/helm@v${VERSION}`], env);
      return;
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }
  throw new Error(NO_GO);
}

async function versionOf(command: string): Promise<string | undefined> {
  try {
    return (await run(command, ["version", "--short"])).trim();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}
