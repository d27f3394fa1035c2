/** From a request of the admin API to its answer. @module */
import { jsonOf, RouterError, signalOf } from "../base/mod.ts";
import type { FrontHandler, FrontRequest } from "../front/mod.ts";
import { errorAnswer, jsonAnswer, readBody } from "../http/mod.ts";
import { isPagePath, pageAnswer } from "../page/mod.ts";
import type { Answer } from "../request/mod.ts";
import type {
  AdminAnswer,
  AdminAsk,
  AdminDeps,
  AskedEverywhere,
  JsonAnswer,
} from "./admin_deps.ts";
import { checkType, letIn, letSeePage } from "./guard.ts";
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
    const isKept = answer.headers.some(([name]) => name === "cache-control");
    return isKept
      ? answer
      : { ...answer, headers: [...answer.headers, ["cache-control", "no-store"]] };
  };
}

/** The answer, whatever came of the request; its operation is noted in `asked`. */
async function answerOf(
  deps: AdminDeps,
  request: FrontRequest,
  asked: { operation: string },
): Promise<Answer> {
  try {
    const { method, target, headers } = request;
    if (isPagePath(target)) {
      asked.operation = "page";
      letSeePage(deps, request);
      return await pageAnswer(method, target, headers.get("if-none-match"));
    }
    using visit = letIn(deps, request);
    const { operation, id, query } = routed(ALL_OPERATIONS, method, target);
    asked.operation = operation.id;
    checkType(request);
    const answer = await done(deps, operation, {
      id,
      query: readQuery(operation.query ?? [], query),
      body: operation.body === undefined ? undefined : await readJson(request),
      signal: signalOf(request.signal),
      by: visit.by,
    });
    if ("events" in answer) return { status: 200, headers: EVENT_FIELDS, body: answer.events };
    return jsonAnswer(answer.status, answer.value, answer.headers);
  } catch (error) {
    return errorAnswer(error, deps.log);
  }
}

/** What comes of an operation, here or everywhere; the document is the same wherever it is read. */
async function done(deps: AdminDeps, operation: Operation, ask: AdminAsk): Promise<AdminAnswer> {
  const { everywhere } = deps;
  const isHere = operation === DOCUMENT || operation.answer.events === true;
  if (everywhere === undefined || isHere) return await operation.run(deps, ask);
  const { signal, query, ...rest } = ask;
  return await everywhere({ ...rest, operation: operation.id, query: [...query] }, signal);
}

/** Do here what was asked of another router. Throws `RouterError`. */
export async function doneHere(
  deps: AdminDeps,
  { operation: id, query, ...ask }: AskedEverywhere,
  signal: AbortSignal,
): Promise<JsonAnswer> {
  const operation = OPERATIONS.find((known) => known.id === id);
  if (operation === undefined) throw new RouterError("internal", `There is no operation '${id}'`);
  const answer = await operation.run(deps, { ...ask, query: new Map(query), signal });
  if (!("events" in answer)) return answer;
  throw new RouterError("internal", `The operation '${id}' is no answer that can be handed on`);
}

async function readJson({ body }: FrontRequest): Promise<unknown> {
  const value = jsonOf(await readBody(body, MAX_BODY));
  if (value !== undefined) return value;
  throw new RouterError("bad-request", "The body is no JSON", { param: "body" });
}
