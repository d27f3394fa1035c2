/** Manifests, given to an API server as `kubectl apply --server-side` does. @module */
import { parseAllDocuments } from "yaml";
import { must } from "../../real/check.ts";
import type { KubernetesClient, KubernetesObject } from "../../real/kubernetes/client.ts";

/** Plurals of the kinds that are shipped. */
const PLURALS: Readonly<Record<string, string>> = {
  ConfigMap: "configmaps",
  CustomResourceDefinition: "customresourcedefinitions",
  Deployment: "deployments",
  HorizontalPodAutoscaler: "horizontalpodautoscalers",
  HTTPRoute: "httproutes",
  Ingress: "ingresses",
  NetworkPolicy: "networkpolicies",
  PodDisruptionBudget: "poddisruptionbudgets",
  PrometheusRule: "prometheusrules",
  Role: "roles",
  RoleBinding: "rolebindings",
  ScaledObject: "scaledobjects",
  Secret: "secrets",
  Service: "services",
  ServiceAccount: "serviceaccounts",
  ServiceMonitor: "servicemonitors",
};

/** Kinds of other projects, of which the API server is told the names alone. */
const FOREIGN: readonly (readonly [group: string, version: string, kind: string])[] = [
  ["monitoring.coreos.com", "v1", "ServiceMonitor"],
  ["monitoring.coreos.com", "v1", "PrometheusRule"],
  ["gateway.networking.k8s.io", "v1", "HTTPRoute"],
  ["keda.sh", "v1alpha1", "ScaledObject"],
];

/** How long a new kind may take to be served, in milliseconds. */
export const KINDS_MS = 20_000;

/** The objects of a text of manifests. Throws where one is no YAML, or names a key twice. */
export function objectsIn(text: string): readonly KubernetesObject[] {
  return parseAllDocuments(text).flatMap((document) => {
    const [problem] = document.errors;
    if (problem !== undefined) throw problem;
    const object = document.toJS();
    return object === null ? [] : [object];
  });
}

/** Definitions of the kinds that are no part of Kubernetes. */
export function foreignKinds(): readonly KubernetesObject[] {
  return FOREIGN.map(([group, name, kind]) => {
    const plural = pluralOf(kind);
    return {
      apiVersion: "apiextensions.k8s.io/v1",
      kind: "CustomResourceDefinition",
      metadata: {
        name: `${plural}.${group}`,
        // Without it, groups under k8s.io are refused.
        annotations: { "api-approved.kubernetes.io": "unapproved, for tests" },
      },
      spec: {
        group,
        scope: "Namespaced",
        names: { kind, plural, singular: kind.toLowerCase() },
        versions: [{
          name,
          served: true,
          storage: true,
          schema: {
            openAPIV3Schema: { "type": "object", "x-kubernetes-preserve-unknown-fields": true },
          },
        }],
      },
    };
  });
}

/** Apply one object, for good or to see what would be; no unknown field is let pass. */
export async function apply(
  client: KubernetesClient,
  object: KubernetesObject,
  { isDry }: { readonly isDry: boolean },
): Promise<KubernetesObject> {
  const query = `fieldManager=pd-router-check&fieldValidation=Strict${isDry ? "&dryRun=All" : ""}`;
  const response = await client.send("PATCH", `${pathOf(object)}?${query}`, {
    body: object,
    type: "application/apply-patch+yaml",
  });
  const answer = await response.json();
  const { kind, metadata: { name } } = object;
  must(response.ok, `${kind} ${name}: ${response.status}, ${answer.message}`);
  const warnings = response.headers.get("warning");
  must(warnings === null, `${kind} ${name}: ${warnings}`);
  return answer;
}

function pathOf({ apiVersion, kind, metadata: { name, namespace } }: KubernetesObject): string {
  const group = apiVersion.includes("/") ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
  const within = namespace === undefined ? "" : `/namespaces/${namespace}`;
  return `${group}${within}/${pluralOf(kind)}/${name}`;
}

function pluralOf(kind: string): string {
  const plural = PLURALS[kind];
  must(plural !== undefined, `where is a ${kind}?`);
  return plural;
}
