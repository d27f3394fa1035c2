/** Where engines are found in Kubernetes, from settings. @module */
import { CLUSTER_VARIABLES, SERVICE_ACCOUNT_FOLDER } from "./flags_kubernetes.ts";
import type { Problem } from "./problem.ts";
import type { ClusterAccess, KubernetesOptions } from "./discovery_options.ts";
import type { Settings } from "./settings.ts";
import { maskUrls } from "./value.ts";

/** The options, absent where engines are not looked for there or cannot be, and what is wrong. */
export interface KubernetesRead {
  readonly options?: KubernetesOptions;
  readonly problems: readonly Problem[];
}

type Env = (name: string) => string | undefined;

/** Whether engines are looked for in Kubernetes. */
export function isKubernetes(settings: Settings): boolean {
  return settings.optional("service-discovery") === "k8s";
}

/** Read them. */
export function readKubernetes(settings: Settings, env: Env): KubernetesRead {
  if (!isKubernetes(settings)) return { problems: [] };
  const problems: Problem[] = [];
  const wrong = (name: Parameters<Settings["get"]>[0], message: string): void => {
    const { where, text } = settings.get(name);
    problems.push({ key: where, ...(text === "" ? {} : { value: text }), message });
  };
  const selector = settings.text("k8s-label-selector");
  if (selector === "") {
    wrong(
      "k8s-label-selector",
      "required with --service-discovery k8s: without it every pod of the namespace would be an " +
        "engine",
    );
  }
  const namespace = settings.text("k8s-namespace");
  if (!/^[a-z\d]([a-z\d-]{0,61}[a-z\d])?$/.test(namespace)) {
    wrong("k8s-namespace", "expected the name of one namespace");
  }
  const access = accessOf(settings, env);
  if (typeof access === "string") wrong("k8s-api-server", access);
  if (typeof access === "string" || problems.length > 0) return { problems };
  const watchSeconds = settings.number("k8s-watcher-timeout-seconds");
  const options: KubernetesOptions = {
    access,
    namespace,
    selector,
    by: settings.optional("k8s-service-discovery-type") === "service-name" ? "service" : "pod",
    port: settings.number("k8s-port"),
    ...(watchSeconds === 0 ? {} : { watchSeconds }),
  };
  return { options, problems };
}

/** How the API server is reached, or what is wrong with that. */
function accessOf(settings: Settings, env: Env): ClusterAccess | string {
  const given = settings.optional("k8s-api-server");
  const [tokenFile, caFile] = [
    settings.optional("k8s-token-file"),
    settings.optional("k8s-ca-file"),
  ];
  if (given === undefined) {
    const [host, port] = CLUSTER_VARIABLES.map((name) => env(name) ?? "");
    if (host === undefined || host === "" || port === undefined || port === "") {
      return "required outside a cluster (KUBERNETES_SERVICE_HOST is not set): the URL of the API " +
        "server";
    }
    const name = host.includes(":") ? `[${host}]` : host;
    return {
      url: `https://${name}:${port}`,
      tokenFile: tokenFile ?? `${SERVICE_ACCOUNT_FOLDER}/token`,
      caFile: caFile ?? `${SERVICE_ACCOUNT_FOLDER}/ca.crt`,
    };
  }
  const problem = urlProblem(given, tokenFile !== undefined);
  if (problem !== undefined) return problem;
  return {
    url: given.replace(/\/+$/, ""),
    ...(tokenFile === undefined ? {} : { tokenFile }),
    ...(caFile === undefined ? {} : { caFile }),
  };
}

function urlProblem(text: string, isTokenShown: boolean): string | undefined {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol)) return "expected an http or https URL";
  if (url.username !== "" || url.password !== "" || url.search !== "" || url.hash !== "") {
    return "expected a URL without credentials, query or fragment: the token is in --k8s-token-file";
  }
  const isLoopback = /^(localhost|127(\.\d+){3}|\[::1\])$/.test(url.hostname);
  return url.protocol === "http:" && isTokenShown && !isLoopback
    ? `expected https: the token would be readable on the way to ${maskUrls(url.host)}`
    : undefined;
}
