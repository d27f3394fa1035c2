/** Embeddings, reranking and scores: numbers that depend on the text alone. @module */
import { badRequest } from "./api_error.ts";
import { answer, type Call, createdAt, requestIdOf, wait } from "./inference.ts";
import { isIdList, isRecord } from "./json.ts";
import { storeAsSender } from "./kv_leg.ts";
import { intField, stringField } from "./sampling.ts";
import { Sequence } from "./sequence.ts";
import { checkPromptLength } from "./token_limit.ts";
import { encodeText, type TokenIds } from "./tokenizer.ts";

const DEFAULT_DIMENSIONS = 16;
const MAX_DIMENSIONS = 4096;

/** `/v1/embeddings`: unit vectors. */
export async function embeddings(call: Call): Promise<void> {
  const { body, core, model } = call;
  const inputs = inputsOf(body["input"], "input");
  const dimensions = intField(body, "dimensions") ?? DEFAULT_DIMENSIONS;
  if (dimensions < 1 || dimensions > MAX_DIMENSIONS) {
    throw badRequest(`dimensions must be in [1, ${MAX_DIMENSIONS}], got ${dimensions}.`);
  }
  const format = stringField(body, "encoding_format") ?? "float";
  if (format !== "float" && format !== "base64") {
    throw badRequest(`encoding_format: expected float or base64, got ${format}`, "encoding_format");
  }
  const tokens = await compute(call, inputs);
  const data = inputs.map((ids, index) => {
    const vector = vectorOf(ids, dimensions, core.options.seed);
    return {
      index,
      object: "embedding",
      embedding: format === "float" ? [...vector] : base64(vector),
    };
  });
  await answer(
    call,
    JSON.stringify({
      id: `embd-${requestIdOf(call)}`,
      object: "list",
      created: createdAt(core),
      model,
      data,
      usage: usageOf(tokens),
    }),
  );
}

/** `/v1/rerank`, `/rerank`: documents by their share of common tokens with the query. */
export async function rerank(call: Call): Promise<void> {
  const { body, model } = call;
  const query = stringField(body, "query");
  const { documents } = body;
  if (query === undefined) throw badRequest("query: Field required", "query");
  if (!Array.isArray(documents)) throw badRequest("documents: Field required", "documents");
  const texts = documents.map(documentText);
  const [queryIds = []] = inputsOf(query, "query");
  const inputs = texts.map((text) => encodeText(text, { bos: true }));
  const topN = intField(body, "top_n") ?? texts.length;
  const tokens = await compute(call, [queryIds, ...inputs]);
  const results = texts
    .map((text, index) => ({
      index,
      document: { text },
      relevance_score: similarity(queryIds, inputs[index] ?? []),
    }))
    .sort((a, b) => b.relevance_score - a.relevance_score || a.index - b.index)
    .slice(0, topN > 0 ? topN : texts.length);
  const usage = { prompt_tokens: tokens, total_tokens: tokens };
  await answer(call, JSON.stringify({ id: `rerank-${requestIdOf(call)}`, model, usage, results }));
}

/** `/v1/score`, `/score`: one score per pair; one text against many, or pairwise. */
export async function score(call: Call): Promise<void> {
  const { body, core, model } = call;
  const left = inputsOf(body["text_1"] ?? body["queries"], "text_1");
  const right = inputsOf(body["text_2"] ?? body["documents"], "text_2");
  if (left.length !== 1 && left.length !== right.length) {
    throw badRequest(
      `Input lengths must be either 1:1, 1:N or N:N, got ${left.length}:${right.length}`,
    );
  }
  const tokens = await compute(call, [...left, ...right]);
  const data = right.map((ids, index) => ({
    index,
    object: "score",
    score: similarity(left[left.length === 1 ? 0 : index] ?? [], ids),
  }));
  await answer(
    call,
    JSON.stringify({
      id: `score-${requestIdOf(call)}`,
      object: "list",
      created: createdAt(core),
      model,
      data,
      usage: usageOf(tokens),
    }),
  );
}

/** Take the time it takes; returns the number of tokens. */
async function compute(call: Call, inputs: readonly TokenIds[]): Promise<number> {
  const { core } = call;
  storeAsSender(core, { kind: "plain", tags: "" }, inputs[0]?.length ?? 0);
  for (const ids of inputs) checkPromptLength(core.options.maxModelLen, ids);
  const tokens = inputs.reduce((sum, ids) => sum + ids.length, 0);
  core.stats.add("promptTokens", tokens);
  await wait(call, tokens * core.options.prefillMsPerToken);
  core.stats.add("finished");
  return tokens;
}

function inputsOf(input: unknown, param: string): readonly TokenIds[] {
  if (typeof input === "string" && input !== "") return [encodeText(input, { bos: true })];
  if (Array.isArray(input) && input.length > 0) {
    const items: readonly unknown[] = input;
    if (isIdList(items)) return [items];
    return items.map((each) => {
      if (typeof each === "string" && each !== "") return encodeText(each, { bos: true });
      if (isIdList(each) && each.length > 0) return each;
      throw badRequest(`${param}: expected text or token ids`, param);
    });
  }
  throw badRequest(`${param}: expected text, token ids, or a list of either`, param);
}

function documentText(document: unknown, index: number): string {
  if (typeof document === "string") return document;
  if (isRecord(document) && typeof document["text"] === "string") return document["text"];
  throw badRequest(`documents[${index}]: expected text`, "documents");
}

function vectorOf(ids: TokenIds, dimensions: number, seed: number): Float32Array {
  const sequence = new Sequence(seed);
  sequence.pushAll(ids);
  const vector = Float32Array.from(
    { length: dimensions },
    (_, index) => sequence.logprob(index) + 4,
  );
  const norm = Math.hypot(...vector);
  return vector.map((value) => value / (norm || 1));
}

function base64(vector: Float32Array): string {
  return btoa(String.fromCharCode(...new Uint8Array(vector.buffer)));
}

/** Shared distinct tokens over all distinct tokens, in [0, 1]. */
function similarity(left: TokenIds, right: TokenIds): number {
  const a = new Set(left);
  const b = new Set(right);
  return a.intersection(b).size / a.union(b).size;
}

function usageOf(tokens: number): Readonly<Record<string, unknown>> {
  return {
    prompt_tokens: tokens,
    total_tokens: tokens,
    completion_tokens: 0,
    prompt_tokens_details: null,
  };
}
