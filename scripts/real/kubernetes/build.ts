/** kube-apiserver and etcd: built once, in a cache folder, from their Go modules of pinned versions. @module */
import { run } from "../process.ts";

const KUBERNETES = "1.34.4";
/** The parts of Kubernetes that are modules of their own: the same release, under 0.x. */
const STAGING = `0${KUBERNETES.slice(1)}`;
const ETCD = "3.6.5";
/** What both ask for. */
const GO = [1, 24] as const;

const NO_GO = `Cannot find Go ${GO.join(".")} or later, which kube-apiserver is built with: ` +
  "unpack a release of Go into /usr/local/go, or on Debian " +
  "apt-get install golang-1.24-go (bookworm-backports, trixie)";

/** Where distributions and Go's own archive put it, beside the search path. */
const GO_COMMANDS = ["go", "/usr/local/go/bin/go", "/usr/lib/go-1.24/bin/go"];

/** Servers that can be started. */
export interface Servers {
  /** The folder both are in. */
  readonly folder: string;
  readonly etcd: string;
  readonly apiServer: string;
  /** Their versions, by name. */
  readonly versions: Readonly<Record<string, string>>;
  /** Milliseconds the build took; 0 where they were there already. */
  readonly tookMs: number;
}

interface Server {
  readonly name: string;
  readonly version: string;
  /** `main.go`. */
  readonly main: string;
  /** `go.mod` of a module `server`. */
  module(go: string): Promise<string>;
  readonly linked: readonly string[];
}

const SERVERS: Readonly<Record<"etcd" | "apiServer", Server>> = {
  etcd: {
    name: "etcd",
    version: ETCD,
    main: mainOf(["os", "go.etcd.io/etcd/server/v3/etcdmain"], "etcdmain.Main(os.Args)"),
    module: () => Promise.resolve(`require go.etcd.io/etcd/server/v3 v${ETCD}\n`),
    linked: [],
  },
  apiServer: {
    name: "kube-apiserver",
    version: KUBERNETES,
    main: mainOf(
      ["os", "k8s.io/component-base/cli", "k8s.io/kubernetes/cmd/kube-apiserver/app"],
      "os.Exit(cli.Run(app.NewAPIServerCommand()))",
    ),
    module: kubernetesModule,
    // Releases are told their version as they are linked.
    linked: Object.entries({
      gitVersion: `v${KUBERNETES}`,
      gitMajor: KUBERNETES.split(".")[0],
      gitMinor: KUBERNETES.split(".")[1],
      gitTreeState: "clean",
    }).map(([name, value]) => `-X k8s.io/component-base/version.${name}=${value}`),
  },
};

/** Build both in `cache`, or find them there. */
export async function prepareServers(
  cache: string,
  print: (line: string) => void,
): Promise<Servers> {
  const startedAt = performance.now();
  const folder = `${cache}/kubernetes-${KUBERNETES}-etcd-${ETCD}`;
  await Deno.mkdir(folder, { recursive: true });
  let built = false;
  for (const server of Object.values(SERVERS)) {
    if (await hasVersion(`${folder}/${server.name}`, server.version)) continue;
    built = true;
    const go = await findGo();
    print(`Building ${server.name} ${server.version} in ${folder} ...`);
    await build(go, server, folder);
    if (!await hasVersion(`${folder}/${server.name}`, server.version)) {
      throw new Error(`Cannot use the ${server.name} that was built: it is not ${server.version}`);
    }
  }
  return {
    folder,
    etcd: `${folder}/${SERVERS.etcd.name}`,
    apiServer: `${folder}/${SERVERS.apiServer.name}`,
    versions: Object.fromEntries(
      Object.values(SERVERS).map(({ name, version }) => [name, version]),
    ),
    tookMs: built ? performance.now() - startedAt : 0,
  };
}

/** Without what is only for debuggers: it would be a third of the file. */
async function build(go: string, server: Server, folder: string): Promise<void> {
  const source = await Deno.makeTempDir({ prefix: "pd-router-build-" });
  try {
    await Deno.writeTextFile(`${source}/main.go`, server.main);
    await Deno.writeTextFile(
      `${source}/go.mod`,
      `module server\n\ngo ${GO.join(".")}.0\n\n${await server.module(go)}`,
    );
    const env = { GOFLAGS: "-mod=mod", CGO_ENABLED: "0", GOTOOLCHAIN: "local" };
    await run(go, ["-C", source, "mod", "tidy"], env);
    const unfinished = `${folder}/${server.name}.part`;
    const flags = ["-s", "-w", ...server.linked].join(" ");
    await run(
      go,
      ["-C", source, "build", "-buildvcs=false", "-ldflags", flags, "-o", unfinished, "."],
      env,
    );
    await Deno.rename(unfinished, `${folder}/${server.name}`);
  } finally {
    await Deno.remove(source, { recursive: true });
  }
}

/** Its own `go.mod` has the parts beside it; published, they have names and versions of their own. */
async function kubernetesModule(go: string): Promise<string> {
  const found = JSON.parse(
    await run(go, ["mod", "download", "-json", `k8s.io/kubernetes@v${KUBERNETES}`]),
  );
  const text = await Deno.readTextFile(found.GoMod);
  const parts = [...text.matchAll(/^\s*(k8s\.io\/\S+) => \.\/staging\/src\/\S+/gm)].map((
    [, name],
  ) => name);
  return [
    `require k8s.io/kubernetes v${KUBERNETES}`,
    `require k8s.io/component-base v${STAGING}`,
    "replace (",
    ...parts.map((part) => `\t${part} => ${part} v${STAGING}`),
    ")",
    "",
  ].join("\n");
}

function mainOf(imports: readonly string[], call: string): string {
  const lines = imports.map((name) => `\t${JSON.stringify(name)}`).join("\n");
  return `package main\n\nimport (\n${lines}\n)\n\nfunc main() { ${call} }\n`;
}

/** The command of a Go that is late enough. */
async function findGo(): Promise<string> {
  for (const command of GO_COMMANDS) {
    const version = await run(command, ["env", "GOVERSION"], { GOTOOLCHAIN: "local" })
      .catch((error: unknown) => String(error));
    const [, major = 0, minor = 0] = /^go(\d+)\.(\d+)/.exec(version) ?? [];
    if (Number(major) > GO[0] || (Number(major) === GO[0] && Number(minor) >= GO[1])) {
      return command;
    }
  }
  throw new Error(NO_GO);
}

async function hasVersion(command: string, version: string): Promise<boolean> {
  try {
    const said = await run(command, ["--version"]);
    return /\d+\.\d+\.\d+/.exec(said)?.[0] === version;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
