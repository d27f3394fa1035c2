/** Pods with simulated engines in them: what a scheduler and kubelets would do is done by hand. @module */
import { silentLogger, systemClock, systemRandom } from "../../../lib/base/mod.ts";
import { type SimEngine, type SimOptions, startSimEngine } from "../../../lib/sim/mod.ts";
import { MODEL } from "../../../tests/support/cluster.ts";
import { must } from "../check.ts";
import { until } from "../process.ts";
import type { KubernetesClient, KubernetesObject } from "./client.ts";

/** What every pod of an engine is labelled with, and the router selects by. */
export const ENGINE_LABELS = { app: "vllm" } as const;

/** Slow enough for streams to last a few seconds. */
export const PACE = { ttftMs: 20, itlMs: 200 } as const;

/** Longest time for an engine's last streams to end, in milliseconds. */
const IDLE_MS = 30_000;

/** Which pod is wanted. */
export interface WantedPod {
  readonly name: string;
  readonly address: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly sim?: Partial<SimOptions>;
}

/** The pods of one namespace; their engines go with them. */
export class Pods implements AsyncDisposable {
  readonly #admin: KubernetesClient;
  readonly #namespace: string;
  readonly #all: EnginePod[] = [];
  /** Where all their engines listen, each at its own address. */
  readonly port: number;

  constructor(admin: KubernetesClient, namespace: string, port: number) {
    this.#admin = admin;
    this.#namespace = namespace;
    this.port = port;
  }

  /** A pod that waits for a node. */
  async create(wanted: WantedPod): Promise<EnginePod> {
    const { name, labels = {}, annotations = {} } = wanted;
    const object = {
      apiVersion: "v1",
      kind: "Pod",
      metadata: {
        name,
        namespace: this.#namespace,
        labels: { ...ENGINE_LABELS, ...labels },
        annotations,
      },
      spec: {
        // Only pods that have a node are given time to end.
        nodeName: "node",
        containers: [{
          name: "vllm",
          image: "vllm",
          ports: [{ name: "http", containerPort: this.port }],
        }],
      },
    };
    await this.#admin.create(object);
    const pod = new EnginePod(this.#admin, object, wanted, this.port);
    this.#all.push(pod);
    return pod;
  }

  /** A pod whose engine serves. */
  async serving(wanted: WantedPod): Promise<EnginePod> {
    const pod = await this.create(wanted);
    await pod.start();
    await pod.tell({ ready: true });
    return pod;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#all.map((pod) => pod.kill()));
  }
}

/** Labels, or annotations. */
type Texts = Readonly<Record<string, string | undefined>>;

/** One of them. */
export class EnginePod {
  readonly object: KubernetesObject;
  /** `host:port`, as engines are called. */
  readonly id: string;
  readonly address: string;
  readonly #admin: KubernetesClient;
  readonly #sim: Partial<SimOptions>;
  #engine: SimEngine | undefined;
  #restarts = 0;
  #startedAt = timestamp();

  constructor(
    admin: KubernetesClient,
    object: KubernetesObject,
    { address, sim = {} }: WantedPod,
    port: number,
  ) {
    this.#admin = admin;
    this.object = object;
    this.address = address;
    this.id = `${address.includes(":") ? `[${address}]` : address}:${port}`;
    this.#sim = { models: [MODEL], ...PACE, ...sim, host: address, port };
  }

  /** Requests that its engine has been asked. */
  get asked(): number {
    return this.#engine?.stats().requestsByPath["/v1/completions"] ?? 0;
  }

  /** Streams that its engine writes at this moment. */
  get running(): number {
    return this.#engine?.stats().runningNow ?? 0;
  }

  /** KV that its engine holds for another one. */
  get #held(): number {
    return this.#engine?.stats().heldKv ?? 0;
  }

  /** Start its engine. */
  async start(): Promise<void> {
    must(this.#engine === undefined, `${this.id} runs`);
    this.#startedAt = timestamp();
    this.#engine = await startSimEngine(this.#sim, {
      clock: systemClock(),
      random: systemRandom(),
      log: silentLogger(),
    });
  }

  /** End its engine at once, with its streams. */
  async kill(): Promise<void> {
    const engine = this.#engine;
    this.#engine = undefined;
    await engine?.stop();
  }

  /** Its engine begins anew in the same pod; `tell` says so. */
  async restart(): Promise<void> {
    await this.kill();
    this.#restarts++;
    await this.start();
  }

  /** Say how it is, as its kubelet would. */
  async tell({ phase = "Running", ready }: {
    readonly phase?: string;
    readonly ready: boolean;
  }): Promise<void> {
    const status = ready ? "True" : "False";
    await this.#admin.patch(this.object, {
      status: {
        phase,
        podIP: this.address,
        podIPs: [{ ip: this.address }],
        startTime: this.#startedAt,
        conditions: ["Initialized", "PodScheduled", "ContainersReady", "Ready"].map((type) => ({
          type,
          status: type.endsWith("Ready") ? status : "True",
          lastTransitionTime: timestamp(),
        })),
        containerStatuses: [{
          name: "vllm",
          image: "vllm",
          imageID: "vllm",
          containerID: `containerd://${this.object.metadata.name}-${this.#restarts}`,
          ready,
          started: ready,
          restartCount: this.#restarts,
          state: { running: { startedAt: this.#startedAt } },
        }],
      },
    }, "/status");
  }

  /** Change labels; undefined takes one away. */
  async label(labels: Texts): Promise<void> {
    await this.#admin.patch(this.object, { metadata: { labels: merged(labels) } });
  }

  /** Change annotations, likewise. */
  async annotate(annotations: Texts): Promise<void> {
    await this.#admin.patch(this.object, { metadata: { annotations: merged(annotations) } });
  }

  /** Have it end within `graceSeconds`: the pod stays, with the time of its deletion. */
  async terminate(graceSeconds = 30): Promise<void> {
    await this.#admin.delete(this.object, graceSeconds);
  }

  /** As a kubelet ends a pod that terminates: its engine finishes what it has, and the pod goes. */
  async finish(): Promise<void> {
    const idle = await until(() => this.running === 0 && this.#held === 0, IDLE_MS);
    must(idle, `${this.id} still has ${this.running} streams, and KV of ${this.#held}`);
    await this.kill();
    await this.remove();
  }

  /** The pod goes at once. */
  async remove(): Promise<void> {
    await this.#admin.delete(this.object);
  }
}

/** As a merge patch has it. */
function merged(texts: Texts): Readonly<Record<string, string | null>> {
  return Object.fromEntries(Object.entries(texts).map(([name, value]) => [name, value ?? null]));
}

/** This moment, to the second, as the API has times. */
function timestamp(): string {
  return `${new Date().toISOString().slice(0, 19)}Z`;
}
