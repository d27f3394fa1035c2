/** The router's account: the Role that is shipped, no right beside it, and tokens as pods get them. @module */
import { parseAllDocuments } from "yaml";
import { must } from "../check.ts";
import type { ControlPlane } from "./control_plane.ts";
import type { KubernetesObject } from "./client.ts";

/** What a router that finds pods, or Services, is given. */
export type Finds = "pods" | "services";

const DEPLOY = new URL("../../deploy/", import.meta.url);

/** The files that are shipped: of objects of one kind the last counts. */
const FILES: Readonly<Record<Finds, readonly string[]>> = {
  pods: ["kubernetes.yaml"],
  services: ["kubernetes.yaml", "kubernetes_services.yaml"],
};

/** Of what the files have, in the order in which it is made. */
const KINDS = ["ServiceAccount", "Role", "RoleBinding"] as const;

/** Tokens of one account, and the file the router reads them from. */
export class Account {
  readonly #plane: ControlPlane;
  readonly #namespace: string;
  readonly #name: string;
  readonly #binding: KubernetesObject;
  #secrets = 0;
  #secret: KubernetesObject | undefined;
  /** What the router is told. */
  readonly file: string;

  private constructor(
    plane: ControlPlane,
    { namespace, name, binding, file }: {
      readonly namespace: string;
      readonly name: string;
      readonly binding: KubernetesObject;
      readonly file: string;
    },
  ) {
    this.#plane = plane;
    this.#namespace = namespace;
    this.#name = name;
    this.#binding = binding;
    this.file = file;
  }

  /** Apply what is shipped as it is, but for the namespace; the first token is in `file`. */
  static async open(
    plane: ControlPlane,
    { namespace, finds, file }: {
      readonly namespace: string;
      readonly finds: Finds;
      readonly file: string;
    },
  ): Promise<Account> {
    const objects = await shippedRights(namespace, finds);
    for (const kind of KINDS) await plane.admin.create(objects[kind]);
    const { ServiceAccount: { metadata: { name } }, RoleBinding: binding } = objects;
    const opened = new Account(plane, { namespace, name, binding, file });
    await opened.renew();
    return opened;
  }

  /** The token of this moment. */
  async token(): Promise<string> {
    return await Deno.readTextFile(this.file);
  }

  /** Put another token in the place of the one that is there; that goes on to hold. */
  async renew(): Promise<KubernetesObject | undefined> {
    const before = this.#secret;
    const { secret, token } = await this.#issue(this.#name);
    this.#secret = secret;
    // In one step, as a kubelet swaps it.
    await Deno.writeTextFile(`${this.file}.next`, token, { mode: 0o600 });
    await Deno.rename(`${this.file}.next`, this.file);
    return before;
  }

  /** A token of an account beside it, which nothing was given to. */
  async tokenWithoutRights(): Promise<string> {
    const name = `beside-${this.#name}`;
    const metadata = { name, namespace: this.#namespace };
    await this.#plane.admin.create({ apiVersion: "v1", kind: "ServiceAccount", metadata });
    return (await this.#issue(name)).token;
  }

  /** Have a token hold no more: by default the one that is there. */
  async revoke(secret = this.#secret): Promise<void> {
    must(secret !== undefined, "there is no token");
    await this.#plane.admin.delete(secret);
  }

  /** Have the account do nothing any more; what this gives lets it again. */
  async takeRights(): Promise<() => Promise<void>> {
    await this.#plane.admin.delete(this.#binding);
    return async () => void await this.#plane.admin.create(this.#binding);
  }

  /** A token of an account, which holds as long as the secret that comes with it. */
  async #issue(
    account: string,
  ): Promise<{ readonly secret: KubernetesObject; readonly token: string }> {
    const { admin } = this.#plane;
    const metadata = { name: `token-${++this.#secrets}`, namespace: this.#namespace };
    const secret = { apiVersion: "v1", kind: "Secret", metadata };
    await admin.create(secret);
    return { secret, token: await admin.tokenOf(this.#namespace, account, secret) };
  }
}

/** What is shipped, for `namespace`. */
async function shippedRights(
  namespace: string,
  finds: Finds,
): Promise<Readonly<Record<typeof KINDS[number], KubernetesObject>>> {
  const found = new Map<string, KubernetesObject>();
  for (const file of FILES[finds]) {
    for (const document of parseAllDocuments(await Deno.readTextFile(new URL(file, DEPLOY)))) {
      const object = document.toJS();
      found.set(object.kind, { ...object, metadata: { ...object.metadata, namespace } });
    }
  }
  const one = (kind: typeof KINDS[number]): KubernetesObject => {
    const object = found.get(kind);
    must(object !== undefined, `no ${kind} in ${FILES[finds].join(", ")}`);
    return object;
  };
  const [ServiceAccount, Role, binding] = [one("ServiceAccount"), one("Role"), one("RoleBinding")];
  const { name } = ServiceAccount.metadata;
  const subjects = [{ kind: ServiceAccount.kind, name, namespace }];
  return { ServiceAccount, Role, RoleBinding: { ...binding, subjects } };
}
