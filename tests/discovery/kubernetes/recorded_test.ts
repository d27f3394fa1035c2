import type {
  Answered,
  Asker,
  KubernetesExchange,
  Watched,
  WatchEvent,
} from "../../../scripts/real/kubernetes/recording/exchange.ts";
import {
  NAMESPACE,
  play,
  type PutPod,
  type World,
} from "../../../scripts/real/kubernetes/recording/scenario.ts";
import { assert, assertEquals } from "../../support/assert.ts";
import { FakeClock } from "../../support/fake_clock.ts";
import { type KubeObject, KubernetesApi } from "../../support/kubernetes_api/mod.ts";

const RECORDED = new URL("../../data/kubernetes.jsonl", import.meta.url);

const TOKENS: Readonly<Record<Asker, string | undefined>> = {
  router: "router",
  stranger: "stranger",
  nobody: undefined,
  other: "other",
  administrator: "administrator",
};

const EVERYTHING = { apiGroups: ["*"], resources: ["*"], verbs: ["*"] } as const;

/** Longer than any watch of the scenario, in milliseconds. */
const WATCH_MS = 10_000;

/** The API server of the tests, in the place of the real one. */
class OwnWorld implements World {
  readonly #clock = new FakeClock();
  readonly #api = new KubernetesApi(this.#clock, NAMESPACE);

  constructor() {
    this.#api.rules = [{ apiGroups: [""], resources: ["pods"], verbs: ["list", "watch"] }];
    this.#api.tokens.add("router");
    this.#api.users.set("administrator", { name: "administrator", rules: [EVERYTHING] });
    const name = `system:serviceaccount:${NAMESPACE}:beside-pd-router`;
    this.#api.users.set("other", { name, rules: [] });
  }

  put({ name, labels, address, ready }: PutPod): Promise<void> {
    const { store } = this.#api;
    store.create("pods", { metadata: { name, labels }, status: { phase: "Pending" } });
    const condition = { type: "Ready", status: ready ? "True" : "False" };
    this.#change(name, (pod) => ({
      ...pod,
      status: {
        phase: "Running",
        conditions: [{ ...condition, lastProbeTime: null, lastTransitionTime: null }],
        podIP: address,
        podIPs: [{ ip: address }],
      },
    }));
    return Promise.resolve();
  }

  label(name: string, labels: Readonly<Record<string, string>>): Promise<void> {
    this.#change(name, (pod) => ({ ...pod, metadata: { ...pod.metadata, labels } }));
    return Promise.resolve();
  }

  remove(name: string, graceSeconds: number): Promise<void> {
    this.#change(name, (pod) => ({
      ...pod,
      metadata: {
        ...pod.metadata,
        deletionTimestamp: "2026-01-01T00:00:30Z",
        deletionGracePeriodSeconds: graceSeconds,
      },
    }));
    if (graceSeconds === 0) this.#api.store.remove("pods", name);
    return Promise.resolve();
  }

  forget(): Promise<void> {
    this.#api.compact();
    return Promise.resolve();
  }

  async ask(path: string, as: Asker): Promise<Answered> {
    const response = this.#send(path, as);
    return { ...headOf(response), body: await response.json() };
  }

  async watch(path: string, as: Asker, meanwhile: () => Promise<void>): Promise<Watched> {
    const response = this.#send(path, as);
    const head = headOf(response);
    if (head.status !== 200) return { ...head, body: await response.json(), events: [] };
    await meanwhile();
    await this.#clock.advance(WATCH_MS);
    const lines = (await response.text()).split("\n");
    assertEquals(lines.pop(), "");
    return { ...head, events: lines.map((line): WatchEvent => JSON.parse(line)) };
  }

  #send(path: string, as: Asker): Response {
    const token = TOKENS[as];
    const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
    return this.#api.handle(new Request(`http://api${path}`, { headers }));
  }

  #change(name: string, change: (pod: KubeObject) => KubeObject): void {
    this.#api.store.update("pods", name, change);
  }
}

function headOf({ status, headers }: Response): Omit<Answered, "body"> {
  return { status, type: headers.get("content-type") ?? "" };
}

const recorded = (await Deno.readTextFile(RECORDED)).trimEnd().split("\n")
  .map((line): KubernetesExchange => JSON.parse(line));
const own = new Map((await play(new OwnWorld())).map((exchange) => [exchange.name, exchange]));

Deno.test("KubernetesApi.handle() is asked all that the real API server was asked", () => {
  assert(recorded.length > 20, `${recorded.length} exchanges are recorded`);
  assertEquals([...own.keys()], recorded.map(({ name }) => name));
});

for (const exchange of recorded) {
  Deno.test(`KubernetesApi.handle() answers as the real API server: ${exchange.name}`, () => {
    assertEquals(own.get(exchange.name), exchange);
  });
}
