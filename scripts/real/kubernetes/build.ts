/** kube-apiserver and etcd: built once, in a cache folder, from their Go modules of pinned versions. @module */
import { type GoProgram, prepareGoProgram } from "../go_program.ts";
import { run } from "../process.ts";

const KUBERNETES = "1.34.4";
/** The parts of Kubernetes that are modules of their own: the same release, under 0.x. */
const STAGING = `0${KUBERNETES.slice(1)}`;
const ETCD = "3.6.5";
/** What both ask for. */
const GO = [1, 24] as const;

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

/** What both are built with. */
const TIDIED = { go: GO, tidy: true } as const;

const SERVERS: Readonly<Record<"etcd" | "apiServer", GoProgram>> = {
  etcd: {
    name: "etcd",
    version: ETCD,
    main: mainOf(["os", "go.etcd.io/etcd/server/v3/etcdmain"], "etcdmain.Main(os.Args)"),
    module: () => `require go.etcd.io/etcd/server/v3 v${ETCD}\n`,
    ...TIDIED,
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
    ...TIDIED,
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
    built = await prepareGoProgram(server, folder, print) || built;
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
