/** Whole answers of engines: prompt ids, log-probabilities, model cards, what is told as an error. @module */
import { decodeUtf8, jsonOf, recordOf, RouterError, type Sliced } from "../../../lib/base/mod.ts";
import { answerEventFor } from "../../../lib/http/dialect.ts";
import {
  asUsage,
  chatLogprobsJson,
  completionLogprobsJson,
  errorMessageOf,
  joinedLogprobs,
  JsonScanError,
  logprobsIn,
  mergeWhole,
  modelCardsOf,
  type SplitAnswer,
  splittingPromptIds,
} from "../../../lib/openai/mod.ts";
import { ANSWERS } from "../corpora/answers.ts";
import { difference, outcomeOf, short, slicesFor, within } from "../outcome.ts";
import { parserTarget, type Verdict } from "../parser_target.ts";
import type { FuzzTarget } from "../target.ts";

/** What reads answers. */
export interface AnswerReaders {
  /** Throws `JsonScanError`. */
  readonly split: (answer: Uint8Array) => Sliced<SplitAnswer>;
  readonly message: typeof errorMessageOf;
}

const READERS: AnswerReaders = {
  split: splittingPromptIds,
  message: errorMessageOf,
};

/** The target, with `readers` in place of the router's own. */
export function answersTarget(readers: Partial<AnswerReaders> = {}): FuzzTarget {
  const { split, message } = { ...READERS, ...readers };
  return parserTarget({
    name: "answers",
    about: "whole answers of engines, beside JSON.parse",
    corpus: ANSWERS,
    check(input) {
      const value = jsonOf(input);
      const text = message(value);
      if (text !== undefined && typeof text !== "string") return "message: it is no text";
      for (const card of modelCardsOf(value) ?? []) {
        if (typeof card.id !== "string") return "card: its id is no text";
      }
      asUsage(recordOf(value)?.["usage"]);
      for (const path of ["/v1/messages", "/v1/responses", "/v1/completions"]) {
        const telling = { path, requestId: "r", told: (error: RouterError) => error };
        answerEventFor(telling, { status: 400, body: input });
      }
      if (recordOf(value) !== undefined && !Array.isArray(value)) logprobsProblem(input);
      outcomeOf(() => mergeWhole([input, input], { id: "i", created: 1 }, 1), RouterError);
      const parted = outcomeOf(
        () => within(slicesFor(input.length) * 10, split(input)),
        JsonScanError,
      );
      return parted.ok ? partedProblem(value, parted.value) : undefined;
    },
  });
}

/** What is found is JSON once more. */
function logprobsProblem(input: Uint8Array): void {
  const found = logprobsIn(input);
  if (found === undefined) return;
  completionLogprobsJson(found);
  chatLogprobsJson(joinedLogprobs([found, found]), 2);
}

/** The ids and the rest are what `JSON.parse` finds, if it takes the answer. */
function partedProblem(value: unknown, { promptIds, rest }: SplitAnswer): Verdict {
  const whole = recordOf(value);
  const [choice] = Array.isArray(whole?.["choices"]) ? whole["choices"] as unknown[] : [];
  if (whole === undefined || promptIds === undefined) return undefined;
  const wanted = [whole["prompt_token_ids"], recordOf(choice)?.["prompt_token_ids"]];
  const ids = jsonOf(promptIds);
  const found = ids !== undefined && wanted.some((each) => difference("", each, ids) === undefined);
  if (!found) return `ids: ${short(decodeUtf8(promptIds))}`;
  return jsonOf(rest.bytes) === undefined ? `rest: ${short(decodeUtf8(rest.bytes))}` : undefined;
}
