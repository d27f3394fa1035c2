import { HttpApiClient } from "../../../lib/discovery/kubernetes/mod.ts";
import { listAll, type Listed } from "../../../lib/discovery/kubernetes/list.ts";
import { assertEquals, assertRejects } from "../../support/assert.ts";
import { FakeClock } from "../../support/fake_clock.ts";
import {
  ApiUpstream,
  KubernetesApi,
  podOf,
  statusObject,
} from "../../support/kubernetes_api/mod.ts";
import { json, type Reply, ScriptedUpstream } from "../../support/scripted_upstream.ts";
import { FakeFiles } from "./support.ts";

function list(connect: () => ApiUpstream | ScriptedUpstream): Promise<Listed<string>> {
  const ports = { clock: new FakeClock(), files: new FakeFiles().port, connect };
  const client = new HttpApiClient({ url: "http://api" }, ports);
  return listAll(client, {
    what: "pods",
    namespace: "default",
    path: "/api/v1/namespaces/default/pods",
    selector: "app=vllm",
    keep: ({ labels, version }) => labels["model"] === "none" ? undefined : version,
  }, new AbortController().signal);
}

/** A list of the pods of `count`, with whatever `between` its first two pages. */
async function listing(count: number, between: (api: KubernetesApi) => void): Promise<{
  readonly api: KubernetesApi;
  readonly listed: Listed<string>;
}> {
  const api = new KubernetesApi(new FakeClock());
  for (let at = 0; at < count; at++) api.store.create("pods", podOf({ name: `pod-${at}` }));
  class Between extends ApiUpstream {
    override send(request: Parameters<ApiUpstream["send"]>[0]): ReturnType<ApiUpstream["send"]> {
      if (api.asked.length === 1) between(api);
      return super.send(request);
    }
  }
  return { api, listed: await list(() => new Between(api)) };
}

Deno.test("listAll() is of one moment, whatever happens between its pages", async () => {
  const { api, listed } = await listing(150, ({ store }) => store.remove("pods", "pod-99"));
  assertEquals([listed.objects.size, listed.version], [150, String(api.store.version - 1)]);
});

Deno.test("listAll() begins anew where its first page is too old for the second", async () => {
  const { api, listed } = await listing(150, (api) => {
    api.store.remove("pods", "pod-99");
    api.compact();
  });
  assertEquals([listed.objects.size, listed.version], [149, String(api.store.version)]);
  assertEquals(listed.objects.has("pod-99"), false);
});

Deno.test("listAll() leaves out what counts as none", async () => {
  const api = new KubernetesApi(new FakeClock());
  api.store.create("pods", podOf({ name: "a", labels: { model: "none" } }));
  api.store.create("pods", podOf({ name: "b" }));
  assertEquals([...(await list(() => new ApiUpstream(api))).objects.keys()], ["b"]);
});

for (
  const [name, reply, message] of [
    ["no list", json([]), "has no version"],
    ["no JSON", { body: ["<html>"] }, "has no version"],
    ["no end", json({ metadata: { resourceVersion: "1", continue: "x" }, items: [] }), "no end"],
    [
      "a version that is gone, again",
      json(statusObject(410, "Expired", "old"), 410),
      "410 Expired",
    ],
  ] as const satisfies readonly (readonly [string, Reply, string])[]
) {
  Deno.test(`listAll() refuses ${name}`, async () => {
    await assertRejects(() => list(() => new ScriptedUpstream(() => reply)), Error, message);
  });
}
