/** What all objects of Kubernetes have: a name, a version, labels. @module */
import { recordOf } from "../../base/mod.ts";

/** Members of a JSON object. */
export type JsonObject = Readonly<Record<string, unknown>>;

/** Labels, or annotations. */
export type Texts = Readonly<Record<string, string>>;

/** An object's metadata, as far as anybody looks at it. */
export interface ObjectMeta {
  readonly name: string;
  readonly namespace: string;
  readonly uid: string;
  /** Its `resourceVersion`. */
  readonly version: string;
  readonly labels: Texts;
  readonly annotations: Texts;
  /** It was told to go. */
  readonly deleting: boolean;
}

/** The metadata of `object`; undefined where it has no name. */
export function metaOf(object: JsonObject): ObjectMeta | undefined {
  const meta = recordOf(object["metadata"]);
  const name = textOf(meta?.["name"]);
  if (meta === undefined || name === undefined) return undefined;
  return {
    name,
    namespace: textOf(meta["namespace"]) ?? "",
    uid: textOf(meta["uid"]) ?? "",
    version: textOf(meta["resourceVersion"]) ?? "",
    labels: textsOf(meta["labels"]),
    annotations: textsOf(meta["annotations"]),
    deleting: typeof meta["deletionTimestamp"] === "string",
  };
}

/** The text that `value` is; undefined for none and an empty one. */
export function textOf(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}

/** The texts among the members of `value`. */
export function textsOf(value: unknown): Texts {
  const members = Object.entries(recordOf(value) ?? {});
  return Object.fromEntries(
    members.filter((member): member is [string, string] => typeof member[1] === "string"),
  );
}

/** The objects in the list `value`; none where it is no list. */
export function objectsOf(value: unknown): readonly JsonObject[] {
  if (!Array.isArray(value)) return [];
  return value.map(recordOf).filter((item) => item !== undefined);
}
