/** A plain client of a Kubernetes API server. @module */
import { must } from "../check.ts";

/** An object as the API has it. */
export interface KubernetesObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly [field: string]: unknown;
  };
  readonly [field: string]: unknown;
}

/** Where objects of a kind are: the path of its group, and the plural. */
const RESOURCES: Readonly<Record<string, readonly [group: string, plural: string]>> = {
  Namespace: ["/api/v1", "namespaces"],
  Pod: ["/api/v1", "pods"],
  Service: ["/api/v1", "services"],
  Secret: ["/api/v1", "secrets"],
  ServiceAccount: ["/api/v1", "serviceaccounts"],
  EndpointSlice: ["/apis/discovery.k8s.io/v1", "endpointslices"],
  Role: ["/apis/rbac.authorization.k8s.io/v1", "roles"],
  RoleBinding: ["/apis/rbac.authorization.k8s.io/v1", "rolebindings"],
};

/** With the rights of one token. */
export class KubernetesClient implements Disposable {
  readonly #url: string;
  readonly #token: string;
  readonly #client: Deno.HttpClient;

  constructor(url: string, token: string, ca: string) {
    this.#url = url;
    this.#token = token;
    this.#client = Deno.createHttpClient({ caCerts: [ca], poolMaxIdlePerHost: 8 });
  }

  /** Any request; `path` with its query. */
  send(
    method: string,
    path: string,
    { body, type = "application/json", signal }: {
      readonly body?: unknown;
      readonly type?: string;
      readonly signal?: AbortSignal;
    } = {},
  ): Promise<Response> {
    return fetch(this.#url + path, {
      method,
      headers: { authorization: `Bearer ${this.#token}`, "content-type": type },
      body: body === undefined ? null : JSON.stringify(body),
      signal: signal ?? null,
      client: this.#client,
    });
  }

  /** Whether the server serves. */
  async ready(): Promise<boolean> {
    try {
      return await (await this.send("GET", "/readyz")).text() === "ok";
    } catch (error) {
      if (error instanceof TypeError) return false; // Nobody listens.
      throw error;
    }
  }

  /** Make an object; gives it as it is then. */
  async create(object: KubernetesObject): Promise<KubernetesObject> {
    return await this.#sendFor("POST", pathOf(object, ""), { body: object });
  }

  /** Change fields of what `object` names. */
  async patch(object: KubernetesObject, change: unknown, part: "" | "/status" = ""): Promise<void> {
    await this.#sendFor("PATCH", pathOf(object) + part, {
      body: change,
      type: "application/merge-patch+json",
    });
  }

  /** Delete it: at once, or so that it ends within `graceSeconds`. */
  async delete(object: KubernetesObject, graceSeconds = 0): Promise<void> {
    await this.#sendFor("DELETE", `${pathOf(object)}?gracePeriodSeconds=${graceSeconds}`);
  }

  /** A token of a service account of `namespace`, which holds as long as the secret it is bound to. */
  async tokenOf(namespace: string, account: string, secret: KubernetesObject): Promise<string> {
    const { status } = await this.#sendFor(
      "POST",
      `/api/v1/namespaces/${namespace}/serviceaccounts/${account}/token`,
      {
        body: {
          apiVersion: "authentication.k8s.io/v1",
          kind: "TokenRequest",
          spec: {
            expirationSeconds: 3_600,
            boundObjectRef: { apiVersion: "v1", kind: "Secret", name: secret.metadata.name },
          },
        },
      },
    ) as { readonly status?: { readonly token?: string } };
    must(status?.token !== undefined, "the answer has no token");
    return status.token;
  }

  [Symbol.dispose](): void {
    this.#client.close();
  }

  async #sendFor(
    method: string,
    path: string,
    how: { readonly body?: unknown; readonly type?: string } = {},
  ): Promise<KubernetesObject> {
    const response = await this.send(method, path, how);
    const answer = await response.json();
    must(response.ok, `${method} ${path} was answered with ${response.status}: ${answer.message}`);
    return answer;
  }
}

function pathOf({ kind, metadata: { name, namespace } }: KubernetesObject, item = name): string {
  const resource = RESOURCES[kind];
  must(resource !== undefined, `where is a ${kind}?`);
  const [group, plural] = resource;
  const within = namespace === undefined ? "" : `/namespaces/${namespace}`;
  return `${group}${within}/${plural}${item === "" ? "" : `/${item}`}`;
}
