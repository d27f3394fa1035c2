/**
 * A list of prompts: each is answered as a request of its own, with its own handoff, KV and
 * retries, and the answers are put together.
 *
 * A list never goes to an engine as one: every prompt of it would carry the same KV id, and prompts
 * of unequal length can take a decode engine down (CVE-2026-94623).
 * @module
 */
import { inSlices } from "../base/mod.ts";
import { type GenerationRequest, promptsOf, samplesOf, withPrompt } from "../disagg/mod.ts";
import { type MergedIdentity, merging } from "../openai/mod.ts";
import {
  type Answer,
  answerHeaders,
  bodyOf,
  clientGone,
  isWhole,
  type RequestContext,
} from "../request/mod.ts";
import { FanOutStream } from "./fan_out_stream.ts";
import { type FanOutDeps, type PromptEnd, PromptList } from "./prompt_list.ts";

/** Prompts of one list that are answered at a time; the others follow in order. */
const PROMPTS_AT_ONCE = 8;

/** Answers a request with one prompt. Throws `RouterError`. */
export type AnswerOne = (context: RequestContext, request: GenerationRequest) => Promise<Answer>;

/**
 * Answer a request with several prompts through `answerOne`. The first failure of a prompt, while
 * nothing has reached the client, is the answer. A stream begins when each of the first 8 prompts
 * is known to be answered, so that a list which is refused is refused by the status.
 *
 * Throws `bad-request` when the list is none or too long, and what `answerOne` throws.
 */
export async function fanOut(
  deps: FanOutDeps,
  context: RequestContext,
  request: GenerationRequest,
  answerOne: AnswerOne,
): Promise<Answer> {
  const prompts = promptsOf(request);
  const { stream } = request;
  context.trace.route = "fan_out";
  deps.log.debug("Answering prompts one by one", {
    request: context.id,
    prompts: prompts.length,
  });
  const list = new PromptList(deps, context, { size: prompts.length, stream }, (single, index) => {
    const prompt = prompts[index] ?? new Uint8Array(0);
    return answerOne(single, withPrompt(request, prompt));
  });
  const work: Work = {
    list,
    identity: {
      id: `cmpl-${context.id}`,
      created: Math.floor(deps.clock.unixMs() / 1000),
    },
    n: samplesOf(request),
  };
  return stream ? await streamed(context, work, request) : await whole(deps, work);
}

/** A list under way, and what its answer is to look like. */
interface Work {
  readonly list: PromptList;
  readonly identity: MergedIdentity;
  readonly n: number;
}

type Failed = Exclude<PromptEnd, { readonly kind: "answer" }>;

async function whole(deps: FanOutDeps, { list, identity, n }: Work): Promise<Answer> {
  const answers: Answer[] = [];
  const failure = Promise.withResolvers<Failed>();
  const lane = async (): Promise<void> => {
    for (let begun = list.next(); begun !== undefined; begun = list.next()) {
      const end = await begun.end;
      if (end.kind !== "answer") {
        failure.resolve(end);
        return;
      }
      answers[begun.index] = end.answer;
    }
  };
  const lanes = Promise.all(Array.from({ length: PROMPTS_AT_ONCE }, lane));
  const failed = await Promise.race([failure.promise, lanes.then(() => undefined)]);
  if (failed !== undefined) {
    list.end();
    deps.background.run(lanes);
    return failureOf(failed);
  }
  // Of a list that has ended, some prompts were never begun.
  if (list.signal.aborted) throw clientGone();
  list.release();
  const bodies = answers.map(({ body }) => isWhole(body) ? body : new Uint8Array(0));
  return {
    status: 200,
    headers: answerHeaders("application/json", answers[0]?.headers ?? []),
    body: bodyOf(await inSlices(merging(bodies, identity, n), deps.breather)),
  };
}

async function streamed(
  { told }: RequestContext,
  { list, identity, n }: Work,
  request: GenerationRequest,
): Promise<Answer> {
  const begun = list.begin(PROMPTS_AT_ONCE);
  const failure = Promise.withResolvers<{ readonly index: number; readonly end: Failed }>();
  const answered = begun.map(async ({ index, end: opening }) => {
    const end = await opening;
    if (end.kind !== "answer") failure.resolve({ index, end });
  });
  const failed = await Promise.race([
    failure.promise,
    Promise.all(answered).then(() => undefined),
  ]);
  if (failed !== undefined) {
    list.end();
    for (const { index, end } of begun) if (index !== failed.index) list.abandon(end);
    return failureOf(failed.end);
  }
  if (begun.length === 0) throw clientGone();
  const body = new FanOutStream({
    list,
    begun,
    identity,
    n,
    includeUsage: request.includeUsage !== false,
    told,
  });
  const [first] = begun;
  const end = await first?.end;
  const headers = end?.kind === "answer" ? end.answer.headers : [];
  return {
    status: 200,
    headers: answerHeaders("text/event-stream; charset=utf-8", headers),
    body,
  };
}

/** What the client gets for a list of which a prompt has failed. Throws its error, if it is one. */
function failureOf(failed: Failed): Answer {
  if (failed.kind === "failed") throw failed.error;
  return failed.answer;
}
