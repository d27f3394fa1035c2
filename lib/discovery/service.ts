/** Services as engines, and whether anybody is behind them. @module */
import { recordOf } from "../base/mod.ts";
import type { EngineRules } from "../config/mod.ts";
import { engineNotes } from "./engine_notes.ts";
import type { FoundEngine } from "./found.ts";
import { type JsonObject, type ObjectMeta, objectsOf, textOf, textsOf } from "./kubernetes/mod.ts";

/** The label by which an EndpointSlice names its Service. */
export const SERVICE_LABEL = "kubernetes.io/service-name";

/**
 * The engine that a Service is, by its name in the cluster's DNS; `port` is that of Services that say no
 * other. As the production-stack router has it, the model's label is the one that its pods are
 * selected by.
 */
export function serviceEngine(
  meta: ObjectMeta,
  service: JsonObject,
  { port: usual, rules }: { readonly port: number; readonly rules: EngineRules },
): FoundEngine {
  const { name, namespace, labels } = meta;
  const selected = textsOf(recordOf(service["spec"])?.["selector"]);
  const notes = engineNotes(meta, rules, selected["model"] ?? labels["model"]);
  const { raw, port = usual, scheme, asleep, problems } = notes;
  return {
    key: name,
    where: `Service ${namespace}/${name}`,
    raw: { ...raw, url: `${scheme}://${name}.${namespace}:${port}` },
    started: meta.uid,
    asleep,
    ...(problems.length === 0 ? {} : { problems }),
  };
}

/** The Service that an EndpointSlice belongs to, where the slice has an endpoint that is ready. */
export function readyService({ labels }: ObjectMeta, slice: JsonObject): string | undefined {
  const isReady = objectsOf(slice["endpoints"]).some(({ addresses, conditions }) =>
    Array.isArray(addresses) && addresses.length > 0 &&
    // What is not told counts as ready.
    recordOf(conditions)?.["ready"] !== false
  );
  return isReady ? textOf(labels[SERVICE_LABEL]) : undefined;
}
