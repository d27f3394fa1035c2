/** Pods, Services and EndpointSlices, as they are in a cluster. @module */
import type { KubeObject } from "./store.ts";

/** What tests say of a pod. */
export interface PodShape {
  readonly name: string;
  /** Absent: it has no address yet. */
  readonly ip?: string | undefined;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  /** @default true */
  readonly ready?: boolean;
  /** @default "Running" */
  readonly phase?: string;
  /** When its engine's container was started; "" while it does not run. */
  readonly startedAt?: string;
  /** @default 8000 */
  readonly port?: number;
}

/** The labels that tests select. */
export const SELECTED = { app: "vllm" } as const;

const CREATED = "2026-01-01T00:00:00Z";

/** A pod with an engine, and a container beside it that is none. */
export function podOf(shape: PodShape): KubeObject {
  const { name, labels = {}, annotations = {}, port = 8000 } = shape;
  return {
    metadata: { name, labels: { ...SELECTED, ...labels }, annotations },
    spec: {
      containers: [
        { name: "proxy", image: "proxy", ports: [{ containerPort: 9090, protocol: "TCP" }] },
        { name: "engine", image: "vllm", ports: [{ containerPort: port, protocol: "TCP" }] },
      ],
      nodeName: "node-1",
    },
    status: statusOf(shape),
  };
}

/** The status of such a pod. */
export function statusOf(
  { ip, ready = true, phase = "Running", startedAt = CREATED }: PodShape,
): Readonly<Record<string, unknown>> {
  const value = ready ? "True" : "False";
  const condition = (type: string, status: string): Readonly<Record<string, unknown>> => ({
    type,
    status,
    lastProbeTime: null,
    lastTransitionTime: CREATED,
  });
  return {
    phase,
    conditions: [
      condition("Initialized", "True"),
      condition("Ready", value),
      condition("ContainersReady", value),
      condition("PodScheduled", "True"),
    ],
    ...(ip === undefined ? {} : { podIP: ip, podIPs: [{ ip }] }),
    containerStatuses: [
      { name: "engine", ready, restartCount: 0, state: stateOf(startedAt) },
      { name: "proxy", ready: true, restartCount: 0, state: stateOf(CREATED) },
    ],
    startTime: CREATED,
  };
}

function stateOf(startedAt: string): Readonly<Record<string, unknown>> {
  return startedAt === ""
    ? { waiting: { reason: "CrashLoopBackOff" } }
    : { running: { startedAt } };
}

/** A Service of pods whose label `model` is `model`. */
export function serviceOf(
  name: string,
  model: string,
  annotations: Readonly<Record<string, string>> = {},
): KubeObject {
  return {
    metadata: { name, labels: { ...SELECTED }, annotations },
    spec: { selector: { model }, ports: [{ port: 80, protocol: "TCP" }], clusterIP: "10.0.0.1" },
    status: { loadBalancer: {} },
  };
}

/** An EndpointSlice of a Service, with endpoints that are ready or not. */
export function sliceOf(name: string, service: string, ready: readonly boolean[]): KubeObject {
  return {
    metadata: { name, labels: { "kubernetes.io/service-name": service } },
    addressType: "IPv4",
    endpoints: ready.map((each, index) => ({
      addresses: [`10.1.0.${index + 1}`],
      conditions: { ready: each, serving: each, terminating: false },
    })),
    ports: [{ name: "", port: 8000, protocol: "TCP" }],
  };
}
