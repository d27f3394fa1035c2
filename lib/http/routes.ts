/** Which path is answered how. @module */
import { RouterError } from "../base/mod.ts";
import type { Answer } from "../flow/mod.ts";
import type { HttpCall, HttpDeps } from "./context.ts";
import { generation, passOn } from "./inference.ts";
import { engines, health, metrics, model, models, version } from "./info.ts";

/** Answers one request. Throws `RouterError`. */
export type Handler = (deps: HttpDeps, call: HttpCall) => Answer | Promise<Answer>;

/** One endpoint. */
interface Route {
  readonly method: "GET" | "POST";
  readonly handler: Handler;
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
  }],
  ["/v1/chat/completions", {
    method: "POST",
    handler: (deps, call) => generation(deps, call, "chat"),
  }],
  ["/v1/responses", {
    method: "POST",
    handler: (deps, call) => generation(deps, call, "responses"),
  }],
  ["/v1/messages", {
    method: "POST",
    handler: (deps, call) => generation(deps, call, "messages"),
  }],
  ...PASSED_ON.map((path) => [path, { method: "POST", handler: passOn }] as const),
  ["/v1/models", { method: "GET", handler: models }],
  ["/engines", { method: "GET", handler: engines }],
  ["/health", { method: "GET", handler: health }],
  ["/version", { method: "GET", handler: version }],
  ["/metrics", { method: "GET", handler: metrics }],
]);

const MODEL_PREFIX = "/v1/models/";

/** What answers `method` on `path`. Throws `not-found` and `method-not-allowed`. */
export function routeOf(method: string, path: string): Handler {
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
  return route.handler;
}

function modelRoute(path: string): Route | undefined {
  if (!path.startsWith(MODEL_PREFIX)) return undefined;
  return {
    method: "GET",
    handler: (deps) => model(deps, decodePath(path.slice(MODEL_PREFIX.length))),
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
