/** Lists of token ids, and the answers that tell them. @module */
import {
  decodeUtf8,
  type Engine,
  jsonOf,
  RouterError,
  unlessMalformed,
} from "../../../lib/base/mod.ts";
import {
  countUncheckedIds,
  lastIds,
  type PostJson,
  remoteTokenizer,
} from "../../../lib/tokenization/mod.ts";
import { renderPrompt } from "../../../lib/tokenization/render.ts";
import { DIGITS } from "../corpora/alphabets.ts";
import { ANSWERS } from "../corpora/answers.ts";
import { pick } from "../chance.ts";
import type { Corpus } from "../mutate.ts";
import { difference, outcomeOfAsync, short } from "../outcome.ts";
import { parserTarget, type Verdict } from "../parser_target.ts";
import type { FuzzTarget } from "../target.ts";
import { textOf } from "../text.ts";

/** Counts the ids of a list; undefined when it is none. */
export type CountIds = (raw: Uint8Array) => number | undefined;

const LISTS: Corpus = {
  seeds: [
    "[]",
    "[1]",
    "[1,2,3]",
    "[ 0 ,\t10,\r\n 200 ]",
    "[01]",
    "[1,]",
    "[,1]",
    "[1 2]",
    "[-1]",
    "[1.0]",
  ],
  words: [..."[], ", ...DIGITS, ..."-.", "\t", "\n", "\r", "12345", "1,2,"],
  lineEnd: ",",
};

/** The target of lists, with `count` as the counter. */
export function idsTarget(count: CountIds = countUncheckedIds): FuzzTarget {
  return parserTarget({
    name: "ids",
    about: "lists of token ids, beside JSON.parse",
    corpus: LISTS,
    check(input) {
      const found = count(input);
      const text = textOf(input);
      const value = unlessMalformed(() => JSON.parse(text) as unknown);
      const bare = /^\[[\d,\s]*\]$/.test(text);
      const wanted = bare && Array.isArray(value) ? value.length : undefined;
      if (found !== wanted) return `count: ${found} for ${wanted}`;
      if (found === undefined || !Array.isArray(value)) return undefined;
      const last = lastIds(input, 3);
      return last.length > 3 || !value.join().endsWith(last.join())
        ? `last: ${last.join()}`
        : undefined;
    },
  });
}

const ENGINE: Engine = {
  id: "e",
  url: "http://engine.example",
  role: "any",
  models: ["m"],
  kv: "none",
};
const CALLER = { headers: [], signal: new AbortController().signal };
const STATUSES = [200, 200, 200, 400, 404, 500] as const;

/** Asks an engine, whose reply is the input, for the ids of a prompt. Rejects with `RouterError`. */
export type AskIds = (post: PostJson) => Promise<unknown>;

const ASKS: readonly AskIds[] = [
  (post) => remoteTokenizer(post).tokenize(ENGINE, [], CALLER),
  (post) => remoteTokenizer(post).detokenize(ENGINE, "m", [1], CALLER),
  (post) => renderPrompt(post, ENGINE, { path: "/render", body: () => [] }, CALLER),
];

/** The target of answers, with `asks` as what reads them. */
export function tokenizedTarget(asks: readonly AskIds[] = ASKS): FuzzTarget {
  return parserTarget({
    name: "tokenized",
    about: "answers of engines to /tokenize, /detokenize and render endpoints",
    corpus: ANSWERS,
    async check(input, random) {
      const status = pick(random, STATUSES, 200);
      const post: PostJson = (_engine, { read }) => Promise.resolve(read({ status, body: input }));
      for (const ask of asks) {
        const end = await outcomeOfAsync(() => ask(post), RouterError);
        const wrong = end.ok
          ? tokensProblem(end.value, input)
          : end.error instanceof RouterError && end.error.code === "tokenize-failed"
          ? undefined
          : `code: ${end.error.message}`;
        if (wrong !== undefined) return wrong;
      }
      return undefined;
    },
  });
}

/** Ids that are told are a list in the answer, of as many numbers as it says. */
function tokensProblem(value: unknown, input: Uint8Array): Verdict {
  const end = value as {
    readonly kind?: string;
    readonly prompt?: { ids: Uint8Array; count: number };
  };
  if (end?.kind !== "tokens" || end.prompt === undefined) return undefined;
  const { ids, count } = end.prompt;
  const list = jsonOf(ids);
  if (!Array.isArray(list)) return `ids: ${short(decodeUtf8(ids))}`;
  if (!textOf(input).includes(textOf(ids))) return "ids: not of the answer";
  return difference("count", list.length, count);
}
