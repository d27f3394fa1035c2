/** Which path is answered how. @module */
import { RouterError } from "../base/mod.ts";
import type { Answer } from "../request/mod.ts";
import { batchLabel } from "./batch_routes.ts";
import type { HttpCall, HttpDeps } from "./context.ts";
import { generation, invocation, passOn } from "./inference.ts";
import { about, engines, health, metrics, model, models, version } from "./info.ts";
import { ready } from "./ready.ts";

/** Answers one request. Throws `RouterError`. */
export type Handler = (deps: HttpDeps, call: HttpCall) => Answer | Promise<Answer>;

/** One endpoint. */
export interface Route {
  readonly method: "GET" | "POST";
  /** It may be asked with POST too. */
  readonly takesPost?: true;
  readonly handler: Handler;
  /** Whether the answer depends on which models the engines serve. */
  readonly needsModels: boolean;
}

const GENERATING = [
  ["/v1/completions", "completions"],
  ["/v1/chat/completions", "chat"],
  ["/v1/responses", "responses"],
  ["/v1/messages", "messages"],
] as const;

const PASSED_ON = [
  "/v1/messages/count_tokens",
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
  ...GENERATING.map(([path, form]) =>
    [path, asking((deps, call) => generation(deps, call, form))] as const
  ),
  ...PASSED_ON.map((path) => [path, asking(passOn)] as const),
  ["/invocations", asking(invocation)],
  ["/v1/models", { method: "GET", handler: models, needsModels: true }],
  ["/", telling(about)],
  ["/engines", telling(engines)],
  ["/health", telling(health)],
  ["/healthcheck", telling(health)],
  ["/ready", telling(ready)],
  ["/ping", { ...telling(health), takesPost: true }],
  ["/version", telling(version)],
  ["/metrics", telling(metrics)],
]);

/** An endpoint of engines. */
function asking(handler: Handler): Route {
  return { method: "POST", handler, needsModels: true };
}

/** An endpoint of the router's own. */
function telling(handler: Handler): Route {
  return { method: "GET", handler, needsModels: false };
}

const MODEL_PREFIX = "/v1/models/";

/** What answers `method` on `path`, which is decoded. Throws `not-found` and `method-not-allowed`. */
export function routeOf(method: string, path: string): Route {
  const route = ROUTES.get(path) ?? modelRoute(path);
  if (route === undefined) {
    throw new RouterError("not-found", `Unknown path '${path}'`);
  }
  const asked = method === "HEAD" ? "GET" : method;
  if (asked === route.method || (method === "POST" && route.takesPost)) return route;
  const allow = route.method === "GET" ? "GET, HEAD" : route.method;
  throw new RouterError(
    "method-not-allowed",
    `Method ${method} is not allowed on '${path}': use ${route.method}`,
    { allow: route.takesPost ? `${allow}, POST` : allow },
  );
}

function modelRoute(path: string): Route | undefined {
  if (!path.startsWith(MODEL_PREFIX)) return undefined;
  return {
    method: "GET",
    handler: (deps, call) => model(deps, call, path.slice(MODEL_PREFIX.length)),
    needsModels: true,
  };
}

/** The name of an endpoint as a metric label: one of a closed list. */
export function endpointLabel(path: string): string {
  if (ROUTES.has(path)) return path;
  return path.startsWith(MODEL_PREFIX) ? `${MODEL_PREFIX}{id}` : batchLabel(path) ?? "unknown";
}
