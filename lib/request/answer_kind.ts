/** What an engine's answer has to be, to be one. @module */
import type { UpstreamResponse } from "../upstream/mod.ts";

/**
 * What a request is answered with: a stream of events, one JSON value, a text in whatever notation,
 * sound, which may come as events too, or whatever there is.
 */
export type AnswerKind = "events" | "json" | "text" | "sound" | "any";

/** Statuses of complete answers: not of what has no body, nor of a part of one. */
const ANSWERED: ReadonlySet<number> = new Set([200, 201, 202, 203]);

/** What an answer of a kind may be. */
interface Kind {
  /** What it is called in a message. */
  readonly wanted: string;
  readonly takes: (type: string) => boolean;
}

const EVENTS = "text/event-stream";
const BYTES = "application/octet-stream";

const KINDS: Readonly<Record<Exclude<AnswerKind, "any">, Kind>> = {
  events: { wanted: EVENTS, takes: (type) => type === EVENTS },
  json: { wanted: "application/json", takes: isJson },
  text: { wanted: "application/json", takes: (type) => isJson(type) || isPlain(type) },
  sound: {
    wanted: "audio/*",
    takes: (type) => type.startsWith("audio/") || type === BYTES || type === EVENTS,
  },
};

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
  const { wanted, takes } = KINDS[kind];
  if (takes(type)) return undefined;
  const found = type === "" ? "without a content type" : `with '${type.slice(0, 60)}'`;
  return `answered ${status} ${found} in the place of '${wanted}'`;
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
  return type === "application/json" || type.endsWith("+json");
}

/** Subtitles have types of their own. */
const SUBTITLES: ReadonlySet<string> = new Set(["application/x-subrip", "application/srt"]);

/** A page is what something between here and the engine says; events have to be asked for. */
const NO_TEXT: ReadonlySet<string> = new Set(["text/html", EVENTS]);

function isPlain(type: string): boolean {
  return SUBTITLES.has(type) || (type.startsWith("text/") && !NO_TEXT.has(type));
}
