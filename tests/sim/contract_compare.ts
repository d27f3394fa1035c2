/** What differs between a recorded answer and a simulated one, beside what models differ in. @module */
import {
  type Answer,
  type AnswerBody,
  isObject,
  isTokenMap,
  type Json,
  type MetricFamily,
  runsOf,
  type SseEvent,
  WORD_KEYS,
} from "../../scripts/real/recording/mod.ts";

/** Keys of numbers that are the same whatever the model says. */
const FIXED_NUMBERS = new Set([
  "index",
  "code",
  "max_model_len",
  "output_index",
  "content_index",
  "priority",
  "tp_size",
]);

/** Keys of numbers of tokens. */
const COUNTS = new Set(["completion_tokens", "output_tokens"]);

/** Keys of lists whose length the tokenizer decides. */
const FREE_LISTS = new Set([
  "prompt_token_ids",
  "bytes",
  "token_strs",
  "prompt_logprobs",
  "remote_block_ids",
]);

/** Of these, the ones that may be empty: a text has no tokens, a token no whole character. */
const UNFINISHED = new Set(["bytes", "tokens"]);

/** Keys of strings that are an id, a version or the like: placeholders, compared as they are. */
const ID_KEY = /(^|_)(id|ids|fingerprint|host|root|port)$/;

const PLACEHOLDER = /^<(?:whole number|number|port|root|remote_host|uuid|\d+ hex)>$/;

/** Every difference, each as where it is and what it is; none when the answers are alike. */
export function differences(real: Answer, simulated: Answer): readonly string[] {
  const found: string[] = [];
  const say = (where: string, wanted: unknown, got: unknown): void => {
    found.push(`${where}: recorded ${text(wanted)}, simulated ${text(got)}`);
  };
  for (const part of ["status", "contentType", "allow"] as const) {
    if (real[part] !== simulated[part]) say(part, real[part], simulated[part]);
  }
  // An answer that ended by itself has as many tokens as the tokenizer makes of its text.
  const counted = !/"finish_reason":"(?:stop|tool_calls)"/.test(JSON.stringify(real));
  compareBodies(real.body, simulated.body, counted, say);
  return found;
}

type Say = (where: string, wanted: unknown, got: unknown) => void;

function compareBodies(real: AnswerBody, simulated: AnswerBody, counted: boolean, say: Say): void {
  if (real.kind === "json" && simulated.kind === "json") {
    compare(real.value, simulated.value, { where: "body", key: "", counted }, say);
    checkUsage(simulated.value, say);
  } else if (real.kind === "events" && simulated.kind === "events") {
    compareEvents(real.events, simulated.events, counted, say);
  } else if (real.kind === "metrics" && simulated.kind === "metrics") {
    compareMetrics(real.families, simulated.families, say);
  } else if (real.kind === "text" && simulated.kind === "text") {
    if (real.text !== simulated.text) say("body", real.text, simulated.text);
  } else if (real.kind !== simulated.kind) {
    say("body", real, simulated);
  }
}

function compareEvents(
  real: readonly SseEvent[],
  simulated: readonly SseEvent[],
  counted: boolean,
  say: Say,
): void {
  const wanted = runsOf(real);
  const got = runsOf(simulated);
  wanted.forEach((run, at) => {
    const other = got[at];
    if (other === undefined) return say(`events ${at}`, run.at(-1), undefined);
    for (const end of [0, -1]) {
      const [left, right] = [run.at(end), other.at(end)];
      if (left === undefined || right === undefined) continue;
      const where = `events ${at}`;
      if (left.event !== right.event) say(`${where} name`, left.event, right.event);
      // How many tokens an event has is a matter of time, but in the last ones.
      const isLast = at >= wanted.length - 2;
      compare(left.data, right.data, { where, key: "", counted: counted && isLast }, say);
    }
  });
  if (got.length > wanted.length) {
    say(`events ${wanted.length}`, undefined, got[wanted.length]?.[0]);
  }
  for (const { data } of simulated) checkUsage(data, say);
}

/** A family the simulator has besides is no fault of its form. */
function compareMetrics(
  real: readonly MetricFamily[],
  simulated: readonly MetricFamily[],
  say: Say,
): void {
  for (const family of real) {
    const other = simulated.find(({ name }) => name === family.name);
    if (JSON.stringify(other) !== JSON.stringify(family)) say(family.name, family, other);
  }
}

interface Place {
  readonly where: string;
  /** What the value is called, or the list it is in. */
  readonly key: string;
  /** Tokens can be counted. */
  readonly counted: boolean;
}

function compare(real: Json, simulated: Json, place: Place, say: Say): void {
  const { where, key, counted } = place;
  if (kindOf(real) !== kindOf(simulated)) return say(where, real, simulated);
  if (typeof real === "string") {
    if (!sameText(real, String(simulated), key)) say(where, real, simulated);
  } else if (typeof real === "number") {
    const fixed = FIXED_NUMBERS.has(key) || (counted && COUNTS.has(key));
    if (fixed && real !== simulated) say(where, real, simulated);
  } else if (typeof real === "boolean") {
    if (real !== simulated) say(where, real, simulated);
  } else if (Array.isArray(real) && Array.isArray(simulated)) {
    compareLists(real, simulated, place, say);
  } else if (isObject(real) && isObject(simulated)) {
    compareObjects(real, simulated, place, say);
  }
}

function compareLists(
  real: readonly Json[],
  simulated: readonly Json[],
  { where, key, counted }: Place,
  say: Say,
): void {
  const free = !counted && !where.endsWith("choices") || FREE_LISTS.has(key) ||
    where === "body.tokens" ||
    key === "token_ids" && !where.startsWith("body.choices");
  const sameLength = free
    ? UNFINISHED.has(key) || (real.length === 0) === (simulated.length === 0)
    : real.length === simulated.length;
  if (!sameLength) return say(`${where} length`, real.length, simulated.length);
  const pairs = Math.min(real.length, simulated.length);
  for (let at = 0; at < pairs; at++) {
    const [left, right] = [real[at], simulated[at]];
    if (left === undefined || right === undefined) continue;
    compare(left, right, { where: `${where}[${at}]`, key, counted }, say);
  }
}

function compareObjects(
  real: { readonly [key: string]: Json },
  simulated: { readonly [key: string]: Json },
  { where, key, counted }: Place,
  say: Say,
): void {
  if (isTokenMap(real, key)) return compareTokenMaps(real, simulated, where, say);
  const [wanted, got] = [Object.keys(real), Object.keys(simulated)];
  if (wanted.join() !== got.join()) say(`${where} keys`, wanted.join(), got.join());
  for (const name of wanted) {
    const [left, right] = [real[name], simulated[name]];
    if (left === undefined || right === undefined) continue;
    compare(left, right, { where: `${where}.${name}`, key: name, counted }, say);
  }
}

/** Tokens of the same spelling share a key, so that their number is the model's. */
function compareTokenMaps(
  real: { readonly [key: string]: Json },
  simulated: { readonly [key: string]: Json },
  where: string,
  say: Say,
): void {
  const [left] = Object.values(real);
  const [right] = Object.values(simulated);
  if (left === undefined || right === undefined) {
    if (left !== right) say(where, real, simulated);
    return;
  }
  compare(left, right, { where: `${where}.{token}`, key: "", counted: false }, say);
}

/** Totals are sums, wherever a usage is. */
function checkUsage(value: Json, say: Say): void {
  const usage = isObject(value) ? value["usage"] : undefined;
  if (!isObject(usage)) return;
  const { prompt_tokens: prompt, completion_tokens: completion, total_tokens: total } = usage;
  if (typeof prompt !== "number" || typeof completion !== "number") return;
  if (total !== prompt + completion) say("usage", "a sum", usage);
}

function kindOf(value: Json): string {
  if (value === null) return "null";
  return Array.isArray(value) ? "list" : typeof value;
}

function sameText(real: string, simulated: string, key: string): boolean {
  if (key === "message") return sameMessage(real, simulated);
  const compared = WORD_KEYS.has(key) || ID_KEY.test(key) || PLACEHOLDER.test(real) ||
    real === "[DONE]";
  return !compared || real === simulated;
}

/** What is wrong with a body in many ways is told in as many lines, which nobody reads. */
function sameMessage(real: string, simulated: string): boolean {
  const isList = /^\d+ validation errors/.test(real);
  if (isList) return /^\d+ validation error/.test(simulated);
  return withoutNumbers(real) === withoutNumbers(simulated);
}

function withoutNumbers(message: string): string {
  return message.replace(/\d+/g, "0");
}

function text(value: unknown): string {
  const json = JSON.stringify(value) ?? "nothing";
  return json.length > 400 ? `${json.slice(0, 400)}...` : json;
}
