/** One etcd and one kube-apiserver on loopback, with nothing of an earlier run. @module */
import { makeAuthority } from "../../../tests/support/authority.ts";
import { freePort } from "../../../tests/support/cluster.ts";
import { must } from "../check.ts";
import { type Processes, type Running, until } from "../process.ts";
import type { Servers } from "./build.ts";
import { KubernetesClient } from "./client.ts";

const START_MS = 90_000;

/** Cluster addresses of services: of loopback, so that simulated engines can have them. */
const SERVICE_RANGE = "127.96.0.0/16";

/** Who may do everything. */
const ADMIN_TOKEN = "administrator";

/** What runs. */
export interface ControlPlane extends AsyncDisposable {
  /** `https://127.0.0.1:port`. */
  readonly url: string;
  /** The file of the certificate that signed the API server's. */
  readonly caFile: string;
  /** May do everything. */
  readonly admin: KubernetesClient;
  /** May do what the holder of `token` may. */
  clientOf(token: string): KubernetesClient;
  /** Kill the API server, as if its machine had gone. */
  killApi(): Promise<void>;
  /** Start it again; resolves when it is ready. */
  startApi(): Promise<void>;
  /** Have etcd forget everything but how things are at this moment. */
  compact(): Promise<void>;
}

/** Start both. State and certificates are in `folder`, which is theirs alone. */
export async function startControlPlane(
  { etcd, apiServer }: Servers,
  { processes, folder, logs }: {
    readonly processes: Processes;
    readonly folder: string;
    readonly logs: string;
  },
): Promise<ControlPlane> {
  const path = (name: string): string => `${folder}/${name}`;
  await using authority = await makeAuthority("kubernetes");
  const [serving, signing] = [await authority.issue(), await authority.issue()];
  await Promise.all(
    Object.entries({
      "ca.pem": authority.ca,
      "serving.pem": serving.cert,
      "serving.key": serving.key,
      "signing.pem": signing.cert,
      "signing.key": signing.key,
      "tokens.csv": `${ADMIN_TOKEN},administrator,1,"system:masters"\n`,
    }).map(([name, text]) => Deno.writeTextFile(path(name), text, { mode: 0o600 })),
  );
  const [etcdUrl, peerUrl] = [freePort(), freePort()].map((port) => `http://127.0.0.1:${port}`);
  must(etcdUrl !== undefined && peerUrl !== undefined, "no free port");
  const port = freePort();
  const url = `https://127.0.0.1:${port}`;
  const clientOf = (token: string): KubernetesClient =>
    new KubernetesClient(url, token, authority.ca);
  await using stack = new AsyncDisposableStack();
  const admin = stack.use(clientOf(ADMIN_TOKEN));

  await processes.start({
    name: "etcd",
    command: etcd,
    args: [
      ...["--data-dir", path("data"), "--unsafe-no-fsync", "--log-level", "warn"],
      ...["--listen-client-urls", etcdUrl, "--advertise-client-urls", etcdUrl],
      ...["--listen-peer-urls", peerUrl, "--initial-advertise-peer-urls", peerUrl],
      ...["--initial-cluster", `default=${peerUrl}`],
    ],
    log: `${logs}/etcd.log`,
  }).serving(`${etcdUrl}/health`, START_MS);

  let starts = 0;
  let api: Running | undefined;
  const startApi = async (): Promise<void> => {
    const log = `${logs}/kube-apiserver-${++starts}.log`;
    const running = processes.start({
      name: "kube-apiserver",
      command: apiServer,
      args: [
        ...["--etcd-servers", etcdUrl, "--bind-address", "127.0.0.1"],
        ...["--secure-port", String(port), "--advertise-address", "127.0.0.1"],
        ...["--tls-cert-file", path("serving.pem")],
        ...["--tls-private-key-file", path("serving.key")],
        ...["--service-account-key-file", path("signing.pem")],
        ...["--service-account-signing-key-file", path("signing.key")],
        ...["--service-account-issuer", "https://kubernetes.default.svc"],
        ...["--token-auth-file", path("tokens.csv"), "--authorization-mode", "RBAC"],
        ...["--service-cluster-ip-range", SERVICE_RANGE, "--endpoint-reconciler-type", "none"],
        // Pods need no account of their own, which a controller would have to make.
        ...["--disable-admission-plugins", "ServiceAccount"],
      ],
      log,
    });
    api = running;
    const ready = await until(() => running.ended || admin.ready(), START_MS);
    const lines = (await running.output()).trimEnd().split("\n").slice(-5).join("\n");
    must(ready && !running.ended, `kube-apiserver is not ready: see ${log}\n${lines}`);
  };
  await startApi();
  const parts = stack.move();
  return {
    url,
    caFile: path("ca.pem"),
    admin,
    clientOf,
    startApi,
    killApi: async () => await api?.kill(),
    compact: () => compact(etcdUrl),
    [Symbol.asyncDispose]: () => parts.disposeAsync(),
  };
}

/** By the JSON form of etcd's API; numbers are written as text. */
async function compact(url: string): Promise<void> {
  const ask = async (path: string, body: unknown): Promise<Response> => {
    const response = await fetch(url + path, { method: "POST", body: JSON.stringify(body) });
    must(response.status === 200, `etcd answered ${path} with ${response.status}`);
    return response;
  };
  const { header: { revision } } = await (await ask("/v3/maintenance/status", {})).json();
  await (await ask("/v3/kv/compaction", { revision, physical: true })).body?.cancel();
}
