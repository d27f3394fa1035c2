/** Which path is answered how. @module */
import { RouterError } from "../base/mod.ts";
import type { Answer } from "../request/mod.ts";
import type { HttpCall, HttpDeps } from "./context.ts";
import { generation, passOn } from "./inference.ts";
import { engines, health, metrics, model, models, version } from "./info.ts";

/** Answers one request. Throws `RouterError`. */
export type Handler = (deps: HttpDeps, call: HttpCall) => Answer | Promise<Answer>;

/** One endpoint. */
export interface Route {
  readonly method: "GET" | "POST";
  readonly handler: Handler;
  /** Whether the answer depends on which models the engines serve. */
  readonly needsModels: boolean;
}

const PASSED_ON = [
  "/v1/embeddings",
  "/v1/rerank",
  "/rerank",
  "/v1/score",
  "/score",
  "/tokenize",
  "/detokenize",
] as const;

/** All endpoints by path. */
const ROUTES: ReadonlyMap<string, Route> = new Map<string, Route>([
  ["/v1/completions", {
    method: "POST",
    handler: (deps, call) => generation(deps, call, "completions"),
    needsModels: true,
  }],
  ["/v1/chat/completions", {
    method: "POST",
    handler: (deps, call) => generation(deps, call, "chat"),
    needsModels: true,
  }],
  ["/v1/responses", {
    method: "POST",
    handler: (deps, call) => generation(deps, call, "responses"),
    needsModels: true,
  }],
  ["/v1/messages", {
    method: "POST",
    handler: (deps, call) => generation(deps, call, "messages"),
    needsModels: true,
  }],
  ...PASSED_ON.map((path) =>
    [path, { method: "POST", handler: passOn, needsModels: true }] as const
  ),
  ["/v1/models", { method: "GET", handler: models, needsModels: true }],
  ["/engines", { method: "GET", handler: engines, needsModels: false }],
  ["/health", { method: "GET", handler: health, needsModels: false }],
  ["/version", { method: "GET", handler: version, needsModels: false }],
  ["/metrics", { method: "GET", handler: metrics, needsModels: false }],
]);

const MODEL_PREFIX = "/v1/models/";

/** What answers `method` on `path`. Throws `not-found` and `method-not-allowed`. */
export function routeOf(method: string, path: string): Route {
  const route = ROUTES.get(path) ?? modelRoute(path);
  if (route === undefined) {
    throw new RouterError("not-found", `Unknown path '${path}'`);
  }
  const asked = method === "HEAD" ? "GET" : method;
  if (asked !== route.method) {
    throw new RouterError(
      "method-not-allowed",
      `Method ${method} is not allowed on '${path}': use ${route.method}`,
      { allow: route.method === "GET" ? "GET, HEAD" : route.method },
    );
  }
  return route;
}

function modelRoute(path: string): Route | undefined {
  if (!path.startsWith(MODEL_PREFIX)) return undefined;
  return {
    method: "GET",
    handler: (deps, call) => model(deps, call, decodePath(path.slice(MODEL_PREFIX.length))),
    needsModels: true,
  };
}

function decodePath(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text; // Not an encoding: then it is the id as it stands.
  }
}

/** The name of an endpoint as a metric label: one of a closed list. */
export function endpointLabel(path: string): string {
  if (ROUTES.has(path)) return path;
  return path.startsWith(MODEL_PREFIX) ? `${MODEL_PREFIX}{id}` : "unknown";
}
