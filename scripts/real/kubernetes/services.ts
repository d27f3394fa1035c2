/** Services with one simulated engine behind each; their EndpointSlices are written by hand. @module */
import { silentLogger, systemClock, systemRandom } from "../../../lib/base/mod.ts";
import { type SimEngine, startSimEngine } from "../../../lib/sim/mod.ts";
import { MODEL } from "../../../tests/support/cluster.ts";
import type { KubernetesClient, KubernetesObject } from "./client.ts";
import { ENGINE_LABELS, PACE } from "./pods.ts";

/** Which Service is wanted; `address` is its own in the cluster, where its engine listens. */
export interface WantedService {
  readonly name: string;
  readonly address: string;
}

/** The Services of one namespace; their engines go with them. */
export class Services implements AsyncDisposable {
  readonly #admin: KubernetesClient;
  readonly #namespace: string;
  readonly #port: number;
  readonly #all: EngineService[] = [];

  constructor(admin: KubernetesClient, namespace: string, port: number) {
    this.#admin = admin;
    this.#namespace = namespace;
    this.#port = port;
  }

  /** One that nobody is behind yet. */
  async create({ name, address }: WantedService): Promise<EngineService> {
    const object = {
      apiVersion: "v1",
      kind: "Service",
      metadata: { name, namespace: this.#namespace, labels: ENGINE_LABELS },
      spec: { clusterIP: address, ports: [{ port: this.#port }], selector: { app: name } },
    };
    await this.#admin.create(object);
    const engine = await startSimEngine(
      { ...PACE, models: [MODEL], host: address, port: this.#port },
      { clock: systemClock(), random: systemRandom(), log: silentLogger() },
    );
    const service = new EngineService(this.#admin, object, engine, this.#port);
    this.#all.push(service);
    return service;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#all.map((service) => service.stop()));
  }
}

/** One of them. */
export class EngineService {
  /** `host:port`, as engines are called. */
  readonly id: string;
  readonly #admin: KubernetesClient;
  readonly #object: KubernetesObject;
  readonly #engine: SimEngine;
  readonly #slices = new Set<string>();

  constructor(admin: KubernetesClient, object: KubernetesObject, engine: SimEngine, port: number) {
    this.#admin = admin;
    this.#object = object;
    this.#engine = engine;
    const { name, namespace } = object.metadata;
    this.id = `${name}.${namespace}:${port}`;
  }

  /** Requests that its engine has been asked. */
  get asked(): number {
    return this.#engine.stats().requestsByPath["/v1/completions"] ?? 0;
  }

  /**
   * Write an EndpointSlice, whose endpoints are ready or not. Their addresses are nobody's: slices
   * may not hold those of loopback, and requests go to the Service's own.
   */
  async slice(name: string, ready: readonly boolean[]): Promise<void> {
    const slice = {
      ...this.#slice(name),
      addressType: "IPv4",
      endpoints: ready.map((each, at) => ({
        addresses: [`10.1.0.${at + 1}`],
        conditions: { ready: each },
      })),
      ports: [{ name: "", port: 8000, protocol: "TCP" }],
    };
    if (this.#slices.has(name)) {
      await this.#admin.patch(slice, { endpoints: slice.endpoints });
      return;
    }
    this.#slices.add(name);
    await this.#admin.create(slice);
  }

  /** The slice goes. */
  async removeSlice(name: string): Promise<void> {
    await this.#admin.delete(this.#slice(name));
  }

  /** The Service goes; its engine ends what it has. */
  async remove(): Promise<void> {
    await this.#admin.delete(this.#object);
  }

  /** End its engine. */
  async stop(): Promise<void> {
    await this.#engine.stop();
  }

  #slice(name: string): KubernetesObject {
    const { name: service, namespace } = this.#object.metadata;
    return {
      apiVersion: "discovery.k8s.io/v1",
      kind: "EndpointSlice",
      metadata: {
        name: `${service}-${name}`,
        ...(namespace === undefined ? {} : { namespace }),
        labels: { "kubernetes.io/service-name": service },
      },
    };
  }
}
