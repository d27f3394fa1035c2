/** Which path about files and batches is answered how. @module */
import { RouterError } from "../base/mod.ts";
import type { Batches } from "../batch/mod.ts";
import type { FrontRequest } from "../front/mod.ts";
import type { Answer } from "../request/mod.ts";
import { cancelBatch, createBatch, listBatches, oneBatch } from "./batch_calls.ts";
import {
  type BatchHandler,
  fileContent,
  listFiles,
  oneFile,
  removeFile,
  uploadFile,
} from "./batch_files.ts";
import type { HttpCall, HttpDeps } from "./context.ts";
import { targetOf } from "./target.ts";

/** What answers a request. */
export interface BatchRoute {
  readonly handler: (deps: HttpDeps, call: HttpCall) => Answer | Promise<Answer>;
  /** Nothing of it depends on which models the engines serve. */
  readonly needsModels: false;
}

/** Paths with one place for an id. */
interface BatchPath {
  readonly form: RegExp;
  /** As a metric label. */
  readonly label: string;
  readonly methods: Readonly<Record<string, BatchHandler>>;
}

const PATHS: readonly BatchPath[] = [
  {
    form: /^\/v1\/files$/,
    label: "/v1/files",
    methods: { GET: listFiles, POST: uploadFile },
  },
  {
    form: /^\/v1\/files\/([^/]+)$/,
    label: "/v1/files/{id}",
    methods: { GET: oneFile, DELETE: removeFile },
  },
  {
    form: /^\/v1\/files\/([^/]+)\/content$/,
    label: "/v1/files/{id}/content",
    methods: { GET: fileContent },
  },
  {
    form: /^\/v1\/batches$/,
    label: "/v1/batches",
    methods: { GET: listBatches, POST: createBatch },
  },
  {
    form: /^\/v1\/batches\/([^/]+)$/,
    label: "/v1/batches/{id}",
    methods: { GET: oneBatch, DELETE: cancelBatch },
  },
  {
    form: /^\/v1\/batches\/([^/]+)\/cancel$/,
    label: "/v1/batches/{id}/cancel",
    methods: { POST: cancelBatch },
  },
];

/**
 * What answers `method` on `path`; undefined for a path that is about something else, and for all where
 * there are no `batches`. Throws `method-not-allowed`.
 */
export function batchRouteOf(
  batches: Batches | undefined,
  method: string,
  path: string,
): BatchRoute | undefined {
  if (batches === undefined) return undefined;
  for (const { form, methods } of PATHS) {
    const found = form.exec(path);
    if (found === null) continue;
    const known = method === "HEAD" ? "GET" : method;
    const handler = Object.hasOwn(methods, known) ? methods[known] : undefined;
    if (handler === undefined) throw notAllowed(method, path, Object.keys(methods));
    const [, id = ""] = found;
    return {
      needsModels: false,
      handler: (deps, call) => handler(deps, { ...call, batches, owner: call.pass.key ?? "", id }),
    };
  }
  return undefined;
}

/** The name of an endpoint as a metric label; undefined for those of others. */
export function batchLabel(path: string): string | undefined {
  return PATHS.find(({ form }) => form.test(path))?.label;
}

function notAllowed(method: string, path: string, allowed: readonly string[]): RouterError {
  const allow = allowed.flatMap((each) => each === "GET" ? ["GET", "HEAD"] : [each]).join(", ");
  const message = `Method ${method} is not allowed on '${path}': use ${allowed.join(" or ")}`;
  return new RouterError("method-not-allowed", message, { allow });
}

/** Whether a request is about files and batches, whatever becomes of it. */
export function isBatchTarget(
  request: Pick<FrontRequest, "target" | "headers">,
  root: string,
): boolean {
  // The usual target is told apart without reading all of it.
  if (!/%|\/(?:files|batches)/.test(request.target)) return false;
  const target = targetOf(request, root);
  return !(target instanceof RouterError) && batchLabel(target.path) !== undefined;
}
