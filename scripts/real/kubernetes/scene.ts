/** A namespace with pods, and a router that finds them by the API server. @module */
import { freePort } from "../../../tests/support/cluster.ts";
import { type Checks, must } from "../check.ts";
import { type Processes, until } from "../process.ts";
import { type RealRouter, startRouter } from "../router.ts";
import { Account, type Finds } from "./account.ts";
import type { ControlPlane } from "./control_plane.ts";
import { ENGINE_LABELS, Pods } from "./pods.ts";
import { startWire, type Wire } from "./wire.ts";

/** Longest time for a change to be seen, in milliseconds. */
export const SEEN_MS = 5_000;

/** What groups work with. */
export interface Stage {
  readonly plane: ControlPlane;
  readonly processes: Processes;
  readonly checks: Checks;
  /** Folder of logs. */
  readonly logs: string;
}

/** An engine as `/engines` tells it. */
export interface ToldEngine {
  readonly url: string;
  readonly role: string;
  readonly serving_models: readonly string[];
  readonly sleeping?: boolean;
  readonly [field: string]: unknown;
}

/** What a scene is made of. */
export interface Scene extends AsyncDisposable {
  readonly namespace: string;
  readonly account: Account;
  readonly pods: Pods;
  /** Between the router and the API server. */
  readonly wire: Wire;
  readonly router: RealRouter;
  /** What the router's `/engines` tells, by `host:port`. */
  engines(): Promise<ReadonlyMap<string, ToldEngine>>;
  /** Resolves once the router's engines are those of `ids`, and has how long that took. */
  becomes(ids: readonly string[], timeoutMs?: number): Promise<string>;
  /** Resolves once `told` holds for an engine. */
  tells(id: string, told: (engine: ToldEngine) => boolean): Promise<string>;
}

/** How a scene is set. */
export interface SceneOptions {
  readonly namespace: string;
  /** The router's, beside those that name the API server. */
  readonly flags: readonly string[];
  /** @default "pods" */
  readonly finds?: Finds;
  /** A file that only the router sees for the system's file of hosts. */
  readonly hosts?: string;
}

/** Set one. */
export async function setScene(
  { plane, processes, logs }: Stage,
  { namespace, flags, finds = "pods", hosts }: SceneOptions,
): Promise<Scene> {
  await using stack = new AsyncDisposableStack();
  await plane.admin.create({ apiVersion: "v1", kind: "Namespace", metadata: { name: namespace } });
  const file = `${logs}/${namespace}.token`;
  const account = await Account.open(plane, { namespace, finds, file });
  const wire = stack.use(startWire(Number(new URL(plane.url).port)));
  const pods = stack.use(new Pods(plane.admin, namespace, commonPort()));
  const router = await startRouter(processes, logs, `${namespace}-router`, freePort(), [
    ...["--service-discovery", "k8s", "--k8s-namespace", namespace],
    ...["--k8s-api-server", `https://127.0.0.1:${wire.port}`],
    ...["--k8s-ca-file", plane.caFile, "--k8s-token-file", account.file],
    ...["--k8s-port", String(pods.port), "--expose-engines"],
    ...["--k8s-label-selector", Object.entries(ENGINE_LABELS).map((each) => each.join("=")).join()],
    ...flags,
  ], hosts === undefined ? [] : withHosts(hosts));
  stack.defer(() => router.process.stop());
  const engines = async (): Promise<ReadonlyMap<string, ToldEngine>> => {
    const told: readonly ToldEngine[] = await (await fetch(`${router.url}/engines`)).json();
    return new Map(told.map((engine) => [new URL(engine.url).host, engine]));
  };
  const parts = stack.move();
  return {
    namespace,
    account,
    pods,
    wire,
    router,
    engines,
    becomes: async (ids, timeoutMs = SEEN_MS) => {
      const wanted = [...ids].sort().join(" ");
      let seen = "";
      const same = async (): Promise<boolean> => {
        seen = [...(await engines()).keys()].sort().join(" ");
        return seen === wanted;
      };
      return await timed(same, () => `engines are ${seen}, not ${wanted}`, timeoutMs);
    },
    tells: async (id, told) => {
      let seen: ToldEngine | undefined;
      const holds = async (): Promise<boolean> => {
        seen = (await engines()).get(id);
        return seen !== undefined && told(seen);
      };
      return await timed(holds, () => `${id} is ${JSON.stringify(seen)}`, SEEN_MS);
    },
    [Symbol.asyncDispose]: () => parts.disposeAsync(),
  };
}

/** Has a program see `hosts` for the system's: in a view of the file system that is its own. */
function withHosts(hosts: string): readonly string[] {
  const script = 'mount --bind "$0" /etc/hosts && exec "$@"';
  return ["unshare", "--map-root-user", "--mount", "sh", "-c", script, hosts];
}

/** Resolves once `holds`, and has how long that took. */
export async function timed(
  holds: () => boolean | Promise<boolean>,
  explain: () => string,
  timeoutMs: number,
): Promise<string> {
  const startedAt = performance.now();
  must(await until(holds, timeoutMs), `not within ${timeoutMs / 1000} s: ${explain()}`);
  return `${Math.round(performance.now() - startedAt)} ms`;
}

/** A port that is free at every address of loopback. */
function commonPort(): number {
  using listener = Deno.listen({ hostname: "0.0.0.0", port: 0 });
  return listener.addr.port;
}
