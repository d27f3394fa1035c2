/**
 * Records what a real API server answers, for the test of the one that tests have:
 * `deno run -A scripts/real/kubernetes/record.ts [--cache DIR] [--out FILE]`.
 * @module
 */
import { parseArgs } from "node:util";
import { Processes } from "../process.ts";
import { Account } from "./account.ts";
import { prepareServers } from "./build.ts";
import { startControlPlane } from "./control_plane.ts";
import { RealWorld } from "./recording/real_world.ts";
import { NAMESPACE, play } from "./recording/scenario.ts";

if (import.meta.main) {
  const home = Deno.env.get("XDG_CACHE_HOME") ?? `${Deno.env.get("HOME") ?? "/tmp"}/.cache`;
  const { values: { cache, out } } = parseArgs({
    args: Deno.args,
    options: {
      cache: { type: "string", default: `${home}/pd-router-real-k8s` },
      out: {
        type: "string",
        default: new URL("../../../tests/data/kubernetes.jsonl", import.meta.url).pathname,
      },
    },
  });
  // deno-lint-ignore no-console
  const servers = await prepareServers(cache, console.log);
  const folder = await Deno.makeTempDir({ prefix: "pd-router-kubernetes-" });
  await using stack = new AsyncDisposableStack();
  stack.defer(() => Deno.remove(folder, { recursive: true }));
  const processes = stack.use(new Processes());
  const plane = stack.use(await startControlPlane(servers, { processes, folder, logs: folder }));
  const metadata = { name: NAMESPACE };
  await plane.admin.create({ apiVersion: "v1", kind: "Namespace", metadata });
  const account = await Account.open(plane, {
    namespace: NAMESPACE,
    finds: "pods",
    file: `${folder}/token`,
  });
  const exchanges = await play(await RealWorld.open(plane, account, stack));
  await Deno.mkdir(out.slice(0, out.lastIndexOf("/")), { recursive: true });
  await Deno.writeTextFile(
    out,
    exchanges.map((exchange) => `${JSON.stringify(exchange)}\n`).join(""),
  );
  // deno-lint-ignore no-console
  console.log(`${out}: ${exchanges.length} exchanges`);
}
