/** Which path is answered how. @module */
import { RouterError } from "../base/mod.ts";
import { isPassedThrough } from "../config/mod.ts";
import type { Answer } from "../request/mod.ts";
import { changeAdapter } from "./adapters.ts";
import { batchLabel } from "./batch_routes.ts";
import type { HttpCall, HttpDeps } from "./context.ts";
import { generation, invocation, type Passing, passOn } from "./inference.ts";
import { about, model, models, version } from "./info.ts";
import { passForm } from "./pass_form.ts";
import { passQuestion } from "./pass_question.ts";
import { passThrough } from "./pass_through.ts";
import { isSleeping, putToSleep, wakeUp } from "./sleep.ts";
import { told } from "./whole.ts";

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

/** Endpoints that take a JSON body, and how they answer. */
const PASSED_ON: readonly (readonly [path: string, passing?: Passing])[] = [
  ["/v1/messages/count_tokens"],
  ["/v1/embeddings"],
  ["/v1/rerank"],
  ["/v2/rerank"],
  ["/rerank"],
  ["/v1/score"],
  ["/score"],
  ["/pooling"],
  ["/classify"],
  ["/tokenize"],
  ["/detokenize"],
  ["/v1/images/generations", { streams: true }],
  ["/v1/audio/speech", { streams: true, answer: "sound" }],
];

/** Endpoints that take a form. */
const FORMS: readonly (readonly [path: string, passing?: Passing])[] = [
  ["/v1/audio/transcriptions", { answer: "text" }],
  ["/v1/audio/translations", { answer: "text" }],
  ["/v1/images/edits"],
];

/** Endpoints of engines that are asked without a body. */
const QUESTIONS = ["/v1/audio/voices", "/tokenizer_info"] as const;

/** All endpoints by path. */
const ROUTES: ReadonlyMap<string, Route> = new Map<string, Route>([
  ...GENERATING.map(([path, form]) =>
    [path, asking((deps, call) => generation(deps, call, form))] as const
  ),
  ...PASSED_ON.map(([path, passing]) =>
    [path, asking((deps, call) => passOn(deps, call, passing))] as const
  ),
  ...FORMS.map(([path, passing]) =>
    [path, asking((deps, call) => passForm(deps, call, passing))] as const
  ),
  ...QUESTIONS.map((path) => [path, { ...telling(passQuestion), needsModels: true }] as const),
  ["/invocations", asking(invocation)],
  ["/sleep", asking(putToSleep)],
  ["/wake_up", asking(wakeUp)],
  ["/is_sleeping", { ...telling(isSleeping), needsModels: true }],
  ["/v1/load_lora_adapter", asking((deps, call) => changeAdapter(deps, call, "load"))],
  ["/v1/unload_lora_adapter", asking((deps, call) => changeAdapter(deps, call, "unload"))],
  ["/v1/models", { method: "GET", handler: models, needsModels: true }],
  ["/", telling(about)],
  ["/engines", telling(told("engines"))],
  ["/health", telling(told("health"))],
  ["/healthcheck", telling(told("health"))],
  ["/ready", telling(told("ready"))],
  ["/ping", { ...telling(told("health")), takesPost: true }],
  ["/version", telling(version)],
  ["/metrics", telling(told("metrics"))],
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

/** What answers on paths that are passed through. */
const PASSED_THROUGH: Route = {
  method: "GET",
  takesPost: true,
  handler: passThrough,
  needsModels: true,
};

/**
 * What answers `method` on `path`, which is decoded; `passed` are those that are passed through. Throws
 * `not-found` and `method-not-allowed`.
 */
export function routeOf(method: string, path: string, passed: readonly string[] = []): Route {
  const route = ROUTES.get(path) ?? modelRoute(path) ??
    (isPassedThrough(passed, path) ? PASSED_THROUGH : undefined);
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

/** Whether what is answered on `path` is about the router itself, as probes and scrapes ask it. */
export function isAboutItself(path: string): boolean {
  return ROUTES.get(path)?.needsModels === false;
}

/** The name of an endpoint as a metric label: one of a closed list. */
export function endpointLabel(path: string, passed: readonly string[] = []): string {
  if (ROUTES.has(path)) return path;
  if (path.startsWith(MODEL_PREFIX)) return `${MODEL_PREFIX}{id}`;
  return batchLabel(path) ?? (isPassedThrough(passed, path) ? "pass-through" : "unknown");
}
