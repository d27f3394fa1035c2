import { seededRandom } from "../../lib/base/mod.ts";
import { comparable } from "../support/answers.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { type Cluster, type ClusterShape, startCluster, total } from "../support/cluster.ts";
import { type MixedRequest, mixedRequest } from "../support/mixed_request.ts";
import { post } from "../support/router.ts";

async function compare(cluster: Cluster, request: MixedRequest): Promise<void> {
  const [ours, theirs] = await Promise.all([
    post(cluster.url + request.path, request.body).then(comparable),
    post(cluster.single.url + request.path, request.body).then(comparable),
  ]);
  assertEquals(ours, theirs, JSON.stringify(request));
}

async function compareMany(shape: ClusterShape, count: number, seed: number): Promise<void> {
  await using cluster = await startCluster(shape);
  const random = seededRandom(seed);
  const requests = Array.from({ length: count }, () => mixedRequest(random));
  await Promise.all(requests.map((request) => compare(cluster, request)));
  await cluster.quiet();
  const { prefills, decodes } = cluster;
  assertEquals(total(decodes, "staleReads"), 0);
  assertEquals(total(prefills, "plainOnSender"), 0);
  assert(total(prefills, "prefills") > count / 2, "most requests are handed off");
  for (const engine of prefills) assertEquals(engine.stats().badRequests, 0);
}

Deno.test("a handoff answers as one engine does, 1P1D, two ranks, 200 at once", async () => {
  await compareMany({}, 200, 11);
});

Deno.test("a handoff answers as one engine does, 2P2D, two ranks, 200 at once", async () => {
  await compareMany({ prefills: 2, decodes: 2 }, 200, 12);
});

Deno.test("a handoff answers as one engine does when streams are cut at every byte", async () => {
  await using cluster = await startCluster({ prefills: 2, decodes: 2 });
  const random = seededRandom(13);
  for (const splitBytes of ["byte", "random"] as const) {
    for (const engine of cluster.decodes) engine.faults.splitBytes = splitBytes;
    const requests = Array.from(
      { length: splitBytes === "byte" ? 8 : 60 },
      () => mixedRequest(random),
    );
    await Promise.all(requests.map((request) => compare(cluster, request)));
  }
  await cluster.quiet();
});

Deno.test("a handoff in mode D1 answers as one engine does", async () => {
  await compareMany(
    { prefills: 2, decodes: 2, modes: ["d1"] },
    100,
    14,
  );
});

Deno.test("a handoff over NixlConnector answers as one engine does", async () => {
  await compareMany({ prefills: 2, decodes: 2, protocol: "nixl" }, 100, 15);
});

Deno.test("a handoff over shared storage answers as one engine does", async () => {
  await compareMany({ prefills: 2, decodes: 2, protocol: "shared_storage" }, 100, 16);
});
