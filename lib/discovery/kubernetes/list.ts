/** All objects of a collection, page by page. @module */
import { jsonOf, recordOf, RouterError } from "../../base/mod.ts";
import type { ApiClient } from "./api_client.ts";
import { ApiRefusal } from "./api_refusal.ts";
import { type JsonObject, metaOf, type ObjectMeta, objectsOf, textOf } from "./objects.ts";

/** Objects of one kind in one namespace, and what is kept of each. */
export interface Collection<T> {
  /** What messages call them, e.g. `pods`. */
  readonly what: string;
  readonly namespace: string;
  /** Of the API, e.g. `/api/v1/namespaces/default/pods`. */
  readonly path: string;
  readonly selector: string;
  /** Undefined for an object that counts as none. */
  keep(meta: ObjectMeta, object: JsonObject): T | undefined;
}

/** What a list came to. */
export interface Listed<T> {
  /** The version up to which it tells. */
  readonly version: string;
  /** By name. */
  readonly objects: ReadonlyMap<string, T>;
}

/** Objects of a page: each is some kilobytes of JSON, which is read in one turn. */
const PAGE = 100;

/** Most objects: as many as a fleet has engines. */
const MAX_OBJECTS = 65_536;

/** Largest page, in bytes; etcd holds no object beyond 1.5 MB. */
const MAX_PAGE_BYTES = 64 * 1024 * 1024;

const HEAD_MS = 60_000;
const IDLE_MS = 30_000;

/** Read all of it, as it is at one moment. Rejects as `ApiClient.get` does, and for malformed pages. */
export async function listAll<T>(
  client: ApiClient,
  collection: Collection<T>,
  signal: AbortSignal,
): Promise<Listed<T>> {
  try {
    return await listOnce(client, collection, signal);
  } catch (error) {
    // Between two pages what the first was of may become too old.
    if (!(error instanceof ApiRefusal && error.isExpired)) throw error;
    return await listOnce(client, collection, signal);
  }
}

async function listOnce<T>(
  client: ApiClient,
  { path, selector, what, keep }: Collection<T>,
  signal: AbortSignal,
): Promise<Listed<T>> {
  const objects = new Map<string, T>();
  let rest = "";
  for (let seen = 0;;) {
    const query = new URLSearchParams({ labelSelector: selector, limit: String(PAGE) });
    if (rest !== "") query.set("continue", rest);
    const page = await readPage(client, `${path}?${query}`, signal);
    for (const object of page.items) {
      const meta = metaOf(object);
      const kept = meta && keep(meta, object);
      if (kept !== undefined) objects.set(meta?.name ?? "", kept);
    }
    seen += page.items.length;
    // A page may be empty, and not the last.
    if (page.rest === undefined) return { version: page.version, objects };
    if (seen > MAX_OBJECTS || page.rest === rest) {
      throw new RouterError("upstream-protocol", `More than ${MAX_OBJECTS} ${what}, or no end`);
    }
    rest = page.rest;
  }
}

async function readPage(client: ApiClient, path: string, signal: AbortSignal): Promise<{
  readonly version: string;
  readonly rest: string | undefined;
  readonly items: readonly JsonObject[];
}> {
  using response = await client.get({ path, headMs: HEAD_MS, idleMs: IDLE_MS, signal });
  const page = recordOf(jsonOf(await response.readAll(MAX_PAGE_BYTES)));
  const meta = recordOf(page?.["metadata"]);
  const version = textOf(meta?.["resourceVersion"]);
  if (version === undefined) {
    throw new RouterError("upstream-protocol", "The API server's list has no version");
  }
  return { version, rest: textOf(meta?.["continue"]), items: objectsOf(page?.["items"]) };
}
