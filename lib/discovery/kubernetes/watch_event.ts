/** One line of a watch. @module */
import { jsonOf, recordOf, RouterError } from "../../base/mod.ts";
import { type ApiRefusal, refusalOf } from "./api_refusal.ts";
import { type JsonObject, metaOf, type ObjectMeta, textOf } from "./objects.ts";

/** What happened. */
export type WatchEvent =
  | { readonly kind: "put"; readonly meta: ObjectMeta; readonly object: JsonObject }
  | { readonly kind: "gone"; readonly meta: ObjectMeta }
  /** Nothing, up to this version. */
  | { readonly kind: "bookmark"; readonly version: string }
  | { readonly kind: "error"; readonly refusal: ApiRefusal };

/** The event of a line. Throws `RouterError` `upstream-protocol` where it is none. */
export function watchEventOf(line: Uint8Array): WatchEvent {
  const { type, object: value } = recordOf(jsonOf(line)) ?? {};
  const object = recordOf(value);
  if (object === undefined) throw malformed("is no object");
  if (type === "ERROR") return { kind: "error", refusal: refusalOf(object) };
  if (type === "BOOKMARK") {
    const version = textOf(recordOf(object["metadata"])?.["resourceVersion"]);
    if (version === undefined) throw malformed("is a bookmark without a version");
    return { kind: "bookmark", version };
  }
  const meta = metaOf(object);
  if (meta === undefined || meta.version === "") throw malformed("is of an object without a name");
  if (type === "ADDED" || type === "MODIFIED") return { kind: "put", meta, object };
  if (type === "DELETED") return { kind: "gone", meta };
  throw malformed(`is of type ${JSON.stringify(type)?.slice(0, 40)}`);
}

function malformed(what: string): RouterError {
  return new RouterError("upstream-protocol", `An event of the API server ${what}`);
}
