/** Engines in Kubernetes: the pods, or the Services, that a label selector finds. @module */
import type { Clock, Random } from "../base/mod.ts";
import type { EngineRules, KubernetesOptions } from "../config/mod.ts";
import type { FoundChange, FoundSource } from "./found.ts";
import { FoundQueue } from "./found_queue.ts";
import {
  type ApiClientPorts,
  type ClusterEvent,
  Follower,
  type FollowerPorts,
  HttpApiClient,
  type ObjectSink,
} from "./kubernetes/mod.ts";
import { podEngine } from "./pod.ts";
import { SeenEngines } from "./seen_engines.ts";
import { ServiceEngines } from "./service_engines.ts";
import { readyService, SERVICE_LABEL, serviceEngine } from "./service.ts";

/** What the source works with. */
export interface KubernetesPorts extends ApiClientPorts {
  readonly clock: Clock;
  readonly random: Random;
  /** Told of every list, and of everything that went wrong. */
  readonly onEvent: (event: ClusterEvent) => void;
}

/** Something that is followed until it is told to stop. */
interface Running {
  readonly ailment: string | undefined;
  run(stop: AbortSignal): Promise<void>;
}

/** For one selector in one namespace. */
export class KubernetesSource implements FoundSource {
  readonly name = "kubernetes";
  readonly #options: KubernetesOptions;
  readonly #rules: EngineRules;
  readonly #ports: KubernetesPorts;
  #running: readonly Running[] = [];

  constructor(options: KubernetesOptions, rules: EngineRules, ports: KubernetesPorts) {
    this.#options = options;
    this.#rules = rules;
    this.#ports = ports;
  }

  get ailment(): string | undefined {
    return this.#running.map(({ ailment }) => ailment).find((ailment) => ailment !== undefined);
  }

  async *changes(stop: AbortSignal): AsyncGenerator<FoundChange> {
    const { access, watchSeconds } = this.#options;
    const { clock, random, onEvent } = this.#ports;
    using client = new HttpApiClient(access, this.#ports);
    const queue = new FoundQueue();
    const ended = new AbortController();
    const signal = AbortSignal.any([stop, ended.signal]);
    this.#running = this.#open(queue, { clock, random, client, watchSeconds, onEvent });
    const all = Promise.all(this.#running.map((each) => each.run(signal)));
    const done = all.then(() => {}, (error: unknown) => queue.fail(error));
    try {
      yield* queue.read(signal);
    } finally {
      ended.abort();
      await done;
    }
  }

  #open(queue: FoundQueue, ports: FollowerPorts): readonly Running[] {
    return this.#options.by === "pod" ? [this.#pods(queue, ports)] : this.#services(queue, ports);
  }

  #pods(queue: FoundQueue, ports: FollowerPorts): Running {
    const { namespace, selector, port } = this.#options;
    const seen = new SeenEngines(queue);
    const engines = { port, rules: this.#rules };
    const pods = new Follower({
      what: "pods",
      namespace,
      path: `/api/v1/namespaces/${namespace}/pods`,
      selector,
      keep: (meta, pod) => podEngine(meta, pod, engines),
    }, ports);
    return running(pods, {
      put: (name, engine) => seen.put(name, engine),
      gone: (name) => seen.gone(name),
      synced: () => queue.sync(),
    });
  }

  #services(queue: FoundQueue, ports: FollowerPorts): readonly Running[] {
    const { namespace, selector, port } = this.#options;
    const seen = new ServiceEngines(new SeenEngines(queue));
    const engines = { port, rules: this.#rules };
    const syncing = new Set(["services", "slices"]);
    const synced = (part: string): void => {
      if (syncing.delete(part) && syncing.size === 0) queue.sync();
    };
    const services = new Follower({
      what: "services",
      namespace,
      path: `/api/v1/namespaces/${namespace}/services`,
      selector,
      keep: (meta, service) => serviceEngine(meta, service, engines),
    }, ports);
    const slices = new Follower({
      what: "endpointslices.discovery.k8s.io",
      namespace,
      path: `/apis/discovery.k8s.io/v1/namespaces/${namespace}/endpointslices`,
      selector: SERVICE_LABEL,
      keep: readyService,
    }, ports);
    return [
      running(services, {
        put: (name, engine) => seen.putService(name, engine),
        gone: (name) => seen.serviceGone(name),
        synced: () => synced("services"),
      }),
      running(slices, {
        put: (name, service) => seen.putSlice(name, service),
        gone: (name) => seen.sliceGone(name),
        synced: () => synced("slices"),
      }),
    ];
  }
}

function running<T>(follower: Follower<T>, sink: ObjectSink<T>): Running {
  return {
    get ailment() {
      return follower.ailment;
    },
    run: (stop) => follower.run(sink, stop),
  };
}
