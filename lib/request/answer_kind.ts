/** What an engine's answer has to be, to be one. @module */
import type { UpstreamResponse } from "../upstream/mod.ts";

/** What a request is answered with: a stream of events, one JSON value, or whatever there is. */
export type AnswerKind = "events" | "json" | "any";

/** Statuses of complete answers: not of what has no body, nor of a part of one. */
const ANSWERED: ReadonlySet<number> = new Set([200, 201, 202, 203]);

/** What each kind is called in a message. */
const WANTED = { events: "text/event-stream", json: "application/json" } as const;

/**
 * Why `response` is no answer of `kind`, as words behind the engine's name; undefined where it is one,
 * or an error by its status. Nothing that it says of other places is told.
 */
export function answerProblem(
  response: Pick<UpstreamResponse, "status" | "header">,
  kind: AnswerKind,
): string | undefined {
  const { status } = response;
  if (status >= 400) return undefined;
  if (!ANSWERED.has(status)) return `answered ${status}, which is no answer`;
  if (kind === "any") return undefined;
  const type = typeOf(response);
  if (kind === "events" ? type === WANTED.events : isJson(type)) return undefined;
  const found = type === "" ? "without a content type" : `with '${type.slice(0, 60)}'`;
  return `answered ${status} ${found} in the place of '${WANTED[kind]}'`;
}

/** Why a leg whose answer the router reads cannot be read; undefined where it can. */
export function encodingProblem(response: Pick<UpstreamResponse, "header">): string | undefined {
  const coding = (response.header("content-encoding") ?? "").trim().toLowerCase();
  return coding === "" || coding === "identity"
    ? undefined
    : `answered in the encoding '${coding.slice(0, 60)}', which it was not asked for`;
}

function typeOf(response: Pick<UpstreamResponse, "header">): string {
  const [type = ""] = (response.header("content-type") ?? "").split(";");
  return type.trim().toLowerCase();
}

function isJson(type: string): boolean {
  return type === WANTED.json || type.endsWith("+json");
}
