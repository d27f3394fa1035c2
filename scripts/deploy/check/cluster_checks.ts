/** What is shipped for Kubernetes, before a real API server: applied, and started as it says. @module */
import { must } from "../../real/check.ts";
import { prepareServers } from "../../real/kubernetes/build.ts";
import type { KubernetesObject } from "../../real/kubernetes/client.ts";
import { type ControlPlane, startControlPlane } from "../../real/kubernetes/control_plane.ts";
import { until } from "../../real/process.ts";
import { apply, foreignKinds, KINDS_MS, objectsIn } from "./apply.ts";
import { EXAMPLES, valuesPath } from "./chart.ts";
import { handoffAsShipped } from "./shipped_handoff.ts";
import type { Stage } from "./stage.ts";

const GROUP = "cluster";

const DEPLOY = new URL("../", import.meta.url);

/** Manifests that are no part of the chart. */
const FILES = ["kubernetes.yaml", "kubernetes_services.yaml", "keda_example.yaml"] as const;

/** All checks. */
export async function clusterChecks(stage: Stage): Promise<void> {
  const { checks, processes, folder, logs, helm, print } = stage;
  const home = Deno.env.get("XDG_CACHE_HOME") ?? `${Deno.env.get("HOME") ?? "/tmp"}/.cache`;
  const servers = await prepareServers(`${home}/pd-router-real-k8s`, print);
  const state = await Deno.makeTempDir({ dir: folder });
  await using plane = await startControlPlane(servers, { processes, folder: state, logs });
  for (const kind of foreignKinds()) await apply(plane.admin, kind, { isDry: false });
  await inNamespace(plane, "manifests");
  for (const file of FILES) {
    await checks.run(GROUP, `${file} is taken`, async () => {
      const text = await Deno.readTextFile(new URL(file, DEPLOY));
      // Angle brackets are for the reader to fill in.
      return await taken(plane, objectsIn(text.replaceAll(/<(\w+)>/g, "$1")), "manifests");
    });
  }
  for (const example of EXAMPLES) {
    const namespace = `chart-${example}`;
    await inNamespace(plane, namespace);
    await checks.run(GROUP, `the chart's ${example} is taken`, async () => {
      const args = ["-f", valuesPath(example), "--namespace", namespace];
      return await taken(plane, objectsIn(await helm.template(args)), namespace);
    });
  }
  for (const example of ["lmcache-1p1d", "lmcache-xpyd", "nixl"] as const) {
    await checks.run(
      GROUP,
      `${example}: a router and engines as the chart starts them hand off`,
      () => handoffAsShipped(stage, plane, example),
    );
  }
}

async function inNamespace(plane: ControlPlane, name: string): Promise<void> {
  await plane.admin.create({ apiVersion: "v1", kind: "Namespace", metadata: { name } });
}

/** Dry run, for good, and once more, which changes nothing. */
async function taken(
  plane: ControlPlane,
  objects: readonly KubernetesObject[],
  namespace: string,
): Promise<string> {
  must(objects.length > 0, "there is nothing in it");
  const moved = objects.map((object) => inside(object, namespace));
  // A kind that has just been defined is not served at once.
  await until(async () => {
    try {
      for (const object of moved) await apply(plane.admin, object, { isDry: true });
      return true;
    } catch (error) {
      if (error instanceof Error && /: 404,/.test(error.message)) return false;
      throw error;
    }
  }, KINDS_MS);
  for (const object of moved) {
    const made = await apply(plane.admin, object, { isDry: false });
    const again = await apply(plane.admin, object, { isDry: false });
    must(
      made.metadata["resourceVersion"] === again.metadata["resourceVersion"],
      `${object.kind} ${object.metadata.name} is another when it is applied again`,
    );
  }
  return `${objects.length} objects, dry and for good`;
}

/** The same, in `namespace`: also what it says of accounts. */
function inside(object: KubernetesObject, namespace: string): KubernetesObject {
  const subjects = object["subjects"];
  return {
    ...object,
    metadata: { ...object.metadata, namespace },
    ...(Array.isArray(subjects)
      ? { subjects: subjects.map((subject) => ({ ...subject, namespace })) }
      : {}),
  };
}
