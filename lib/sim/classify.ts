/** Pooled vectors and classes of texts: numbers that their lengths alone decide on. @module */
import { badRequest } from "./api_error.ts";
import { answer, type Call, createdAt, requestIdOf, wait } from "./inference.ts";
import { encodeText } from "./tokenizer.ts";

/** `/pooling`. */
export async function pooling(call: Call): Promise<void> {
  const lengths = await lengthsOf(call);
  const data = lengths.map((tokens, index) => ({ index, object: "pooling", data: [tokens] }));
  await answer(call, JSON.stringify({ ...headOf(call, "pool", lengths), data }));
}

/** `/classify`: even lengths and odd ones. */
export async function classify(call: Call): Promise<void> {
  const lengths = await lengthsOf(call);
  const data = lengths.map((tokens, index) => ({
    index,
    label: tokens % 2 === 0 ? "even" : "odd",
    probs: tokens % 2 === 0 ? [1, 0] : [0, 1],
    num_classes: 2,
  }));
  await answer(call, JSON.stringify({ ...headOf(call, "classify", lengths), data }));
}

/** Tokens of each text of `input`. */
async function lengthsOf(call: Call): Promise<readonly number[]> {
  const { core, body: { input } } = call;
  const texts: readonly unknown[] = Array.isArray(input) ? input : [input];
  const lengths = texts.map((text) => {
    if (typeof text !== "string") throw badRequest("input: expected text", "input");
    return encodeText(text, { bos: true }).length;
  });
  await wait(call, sum(lengths) * core.options.prefillMsPerToken);
  core.stats.add("finished");
  return lengths;
}

function headOf(call: Call, kind: string, lengths: readonly number[]): object {
  const tokens = sum(lengths);
  return {
    id: `${kind}-${requestIdOf(call)}`,
    object: "list",
    created: createdAt(call.core),
    model: call.model,
    usage: { prompt_tokens: tokens, total_tokens: tokens },
  };
}

function sum(values: readonly number[]): number {
  return values.reduce((all, value) => all + value, 0);
}
