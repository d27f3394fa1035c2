/** Which path is answered by what. @module */
import { adminFaults, adminReset, adminStats } from "./admin.ts";
import { ApiError } from "./api_error.ts";
import { chat } from "./chat.ts";
import { completions } from "./completions.ts";
import {
  type ControlHandler,
  health,
  isSleeping,
  listModels,
  load,
  metrics,
  sleep,
  type SleepState,
  version,
  wakeUp,
} from "./control.ts";
import type { EngineCore } from "./core.ts";
import type { HttpReply } from "./http_reply.ts";
import type { HttpHandler, HttpRequest } from "./http_server.ts";
import { callEndpoint, type Endpoint, refuse } from "./inference.ts";
import { messages } from "./messages.ts";
import { embeddings, rerank, score } from "./pooling.ts";
import { renderChatRequest, renderCompletion } from "./render.ts";
import { responses } from "./responses.ts";
import { detokenize, tokenize } from "./tokenize.ts";

type Route =
  | { readonly method: "POST"; readonly kind: "inference" | "tool"; readonly endpoint: Endpoint }
  | {
    readonly method: "GET" | "POST";
    readonly kind: "control" | "admin";
    readonly handler: ControlHandler;
  };

function inference(endpoint: Endpoint): Route {
  return { method: "POST", kind: "inference", endpoint };
}

function tool(endpoint: Endpoint): Route {
  return { method: "POST", kind: "tool", endpoint };
}

function control(method: "GET" | "POST", handler: ControlHandler): Route {
  return { method, kind: "control", handler };
}

function admin(method: "GET" | "POST", handler: ControlHandler): Route {
  return { method, kind: "admin", handler };
}

const ROUTES: ReadonlyMap<string, Route> = new Map([
  ["/v1/completions", inference(completions)],
  ["/v1/chat/completions", inference(chat)],
  ["/v1/responses", inference(responses)],
  ["/v1/messages", inference(messages)],
  ["/v1/embeddings", inference(embeddings)],
  ["/v1/rerank", inference(rerank)],
  ["/rerank", inference(rerank)],
  ["/v1/score", inference(score)],
  ["/score", inference(score)],
  ["/v1/completions/render", tool(renderCompletion)],
  ["/v1/chat/completions/render", tool(renderChatRequest)],
  ["/tokenize", tool(tokenize)],
  ["/detokenize", tool(detokenize)],
  ["/v1/models", control("GET", listModels)],
  ["/health", control("GET", health)],
  ["/ping", control("GET", health)],
  ["/version", control("GET", version)],
  ["/load", control("GET", load)],
  ["/metrics", control("GET", metrics)],
  ["/sleep", control("POST", sleep)],
  ["/wake_up", control("POST", wakeUp)],
  ["/is_sleeping", control("GET", isSleeping)],
  ["/sim/stats", admin("GET", adminStats)],
  ["/sim/faults", admin("POST", adminFaults)],
  ["/sim/reset", admin("POST", adminReset)],
]);

/** The engine's HTTP side. */
export function createHandler(core: EngineCore): HttpHandler {
  const sleeping: SleepState = { level: undefined };
  return async (request, reply) => {
    const route = ROUTES.get(request.path);
    if (route?.kind !== "admin") core.stats.see(request);
    core.log.debug(`${request.method} ${request.path}`, () => ({
      id: request.headers.get("x-request-id"),
    }));
    const problem = refusalOf(core, request, route, sleeping);
    if (problem !== undefined) {
      if (problem.status === 405) reply.headers.push(["allow", route?.method ?? "POST"]);
      await refuse(core, reply, problem);
    } else if (route !== undefined) {
      await run(core, route, request, reply, sleeping);
    }
  };
}

async function run(
  core: EngineCore,
  route: Route,
  request: HttpRequest,
  reply: HttpReply,
  sleeping: SleepState,
): Promise<void> {
  if ("handler" in route) {
    await route.handler(core, request, reply, sleeping);
    return;
  }
  const { paths } = core.faults;
  const faulty = route.kind === "inference" || paths.includes(request.path);
  await callEndpoint(core, request, reply, route.endpoint, faulty);
}

function refusalOf(
  core: EngineCore,
  request: HttpRequest,
  route: Route | undefined,
  sleeping: SleepState,
): ApiError | undefined {
  if (route === undefined) return new ApiError(404, "NotFoundError", "Not Found");
  const method = request.method === "HEAD" ? "GET" : request.method;
  if (method !== route.method) {
    return new ApiError(405, "Method Not Allowed", "Method Not Allowed");
  }
  const { apiKey } = core.options;
  if (apiKey !== undefined && request.path.startsWith("/v1")) {
    if (request.headers.get("authorization") !== `Bearer ${apiKey}`) {
      return new ApiError(401, "Unauthorized", "Unauthorized");
    }
  }
  if (route.kind === "inference" && sleeping.level !== undefined) {
    return new ApiError(503, "ServiceUnavailableError", "The engine is sleeping");
  }
  return undefined;
}
