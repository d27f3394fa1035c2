import { createLogger, type Logger, systemClock } from "../../lib/base/mod.ts";
import { createSharedStore } from "../../lib/sim/mod.ts";
import { assert, assertEquals, assertMatch, assertStringIncludes } from "../support/assert.ts";
import { makeAuthority } from "../support/authority.ts";
import { freePort, MODEL, total } from "../support/cluster.ts";
import { eventually } from "../support/eventually.ts";
import { publishing } from "../support/kv_events.ts";
import {
  KubernetesApi,
  KubernetesServer,
  serviceOf,
  sliceOf,
  statusOf,
} from "../support/kubernetes_api/mod.ts";
import { type PodEngine, startFinding, startPod } from "../support/kubernetes_fleet.ts";
import { post, type TestRouter } from "../support/router.ts";

/** A logger whose lines are kept. */
function readable(): { readonly lines: string[]; readonly logger: Logger } {
  const lines: string[] = [];
  const options = { level: "info", format: "text" } as const;
  return { lines, logger: createLogger(systemClock(), (line) => void lines.push(line), options) };
}

interface ToldEngine {
  readonly url: string;
  readonly role: string;
  readonly created: number;
  readonly serving_models: readonly string[];
  readonly sleeping?: boolean;
}

async function enginesOf({ url }: TestRouter): Promise<readonly ToldEngine[]> {
  const answer = await fetch(`${url}/engines`);
  return await answer.json();
}

async function urlsOf(router: TestRouter): Promise<readonly string[]> {
  return (await enginesOf(router)).map(({ url }) => url).sort();
}

/** Wait until the router has these engines, and knows their models. */
async function finds(router: TestRouter, pods: readonly PodEngine[]): Promise<void> {
  const expected = pods.map(({ engine }) => engine.url).sort();
  let last: readonly ToldEngine[] = [];
  await eventually(async () => {
    last = await enginesOf(router);
    return JSON.stringify(last.map(({ url }) => url).sort()) === JSON.stringify(expected) &&
      last.every(({ serving_models: models }) => models.length > 0);
  }, () => `${JSON.stringify(last)} is not ${expected}`);
}

/** Completions that an engine was asked for. */
function askedOf({ engine }: PodEngine): number {
  return engine.stats().requestsByPath["/v1/completions"] ?? 0;
}

/** Wait until requests go to these pods of all, and to no other. */
async function goTo(
  router: TestRouter,
  { of, to }: { readonly of: readonly PodEngine[]; readonly to: readonly PodEngine[] },
): Promise<void> {
  let last = "";
  const expected = to.map(({ name }) => name).join();
  await eventually(async () => {
    const before = of.map(askedOf);
    for (let at = 0; at < 2 * of.length; at++) await complete(router);
    last = of.filter((pod, at) => askedOf(pod) !== before[at]).map(({ name }) => name).join();
    return last === expected;
  }, () => `${last} is not ${expected}`);
}

async function complete({ url }: TestRouter, tokens = 4): Promise<string> {
  const body = { model: MODEL, prompt: "Once upon a time there was", max_tokens: tokens };
  const answer = await post(`${url}/v1/completions`, body);
  const text = await answer.text();
  assertEquals(answer.status, 200, text);
  return JSON.parse(text).choices[0].text;
}

Deno.test("a router finds pods as they become ready, and lets those that go end their streams", async () => {
  await using server = new KubernetesServer();
  const { store } = server.api;
  await using first = await startPod(server, { name: "vllm-0" }, { itlMs: 20 });
  await using second = await startPod(server, { name: "vllm-1", ready: false });
  await using router = await startFinding(server);
  await finds(router, [first]);
  const streams = await Promise.all(
    [1, 2, 3].map(() =>
      post(`${router.url}/v1/completions`, {
        model: MODEL,
        prompt: "Once upon a time there was",
        max_tokens: 50,
        stream: true,
      })
    ),
  );
  const ip = "127.0.0.1";
  store.update("pods", "vllm-1", (pod) => ({ ...pod, status: statusOf({ name: "vllm-1", ip }) }));
  await finds(router, [first, second]);
  store.update("pods", "vllm-0", (pod) => ({
    ...pod,
    metadata: { ...pod.metadata, deletionTimestamp: "2026-01-01T00:01:00Z" },
  }));
  await goTo(router, { of: [first, second], to: [second] });
  store.remove("pods", "vllm-0");
  for (const stream of streams) assertMatch(await stream.text(), /\[DONE\]\n\n$/);
  await finds(router, [second]);
});

Deno.test("a pod that is not ready any more gets nothing, and comes back as it was", async () => {
  await using server = new KubernetesServer();
  const { store } = server.api;
  await using one = await startPod(server, { name: "vllm-0" });
  await using other = await startPod(server, { name: "vllm-1" });
  await using router = await startFinding(server);
  await finds(router, [one, other]);
  const say = (shape: { readonly ready: boolean; readonly startedAt?: string }): void => {
    const port = Number(new URL(one.engine.url).port);
    const status = statusOf({ name: "vllm-0", ip: "127.0.0.1", port, ...shape });
    store.update("pods", "vllm-0", (pod) => ({ ...pod, status }));
  };
  say({ ready: false });
  await goTo(router, { of: [one, other], to: [other] });
  say({ ready: true });
  await goTo(router, { of: [one, other], to: [one, other] });
  // Its container does not run: nothing is there, whatever the pod is.
  say({ ready: false, startedAt: "" });
  await finds(router, [other]);
  say({ ready: true, startedAt: "2026-01-01T00:02:00Z" });
  await finds(router, [one, other]);
});

Deno.test("a router keeps its engines while the API server is away, and says so", async () => {
  await using server = new KubernetesServer();
  const { lines, logger } = readable();
  await using one = await startPod(server, { name: "vllm-0" });
  await using gone = await startPod(server, { name: "vllm-1" });
  await using router = await startFinding(server, {}, logger);
  await finds(router, [one, gone]);
  await server.stop();
  const health = async (): Promise<Readonly<Record<string, unknown>>> => {
    const answer = await fetch(`${router.url}/health`);
    assertEquals(answer.status, 200);
    return await answer.json();
  };
  await eventually(async () => "discovery" in await health());
  const { status, discovery } = await health();
  assertEquals(status, "healthy");
  assertMatch(
    JSON.stringify(discovery),
    /^\{"kubernetes":"The API server http:.* cannot be reached/,
  );
  await complete(router);
  await eventually(
    () => lines.some((line) => line.includes("cannot be looked for")),
    () => lines.join("\n"),
  );
  server.api.store.remove("pods", "vllm-1");
  server.api.compact();
  assertEquals((await urlsOf(router)).length, 2);
  server.start();
  await finds(router, [one]);
  assertEquals(await health(), { status: "healthy" });
  const metrics = await (await fetch(`${router.url}/metrics`)).text();
  for (
    const line of [
      'pd_router_discovery_engines{source="kubernetes"} 1',
      'pd_router_discovery_up{source="kubernetes"} 1',
      'pd_router_discovery_synced{source="kubernetes"} 1',
      'pd_router_discovery_lists_total{source="kubernetes"} 2',
    ]
  ) assertStringIncludes(metrics, line);
});

Deno.test("a router whose cluster never answered is not healthy, and is as soon as it does", async () => {
  await using server = new KubernetesServer();
  await using one = await startPod(server, { name: "vllm-0" });
  server.api.rules = [];
  await using router = await startFinding(server, { "expose-engines": "false" });
  const told = await fetch(`${router.url}/health`);
  const { discovery, reason } = await told.json();
  assertEquals(told.status, 503);
  assertStringIncludes(reason, 'the source "kubernetes" cannot look for any');
  assertEquals(discovery, { kubernetes: "it cannot look for engines; the log says why" });
  server.api.rules = [{ apiGroups: [""], resources: ["pods"], verbs: ["list", "watch"] }];
  await eventually(async () => (await (await fetch(`${router.url}/engines`)).json()).length === 1);
  await complete(router);
  const health = await fetch(`${router.url}/health`);
  assertEquals([health.status, await health.json()], [200, { status: "healthy" }]);
  assertEquals(one.engine.stats().requestsByPath["/v1/completions"], 1);
});

Deno.test("a router hands over between pods whose labels are those of production-stack and of llm-d", async () => {
  await using server = new KubernetesServer();
  const kv = { kvConnector: "shared_storage", sharedStore: createSharedStore() } as const;
  await using prefill = await startPod(
    server,
    { name: "prefill-0", labels: { model: "llama-prefill" } },
    { role: "prefill", ...kv },
  );
  await using decode = await startPod(
    server,
    { name: "decode-0", labels: { "llm-d.ai/role": "decode" } },
    { role: "decode", ...kv },
  );
  await using router = await startFinding(server, {
    "routing-logic": "disaggregated_prefill",
    "prefill-model-labels": "llama-prefill",
    "decode-model-labels": "llama-decode",
  });
  await finds(router, [prefill, decode]);
  assertEquals((await enginesOf(router)).map(({ role }) => role).sort(), ["decode", "prefill"]);
  await complete(router, 8);
  assertEquals(total([prefill.engine], "prefills"), 1);
  assertEquals(total([decode.engine], "externalHits"), 1);
});

Deno.test("a router hands over by LMCache between pods with annotations", async () => {
  await using server = new KubernetesServer();
  const proxyPort = freePort();
  const lmcache = { ranks: 2, kvConnector: "lmcache", skipLastNTokens: 1 } as const;
  await using prefill = await startPod(
    server,
    {
      name: "prefill-0",
      annotations: { "pd-router/role": "prefill", "pd-router/notifications": "2" },
    },
    { role: "prefill", ...lmcache, proxyHost: "127.0.0.1", proxyPort },
  );
  await using decode = await startPod(
    server,
    { name: "decode-0", labels: { "pd-router/role": "decode" }, ready: false },
    { role: "decode", ...lmcache },
  );
  const { initPorts, allocPorts, url } = decode.engine;
  server.api.store.update("pods", "decode-0", (pod) => ({
    ...pod,
    metadata: {
      ...pod.metadata,
      annotations: {
        ...pod.metadata.annotations,
        "pd-router/nixl-init-ports": initPorts.join(", "),
        "pd-router/nixl-alloc-ports": allocPorts.join(","),
        "pd-router/nixl-host": "127.0.0.1",
        "pd-router/first-token": "prefill",
      },
    },
    status: statusOf({ name: "decode-0", ip: new URL(url).hostname }),
  }));
  await using router = await startFinding(server, {
    "routing-logic": "disaggregated_prefill",
    "nixl-proxy-host": "127.0.0.1",
    "nixl-proxy-port": String(proxyPort),
  });
  await finds(router, [prefill, decode]);
  await complete(router, 8);
  assertEquals(total([decode.engine], "externalHits"), 1);
  assertEquals(total([decode.engine], "recomputes"), 0);
});

Deno.test("a pod with a mistake in an annotation is left out, for as long as it is there", async () => {
  await using server = new KubernetesServer();
  const { lines, logger } = readable();
  await using good = await startPod(server, { name: "vllm-0" });
  await using bad = await startPod(server, {
    name: "vllm-1",
    annotations: { "pd-router/notifications": "two" },
  });
  await using router = await startFinding(server, {}, logger);
  await finds(router, [good]);
  const line = lines.find((each) => each.includes("Engine left out")) ?? "";
  assertStringIncludes(line, "pod default/vllm-1");
  assertMatch(line, /annotation pd-router\/notifications .{0,2}"two.{0,2}": expected an integer/);
  const metrics = await (await fetch(`${router.url}/metrics`)).text();
  assertStringIncludes(metrics, 'pd_router_discovery_left_out{source="kubernetes"} 1');
  server.api.store.update("pods", "vllm-1", (pod) => {
    const { "pd-router/notifications": _, ...annotations } = pod.metadata.annotations ?? {};
    return { ...pod, metadata: { ...pod.metadata, annotations } };
  });
  await finds(router, [good, bad]);
});

Deno.test("an engine sleeps while the label of its pod says so", async () => {
  await using server = new KubernetesServer();
  await using one = await startPod(server, { name: "vllm-0" });
  await using two = await startPod(server, { name: "vllm-1", labels: { sleeping: "true" } });
  const tell = async (path: string): Promise<void> => {
    const answer = await post(`${two.engine.url}${path}`, {});
    assertEquals(answer.status, 200, await answer.text());
  };
  await tell("/sleep");
  await using router = await startFinding(server);
  await finds(router, [one, two]);
  const asleep = async (): Promise<number> =>
    (await enginesOf(router)).filter(({ sleeping }) => sleeping === true).length;
  assertEquals(await asleep(), 1);
  await tell("/wake_up");
  server.api.store.update("pods", "vllm-1", (pod) => {
    const { sleeping: _, ...labels } = pod.metadata.labels ?? {};
    return { ...pod, metadata: { ...pod.metadata, labels } };
  });
  await eventually(async () => await asleep() === 0);
});

Deno.test("a router finds Services by name, while any endpoint of theirs is ready", async () => {
  await using server = new KubernetesServer(new KubernetesApi(undefined, "prod"));
  const { store } = server.api;
  store.create("services", serviceOf("vllm-a", "llama", { "pd-router/port": "8080" }));
  store.create("services", serviceOf("vllm-b", "llama"));
  store.create("endpointslices", sliceOf("vllm-a-1", "vllm-a", [false, true]));
  store.create("endpointslices", sliceOf("vllm-b-1", "vllm-b", [false]));
  await using router = await startFinding(server, {
    "k8s-namespace": "prod",
    "k8s-port": "80",
    "k8s-service-discovery-type": "service-name",
  });
  await eventually(async () => `${await urlsOf(router)}` === "http://vllm-a.prod:8080");
  store.update("endpointslices", "vllm-b-1", () => sliceOf("vllm-b-1", "vllm-b", [true]));
  await eventually(async () =>
    `${await urlsOf(router)}` === "http://vllm-a.prod:8080,http://vllm-b.prod"
  );
  store.remove("services", "vllm-b");
  await eventually(async () => `${await urlsOf(router)}` === "http://vllm-a.prod:8080");
});

Deno.test("a router trusts the authorities of its cluster, and no others", async () => {
  await using authority = await makeAuthority("cluster");
  await using stranger = await makeAuthority("stranger");
  const folder = await Deno.makeTempDir();
  try {
    await using server = new KubernetesServer(undefined, await authority.issue());
    server.api.tokens.add("secret");
    await using one = await startPod(server, { name: "vllm-0" });
    await Deno.writeTextFile(`${folder}/ca.crt`, stranger.ca);
    await Deno.writeTextFile(`${folder}/token`, "secret\n");
    await using router = await startFinding(server, {
      "k8s-ca-file": `${folder}/ca.crt`,
      "k8s-token-file": `${folder}/token`,
    });
    const health = await fetch(`${router.url}/health`);
    assertEquals(health.status, 503);
    assertMatch(await health.text(), /cannot be reached.*UnknownIssuer/);
    assertEquals(server.api.asked.length, 0);
    await Deno.writeTextFile(`${folder}/ca.crt`, authority.ca);
    await finds(router, [one]);
    assert(server.api.watches.size === 1);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("KV events of pods are followed, at the usual port and at an annotation's", async () => {
  await using server = new KubernetesServer();
  const [usual, own] = [freePort(), freePort()];
  const annotations = { "pd-router/kv-events": String(own) };
  await using silent = await startPod(server, { name: "vllm-0" }, publishing("map", [usual, 0]));
  await using telling = await startPod(
    server,
    { name: "vllm-1", annotations },
    publishing("map", [own, 0]),
  );
  await using router = await startFinding(server, {
    "routing-logic": "kvaware",
    "kv-events-port": String(usual),
  });
  await finds(router, [silent, telling]);
  const applied = async (): Promise<number> => {
    const text = await (await fetch(`${router.url}/metrics`)).text();
    const [, count] = /^pd_router_kv_events_total\{result="applied"\} (\d+)/m.exec(text) ?? [];
    return Number(count ?? 0);
  };
  let asked = 0;
  for (const { engine } of [silent, telling]) {
    const before = await applied();
    await eventually(async () => {
      const prompt = `${++asked}, as long as some blocks of its engine's cache are: `.repeat(8);
      const body = { model: MODEL, prompt, max_tokens: 2 };
      const answer = await post(`${engine.url}/v1/completions`, body);
      assertEquals(answer.status, 200, await answer.text());
      return await applied() > before;
    });
  }
});
