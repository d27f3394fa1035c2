/** Pods as engines. @module */
import { recordOf } from "../base/mod.ts";
import type { EngineRules } from "../config/mod.ts";
import { engineNotes } from "./engine_notes.ts";
import type { FoundEngine } from "./found.ts";
import { type JsonObject, type ObjectMeta, objectsOf, textOf } from "./kubernetes/mod.ts";

/** An engine in Kubernetes, as it is at a moment. */
export interface SeenEngine {
  /** Of the object that it is. */
  readonly uid: string;
  /** It can be given requests: its pod is ready, and has not been told to go. */
  readonly serving: boolean;
  readonly engine: FoundEngine;
}

/** Phases of a pod that is over. */
const OVER = new Set(["Succeeded", "Failed"]);

/**
 * The engine that a pod is; undefined where nothing can be listening: it has no address, or is over, or
 * its engine's container does not run. `port` is that of engines that say no other.
 */
export function podEngine(
  meta: ObjectMeta,
  pod: JsonObject,
  { port: usual, rules }: { readonly port: number; readonly rules: EngineRules },
): SeenEngine | undefined {
  const status = recordOf(pod["status"]);
  const address = addressOf(status);
  if (status === undefined || address === undefined) return undefined;
  if (OVER.has(textOf(status["phase"]) ?? "")) return undefined;
  const { raw, port = usual, scheme, asleep, problems } = engineNotes(meta, rules);
  const since = runningSince(pod, status, port);
  if (since === undefined) return undefined;
  const host = address.includes(":") ? `[${address}]` : address;
  return {
    uid: meta.uid,
    serving: !meta.deleting && isReady(status),
    engine: {
      key: meta.name,
      where: `pod ${meta.namespace}/${meta.name}`,
      raw: { ...raw, url: `${scheme}://${host}:${port}` },
      // A container that was started again is another engine, at the same address.
      started: since === "" ? meta.uid : `${meta.uid} ${since}`,
      asleep,
      ...(problems.length === 0 ? {} : { problems }),
    },
  };
}

/** Either family; pods of both are told by their first. */
function addressOf(status: JsonObject | undefined): string | undefined {
  const [first] = objectsOf(status?.["podIPs"]);
  return textOf(status?.["podIP"]) ?? textOf(first?.["ip"]);
}

/** With its readiness gates: it is what Services go by. */
function isReady(status: JsonObject): boolean {
  return objectsOf(status["conditions"]).some(({ type, status: value }) =>
    type === "Ready" && value === "True"
  );
}

/**
 * When the engine's container was started: the one that has its port, or else the first. Empty where the
 * pod does not say of its containers; undefined where it does not run.
 */
function runningSince(pod: JsonObject, status: JsonObject, port: number): string | undefined {
  const containers = objectsOf(recordOf(pod["spec"])?.["containers"]);
  const own =
    containers.find(({ ports }) =>
      objectsOf(ports).some(({ containerPort }) => containerPort === port)
    ) ?? containers[0];
  const told = objectsOf(status["containerStatuses"]).find(({ name }) => name === own?.["name"]);
  if (told === undefined) return "";
  const running = recordOf(recordOf(told["state"])?.["running"]);
  return running && (textOf(running["startedAt"]) ?? "");
}
