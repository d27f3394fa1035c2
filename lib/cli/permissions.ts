/** Which of Deno's permissions a configuration needs, as arguments of `deno run`. @module */
import {
  CLUSTER_VARIABLES,
  clusterAddress,
  type ConfigResult,
  moduleName,
  type RouterConfig,
  SERVICE_ACCOUNT_FOLDER,
  type Setting,
  VARIABLE_PATTERNS,
} from "../config/mod.ts";
import { RESOLV_CONF } from "../dns/mod.ts";
import { listenHost } from "../zmq/mod.ts";

/** A descriptor that is held back is one of the null device. */
const ALWAYS_READ = "/dev/null";

/**
 * The least that a router with this configuration can be started with. Of one that is not right, what
 * can be told: it names no addresses then, and needs all of them.
 */
export function neededPermissions(result: ConfigResult): readonly string[] {
  const variables = [...VARIABLE_PATTERNS];
  const addresses = result.ok && !isWatched(result) ? addressesOf(result.config) : undefined;
  const inCluster = isInCluster(result);
  if (inCluster) variables.push(...CLUSTER_VARIABLES);
  return [
    addresses === undefined ? "--allow-net" : `--allow-net=${addresses.join(",")}`,
    readFlag([
      ALWAYS_READ,
      ...(asksSystemServers(result) ? [RESOLV_CONF] : []),
      ...filesOf(result),
      ...foldersOf(result),
      ...(inCluster ? [SERVICE_ACCOUNT_FOLDER] : []),
    ]),
    ...writeFlag([...foldersOf(result), ...logsOf(result)]),
    `--allow-env=${variables.join(",")}`,
    ...(needsAddon(result) ? ["--allow-ffi"] : []),
    ...(startsWorkers(result) ? ["--allow-run"] : []),
  ];
}

/** Whether the system's file says which DNS servers are asked. */
function asksSystemServers(result: ConfigResult): boolean {
  return result.ok && result.config.discovery.dns?.servers.length === 0;
}

/** Files that are read again may name other engines. */
const NAMING_ENGINES: ReadonlySet<string> = new Set([
  "config",
  "dynamic-config-yaml",
  "dynamic-config-json",
  "external-providers-config",
]);

function isWatched({ config, settings }: Extract<ConfigResult, { readonly ok: true }>): boolean {
  return config.reload !== undefined &&
    settings.some(({ flag: { name }, value }) => NAMING_ENGINES.has(name) && value !== undefined);
}

/** Deno has no way to name a path with a comma. */
function readFlag(paths: readonly string[]): string {
  return paths.some((path) => path.includes(",")) ? "--allow-read" : `--allow-read=${paths.join()}`;
}

/** The same; nothing is written where nothing is named. */
function writeFlag(paths: readonly string[]): readonly string[] {
  if (paths.length === 0) return [];
  return [
    paths.some((path) => path.includes(",")) ? "--allow-write" : `--allow-write=${paths.join()}`,
  ];
}

/** What lines are appended to. */
function logsOf(result: ConfigResult): readonly string[] {
  const file = result.ok ? result.config.observe.accessFile : undefined;
  return file === undefined ? [] : [file];
}

function filesOf({ settings }: ConfigResult): readonly string[] {
  return settings.flatMap(({ flag, value }) =>
    typeof value === "string" && value !== "" ? pathsOf(flag.type, value) : []
  );
}

/** Where files are kept. */
function foldersOf(result: ConfigResult): readonly string[] {
  return result.ok && result.config.batches !== undefined ? [result.config.batches.folder] : [];
}

/** A module may import others beside it. */
function pathsOf(type: Setting["flag"]["type"], value: string): readonly string[] {
  if (type === "file") return [value];
  const named = type === "module" ? moduleName(value) : undefined;
  if (named === undefined) return [];
  const end = named.file.lastIndexOf("/");
  return [end < 0 ? "." : named.file.slice(0, end) || "/"];
}

function needsAddon({ settings }: ConfigResult): boolean {
  return settings.some(({ flag, value }) =>
    flag.name === "nixl-proxy-socket" && value === "zeromq"
  );
}

/** Whether it starts others like it: whoever starts it knows its path. */
function startsWorkers(result: ConfigResult): boolean {
  return result.ok && result.config.workers !== undefined;
}

/** Whether the API server of the cluster around it is asked, as its service account. */
function isInCluster({ settings }: ConfigResult): boolean {
  const valueOf = (name: string): Setting["value"] =>
    settings.find(({ flag }) => flag.name === name)?.value;
  return valueOf("service-discovery") === "k8s" && valueOf("k8s-api-server") === undefined;
}

/** Where it listens, and its engines; undefined where they are found, at whatever addresses. */
function addressesOf(config: RouterConfig): readonly string[] | undefined {
  const { admin, listen, handoff, engines, external = [], discovery, cluster, tracing } = config;
  const { kubernetes, dns } = discovery;
  if (kubernetes !== undefined || dns !== undefined || admin !== undefined) return undefined;
  const addresses = [addressText(listen.host, listen.port)];
  if (handoff.kind === "lmcache") {
    addresses.push(addressText(listenHost(handoff.proxy.host), handoff.proxy.port));
  }
  if (cluster !== undefined) addresses.push(clusterAddress(cluster));
  const collector = tracing === undefined ? [] : [{ url: tracing.endpoint.origin }];
  for (const { url } of [...engines, ...external, ...collector]) {
    const { hostname, port, protocol } = new URL(url);
    addresses.push(
      addressText(hostname, port === "" ? DEFAULT_PORTS[protocol] ?? 0 : Number(port)),
    );
  }
  return [...new Set(addresses)];
}

const DEFAULT_PORTS: Readonly<Record<string, number>> = { "http:": 80, "https:": 443 };

/** Port 0, for any free one, cannot be named: the host stands for all of its ports. */
function addressText(host: string, port: number): string {
  const name = host.includes(":") && !host.startsWith("[") ? `[${host}]` : host;
  return port === 0 ? name : `${name}:${port}`;
}
