/** A real API server, as the scenario asks it and writes to it. @module */
import { must } from "../../check.ts";
import type { Account } from "../account.ts";
import type { KubernetesClient, KubernetesObject } from "../client.ts";
import type { ControlPlane } from "../control_plane.ts";
import type { Answered, Asker, Watched, WatchEvent } from "./exchange.ts";
import { NAMESPACE, type PutPod, type World } from "./scenario.ts";

/** Longest time that a watch may take, in milliseconds. */
const WATCH_MS = 30_000;

/** Pods of `NAMESPACE`; `account` may do what the router may. */
export class RealWorld implements World {
  readonly #plane: ControlPlane;
  readonly #askers: Readonly<Record<Asker, KubernetesClient>>;

  private constructor(plane: ControlPlane, askers: Readonly<Record<Asker, KubernetesClient>>) {
    this.#plane = plane;
    this.#askers = askers;
  }

  /** With clients for all who ask; they are closed with `stack`. */
  static async open(
    plane: ControlPlane,
    account: Account,
    stack: AsyncDisposableStack,
  ): Promise<RealWorld> {
    const client = (token: string): KubernetesClient => stack.use(plane.clientOf(token));
    return new RealWorld(plane, {
      router: client(await account.token()),
      stranger: client("nobody-has-given-this"),
      nobody: client(""),
      other: client(await account.tokenWithoutRights()),
      administrator: plane.admin,
    });
  }

  async put({ name, labels, address, ready }: PutPod): Promise<void> {
    const pod = {
      ...named(name),
      spec: { nodeName: "node", containers: [{ name: "vllm", image: "vllm" }] },
    };
    await this.#plane.admin.create({ ...pod, metadata: { ...pod.metadata, labels } });
    await this.#plane.admin.patch(pod, {
      status: {
        phase: "Running",
        podIP: address,
        podIPs: [{ ip: address }],
        conditions: [{ type: "Ready", status: ready ? "True" : "False" }],
      },
    }, "/status");
  }

  async label(name: string, labels: Readonly<Record<string, string>>): Promise<void> {
    await this.#plane.admin.patch(named(name), { metadata: { labels } });
  }

  async remove(name: string, graceSeconds: number): Promise<void> {
    await this.#plane.admin.delete(named(name), graceSeconds);
  }

  /** One that was started anew has only what etcd has. */
  async forget(): Promise<void> {
    await this.#plane.killApi();
    await this.#plane.startApi();
    await this.#plane.compact();
  }

  async ask(path: string, as: Asker): Promise<Answered> {
    const response = await this.#askers[as].send("GET", path);
    const type = response.headers.get("content-type") ?? "";
    const text = await response.text();
    return { status: response.status, type, body: isJson(type) ? JSON.parse(text) : text };
  }

  async watch(path: string, as: Asker, meanwhile: () => Promise<void>): Promise<Watched> {
    const signal = AbortSignal.timeout(WATCH_MS);
    const response = await this.#askers[as].send("GET", path, { signal });
    const type = response.headers.get("content-type") ?? "";
    const { status } = response;
    if (status !== 200) return { status, type, body: await response.json(), events: [] };
    await meanwhile();
    const lines = (await response.text()).split("\n");
    must(lines.pop() === "", "the watch ended within a line");
    return { status, type, events: lines.map((line): WatchEvent => JSON.parse(line)) };
  }
}

function isJson(type: string): boolean {
  return type.startsWith("application/json");
}

function named(name: string): KubernetesObject {
  return { apiVersion: "v1", kind: "Pod", metadata: { name, namespace: NAMESPACE } };
}
