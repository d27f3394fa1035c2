/** Whether a request ended in a way in which it may. @module */
import { isDeepStrictEqual } from "node:util";
import { normal, type NormalAnswer } from "../../tests/support/normal.ts";
import type { Ended } from "./ended.ts";
import { LOST } from "./faults.ts";
import { partsOf, prefixProblem, saidBy } from "./pieces.ts";

/** What one engine alone answers to the same request. */
export type RightAnswer = Pick<Ended, "status" | "contentType" | "text">;

/** What else a request is judged by. */
export interface Rules {
  /** Statuses that faults in force during the request may have led to. */
  readonly statuses: ReadonlySet<number>;
  /** From the request to the end of its answer. */
  readonly deadlineMs: number;
}

/** A way in which a request may end. */
export type Verdict =
  /** The right answer. */
  | "right"
  /** A status that tells of an error. */
  | "refused"
  /** A right beginning, and an event that tells of an error. */
  | "told"
  /** A right beginning, broken within an event, where nothing can be told. */
  | "cut"
  /** The process of the router that had it was killed. */
  | "lost"
  | "left";

/** What was found: a verdict, or what is wrong. */
export type Finding =
  | { readonly verdict: Verdict }
  | { readonly violation: string };

/** Judge `ended`; `right` is asked for only where something was said. */
export async function judge(
  ended: Ended,
  right: () => Promise<RightAnswer>,
  rules: Rules,
): Promise<Finding> {
  const { kind, status, beganMs, endedMs } = ended;
  const tookMs = Math.round(endedMs - beganMs);
  if (kind === "overdue" || tookMs > rules.deadlineMs) {
    return { violation: `took ${tookMs} ms, of ${rules.deadlineMs} that it may` };
  }
  const isLost = rules.statuses.has(LOST);
  if (kind === "unanswered") {
    return isLost ? { verdict: "lost" } : { violation: `no answer: ${ended.error}` };
  }
  if (kind === "broken" && isLost) return await judgeLost(ended, right);
  if (kind === "left") return status === 200 ? await judgePart(ended, right) : { verdict: "left" };
  if (status !== 200) return await judgeRefusal(ended, right, rules);
  if (kind === "broken") return await judgeBroken(ended, right);
  return await judgeAnswer(ended, right);
}

async function judgeAnswer(ended: Ended, right: () => Promise<RightAnswer>): Promise<Finding> {
  const whole = await right();
  let said: NormalAnswer;
  try {
    said = await normalOf(ended);
  } catch (error) {
    return { violation: `an answer that cannot be read: ${error}` };
  }
  if (isDeepStrictEqual(said, await normalOf(whole))) return { verdict: "right" };
  if (!isStream(ended)) return { violation: `another answer than one engine's: ${whole.text}` };
  const problem = streamProblem(ended, whole);
  if (problem !== undefined) return { violation: problem };
  const { errors, afterError } = saidBy(partsOf(ended.text).data);
  if (errors.length !== 1 || afterError > 0) {
    const told = `${errors.length} error events, ${afterError} events behind them`;
    return { violation: `not one engine's answer, with ${told}; one engine's is: ${whole.text}` };
  }
  const shape = errorProblem({ error: errors[0] });
  return shape === undefined ? { verdict: "told" } : { violation: shape };
}

/** A beginning of a stream that its client has left. */
async function judgePart(ended: Ended, right: () => Promise<RightAnswer>): Promise<Finding> {
  if (!isStream(ended)) return { verdict: "left" };
  const problem = streamProblem(ended, await right());
  return problem === undefined ? { verdict: "left" } : { violation: problem };
}

/** What came before must be right all the same. */
async function judgeLost(ended: Ended, right: () => Promise<RightAnswer>): Promise<Finding> {
  const { verdict } = { verdict: "lost" } as const;
  if (!isStream(ended)) return { verdict };
  const problem = streamProblem(ended, await right());
  return problem === undefined ? { verdict } : { violation: problem };
}

async function judgeBroken(ended: Ended, right: () => Promise<RightAnswer>): Promise<Finding> {
  if (!isStream(ended)) return { violation: `a whole answer broke off: ${ended.error}` };
  const { data, rest } = partsOf(ended.text);
  if (rest === "" || data.includes("[DONE]")) {
    return { violation: `broken between two events, and nothing told: ${ended.error}` };
  }
  const problem = streamProblem(ended, await right());
  return problem === undefined ? { verdict: "cut" } : { violation: problem };
}

function streamProblem(ended: Ended, whole: RightAnswer): string | undefined {
  if (whole.status !== 200) return `one engine refuses this with ${whole.status}: ${whole.text}`;
  try {
    return prefixProblem(saidBy(partsOf(ended.text).data), saidBy(partsOf(whole.text).data));
  } catch (error) {
    return `an event that cannot be read: ${error}`;
  }
}

async function judgeRefusal(
  ended: Ended,
  right: () => Promise<RightAnswer>,
  { statuses }: Rules,
): Promise<Finding> {
  const { status, text, contentType } = ended;
  const shape = contentType.startsWith("application/json")
    ? errorBodyProblem(text, status)
    : `an error as ${contentType}`;
  if (shape !== undefined) return { violation: `${shape}: ${text}` };
  // What any engine refuses is refused.
  if (isDeepStrictEqual(await normalOf(ended), await normalOf(await right()))) {
    return { verdict: "right" };
  }
  if (statuses.has(status)) return { verdict: "refused" };
  return { violation: `status ${status}, which nothing accounts for: ${text}` };
}

function errorBodyProblem(text: string, status: number): string | undefined {
  try {
    return errorProblem(JSON.parse(text), status);
  } catch (error) {
    return `an error body that is not JSON (${error})`;
  }
}

/** How `body` is not as the API tells errors. */
function errorProblem(body: unknown, status?: number): string | undefined {
  const { error } = recordOf(body);
  const { message, type, param, code } = recordOf(error);
  const good = typeof message === "string" && message !== "" && typeof type === "string" &&
    (param === null || typeof param === "string") &&
    (status === undefined ? typeof code === "number" : code === status);
  return good ? undefined : `not an error in the API's shape: ${JSON.stringify(body)}`;
}

function recordOf(value: unknown): Readonly<Partial<Record<string, unknown>>> {
  return typeof value === "object" && value !== null ? { ...value } : {};
}

function isStream({ contentType }: Pick<Ended, "contentType">): boolean {
  return contentType.startsWith("text/event-stream");
}

function normalOf({ status, contentType, text }: RightAnswer): Promise<NormalAnswer> {
  return normal(new Response(text, { status, headers: { "content-type": contentType } }));
}
