/** The chart by itself: lint, what is made of its examples, and what it refuses. @module */
import { parseAllDocuments } from "yaml";
import { must } from "../../real/check.ts";
import { chartDigest, EXAMPLES, kept, renderedPath, valuesPath } from "./chart.ts";
import type { Stage } from "./stage.ts";

const GROUP = "helm";

/** Values that cannot be meant, and a part of what is said of them. */
const REFUSED: readonly (readonly [args: readonly string[], says: string])[] = [
  [["--set", "routerSpec.repository=lmcache/lmstack-router"], "name this router's"],
  [
    ["-f", valuesPath("lmcache-1p1d"), "--set", "routerSpec.replicaCount=2"],
    "LMCache's prefill engines notify one router",
  ],
  [
    ["-f", valuesPath("lmcache-1p1d"), "--set", "routerSpec.autoscaling.enabled=true"],
    "LMCache's prefill engines notify one router",
  ],
  [
    ["--set", "routerSpec.cluster.url=redis://a,routerSpec.cluster.secretName=a"],
    "give one of them",
  ],
  [["--set", "engines.enabled=true"], "needs engines.model"],
  [
    ["--set", "engines.enabled=true", "--set", "engines.model=m"],
    "engines.image names an image",
  ],
  [["--set", "routerSpec.serviceDiscovery=static"], "needs routerSpec.staticBackends"],
  [["--set", "engines.conector=nixl"], "conector"],
  [["--set", "engines.connector=mooncake"], "connector"],
];

/** All of them. With `save`, what is made of the examples is kept in place of what was. */
export async function helmChecks({ checks, helm, folder, save }: Stage): Promise<void> {
  await checks.run(GROUP, "lint finds nothing, and the chart is packed", async () => {
    await helm.lint([]);
    for (const example of EXAMPLES) await helm.lint(["-f", valuesPath(example)]);
    const { size } = await Deno.stat(await helm.package(folder));
    return `${helm.version}; ${EXAMPLES.length} examples; ${(size / 1000).toFixed(1)} kB packed`;
  });
  for (const example of EXAMPLES) {
    await checks.run(GROUP, `what is made of ${example} is what is shipped`, async () => {
      const rendered = await helm.template(["-f", valuesPath(example)]);
      const text = kept(example, rendered, await chartDigest(example));
      const path = renderedPath(example);
      if (save) await Deno.writeTextFile(path, text);
      must(await Deno.readTextFile(path) === text, `${path} is stale: run with --save`);
      return `${parseAllDocuments(rendered).length} objects`;
    });
  }
  await checks.run(GROUP, "values that cannot be meant are refused", async () => {
    for (const [args, says] of REFUSED) {
      const said = await helm.template(args).then(() => "nothing", String);
      must(said.includes(says), `${args.join(" ")}: ${said}`);
    }
    return `${REFUSED.length} of them`;
  });
}
