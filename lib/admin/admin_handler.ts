/** From a request of the admin API to its answer. @module */
import { jsonOf, RouterError } from "../base/mod.ts";
import type { FrontHandler, FrontRequest } from "../front/mod.ts";
import { errorAnswer, jsonAnswer, readBody } from "../http/mod.ts";
import type { Answer } from "../request/mod.ts";
import type { AdminDeps } from "./admin_deps.ts";
import { checkType, letIn } from "./guard.ts";
import { openApi } from "./openapi.ts";
import type { Operation } from "./operation.ts";
import { OPERATIONS } from "./operations.ts";
import { routed } from "./paths.ts";
import { readQuery } from "./query.ts";

/** Largest body, in bytes: an engine's record is far smaller. */
const MAX_BODY = 64 * 1024;

const DOCUMENT = {
  id: "getDocument",
  method: "GET",
  path: "/admin/openapi.json",
  summary: "This document",
  answer: { status: 200, schema: "Document", text: "The API as OpenAPI 3.1." },
  errors: {},
  run: ({ version }) => ({ status: 200, value: openApi(ALL_OPERATIONS, version) }),
} as const satisfies Operation;

/** All operations, the one that tells of them too. */
export const ALL_OPERATIONS: readonly Operation[] = [...OPERATIONS, DOCUMENT];

/** Fields of a stream. */
const EVENT_FIELDS = [["content-type", "text/event-stream"], ["x-accel-buffering", "no"]] as const;

/** Answers every request of the admin listener. */
export function adminHandler(deps: AdminDeps): FrontHandler {
  return async (request) => {
    const asked: { operation: string } = { operation: "none" };
    const answer = await answerOf(deps, request, asked);
    const { operation } = asked;
    deps.metrics.count("pd_router_admin_requests_total", { operation, status: `${answer.status}` });
    return { ...answer, headers: [...answer.headers, ["cache-control", "no-store"]] };
  };
}

/** The answer, whatever came of the request; its operation is noted in `asked`. */
async function answerOf(
  deps: AdminDeps,
  request: FrontRequest,
  asked: { operation: string },
): Promise<Answer> {
  try {
    using visit = letIn(deps, request);
    const { operation, id, query } = routed(ALL_OPERATIONS, request.method, request.target);
    asked.operation = operation.id;
    checkType(request);
    const answer = await operation.run(deps, {
      id,
      query: readQuery(operation.query ?? [], query),
      body: operation.body === undefined ? undefined : await readJson(request),
      signal: request.signal,
      by: visit.by,
    });
    if ("events" in answer) return { status: 200, headers: EVENT_FIELDS, body: answer.events };
    return jsonAnswer(answer.status, answer.value, answer.headers);
  } catch (error) {
    return errorAnswer(error, deps.log);
  }
}

async function readJson({ body }: FrontRequest): Promise<unknown> {
  const value = jsonOf(await readBody(body, MAX_BODY));
  if (value !== undefined) return value;
  throw new RouterError("bad-request", "The body is no JSON", { param: "body" });
}
