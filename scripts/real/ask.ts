/** Requests and answers of the checks. @module */
import { normal, type NormalAnswer } from "../../tests/support/normal.ts";
import { must } from "./check.ts";

/** Longest wait for one answer. */
const ANSWER_MS = 120_000;

/** A request's body. */
export type Body = Readonly<Record<string, unknown>>;

/** POST `body`; rejects when no answer begins or ends in time. */
export function post(url: string, body: Body, signal?: AbortSignal): Promise<Response> {
  const limit = AbortSignal.timeout(ANSWER_MS);
  return fetch(url, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
    signal: signal === undefined ? limit : AbortSignal.any([limit, signal]),
  });
}

/** The answer in a form that two engines of the same model agree on. */
export async function ask(url: string, body: Body): Promise<NormalAnswer> {
  const { status, contentType, answer } = await normal(await post(url, body));
  // A fingerprint tells the configuration of an engine, which differs between them; messages count
  // cached tokens apart.
  const own = new Set(["system_fingerprint", url.endsWith("/v1/messages") ? "input_tokens" : ""]);
  return { status, contentType, answer: settled(without(answer, own)) };
}

/**
 * `answer` with one form for a call that was cut before its arguments: as its deltas fall, vLLM's
 * stream says `{}` or nothing.
 */
function settled(answer: unknown): unknown {
  if (Array.isArray(answer)) return answer.map(settled);
  if (typeof answer !== "object" || answer === null) return answer;
  return Object.fromEntries(
    Object.entries(answer).map(([key, value]) => [
      key,
      key === "arguments" && value === "" ? "{}" : settled(value),
    ]),
  );
}

/** How often the engine is asked again where its answers differ among themselves. */
const AGAIN = 4;

/**
 * Ask both, the engine first, and throw unless they answer alike; gives the engine's answer. An
 * engine may answer differently from one time to the next, as where a limit cuts a tool call: then
 * the router's answer must be one of its answers.
 */
export async function same(
  engine: string,
  router: string,
  path: string,
  body: Body,
  status = 200,
): Promise<NormalAnswer> {
  const right = await ask(engine + path, body);
  const ours = await ask(router + path, body);
  const [expected, actual] = [inOrder(right), inOrder(ours)];
  must(right.status === status, `the engine itself answered ${right.status}: ${expected}`);
  let known = expected === actual;
  for (let time = 0; !known && time < AGAIN; time++) {
    known = inOrder(await ask(engine + path, body)) === actual;
  }
  must(known, `differs from the engine's own answer\n  engine: ${expected}\n  router: ${actual}`);
  return right;
}

/** The text of an answer's first choice. */
export function textOf({ answer }: NormalAnswer): string {
  const { choices: [choice] = [] } = answer as {
    readonly choices?: readonly {
      readonly text?: string;
      readonly content?: string;
      readonly message?: { readonly content?: string };
    }[];
  };
  return choice?.message?.content ?? choice?.content ?? choice?.text ?? "";
}

function without(value: unknown, keys: ReadonlySet<string>): unknown {
  if (Array.isArray(value)) return value.map((member) => without(member, keys));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([key]) => !keys.has(key))
      .map(([key, member]) => [key, without(member, keys)]),
  );
}

/** JSON with the members of every object in order of their names. */
function inOrder(value: unknown): string {
  return JSON.stringify(
    value,
    (_key, member) =>
      typeof member === "object" && member !== null && !Array.isArray(member)
        ? Object.fromEntries(Object.entries(member).sort(([a], [b]) => a < b ? -1 : 1))
        : member,
  );
}
