import { podEngine, type SeenEngine } from "../../lib/discovery/pod.ts";
import { metaOf } from "../../lib/discovery/kubernetes/objects.ts";
import { assertEquals } from "../support/assert.ts";
import { podOf, type PodShape, statusOf } from "../support/kubernetes_api/mod.ts";
import { HANDOFF } from "./support.ts";

type Pod = Readonly<Record<string, unknown>>;

function read(pod: Pod): SeenEngine | undefined {
  const meta = metaOf(pod);
  return meta && podEngine(meta, pod, { port: 8000, rules: HANDOFF });
}

function seen(shape: Partial<PodShape>, more: Pod = {}): SeenEngine | undefined {
  const pod = podOf({ name: "a", ip: "10.0.0.1", ...shape });
  const metadata = { ...pod.metadata, uid: "u1", namespace: "default", ...more };
  return read({ ...pod, metadata });
}

Deno.test("podEngine() reads a pod that is ready", () => {
  assertEquals(seen({ labels: { model: "decode" } }), {
    uid: "u1",
    serving: true,
    engine: {
      key: "a",
      where: "pod default/a",
      raw: {
        role: "decode",
        models: [],
        label: "decode",
        kv_protocol: undefined,
        max_num_seqs: undefined,
        topology: undefined,
        url: "http://10.0.0.1:8000",
      },
      started: "u1 2026-01-01T00:00:00Z",
      asleep: undefined,
    },
  });
});

Deno.test("podEngine() writes addresses of either family", () => {
  const urlOf = (shape: Partial<PodShape>): string | undefined => seen(shape)?.engine.raw.url;
  assertEquals(urlOf({ ip: "fd00::1" }), "http://[fd00::1]:8000");
  assertEquals(
    urlOf({ annotations: { "pd-router/port": "9000", "pd-router/scheme": "https" } }),
    "https://10.0.0.1:9000",
  );
  const pod = podOf({ name: "a" });
  const status = { ...statusOf({ name: "a" }), podIPs: [{ ip: "fd00::2" }, { ip: "10.0.0.2" }] };
  assertEquals(read({ ...pod, status })?.engine.raw.url, "http://[fd00::2]:8000");
});

for (
  const [name, shape] of [
    ["without an address", { ip: undefined }],
    ["that has succeeded", { phase: "Succeeded" }],
    ["that has failed", { phase: "Failed" }],
    ["whose engine's container does not run", { startedAt: "" }],
  ] as const satisfies readonly (readonly [string, Partial<PodShape>])[]
) {
  Deno.test(`podEngine() has none for a pod ${name}`, () => {
    assertEquals(seen(shape), undefined);
  });
}

Deno.test("podEngine() does not have those serve that are not ready, or are to go", () => {
  assertEquals(seen({ ready: false })?.serving, false);
  assertEquals(seen({}, { deletionTimestamp: "2026-01-01T00:01:00Z" })?.serving, false);
  const bare = podOf({ name: "a", ip: "10.0.0.1" });
  assertEquals(read({ ...bare, status: { phase: "Running", podIP: "10.0.0.1" } })?.serving, false);
});

Deno.test("podEngine() tells a container that was started again from the one before", () => {
  const again = seen({ startedAt: "2026-01-01T00:05:00Z" })?.engine.started;
  assertEquals(again, "u1 2026-01-01T00:05:00Z");
  assertEquals(seen({}, { uid: "u2" })?.engine.started, "u2 2026-01-01T00:00:00Z");
  // Of pods without that port the first container counts, here the proxy, and pods may say nothing.
  assertEquals(seen({ port: 1, startedAt: "later" })?.engine.started, "u1 2026-01-01T00:00:00Z");
  const { metadata, spec } = podOf({ name: "a" });
  const status = { podIP: "10.0.0.1", conditions: [{ type: "Ready", status: "True" }] };
  const told = read({ metadata: { ...metadata, uid: "u1" }, spec, status });
  assertEquals([told?.serving, told?.engine.started], [true, "u1"]);
});

Deno.test("podEngine() bears whatever else a pod may be", () => {
  const { metadata } = podOf({ name: "a" });
  for (
    const rest of [
      {},
      { status: null },
      { status: { podIP: 5, podIPs: "x" } },
      { status: { podIPs: [null, 3] } },
      { status: { podIP: "10.0.0.1", conditions: [null, 1], containerStatuses: {} }, spec: [] },
    ]
  ) assertEquals(read({ metadata, ...rest })?.serving ?? false, false);
});
