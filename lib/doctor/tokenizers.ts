/** Whether the engines of a model make the same ids of hard texts. @module */
import { describeError, jsonOf, recordOf, RouterError } from "../base/mod.ts";
import { type Finding, well } from "./finding.ts";
import { ask, type AskParts } from "./look.ts";
import { type Looked, nameOf } from "./looked.ts";
import { skippedFor } from "./compare.ts";

/** Texts that tokenizers of other versions, or with other settings, cut up in other ways. */
export const HARD_TEXTS: readonly string[] = [
  "The quick brown fox  jumps\tover\n\n the   lazy dog. ",
  " leading and trailing ",
  "na\u00efve caf\u00e9 cafe\u0301 \ufb01ne \u212b",
  "\u{1f468}\u200d\u{1f469}\u200d\u{1f467} \u{1f1e9}\u{1f1ea} \u{1f44d}\u{1f3fd} \u2764\ufe0f",
  "\u65e5\u672c\u8a9e\u306e\u6587 \u4e2d\u6587 \ud55c\uad6d\uc5b4",
  "\u0645\u0631\u062d\u0628\u0627 \u05e9\u05dc\u05d5\u05dd \u0928\u092e\u0938\u094d\u0924\u0947",
  "<|im_start|>system\n<s>[INST] <<SYS>> </s><|endoftext|>",
  "0123456789 3.14159 1,000,000 0xDEADBEEF 1e-9",
  "def f(x):\n    return {'a': [x ** 2 for _ in range(10)]}  # \u2192 \u00a0\u3000\u200b",
];

/** Ask engines of each model that several serve; those that hand KV over must agree. */
export async function tokenizerFindings(
  looked: readonly Looked[],
  parts: AskParts,
): Promise<readonly Finding[]> {
  const models = new Set(looked.flatMap(({ cards = [] }) => cards.map(({ id }) => id)));
  const found: Finding[] = [];
  for (const model of [...models].sort()) {
    const by = looked.filter(({ cards }) => cards?.some(({ id }) => id === model) === true);
    if (by.length > 1) found.push(...await ofModel(model, by, parts));
  }
  return found.length > 0 ? found : [skippedFor("tokenizers", "no two engines serve one model")];
}

async function ofModel(
  model: string,
  by: readonly Looked[],
  parts: AskParts,
): Promise<readonly Finding[]> {
  const told = await Promise.all(by.map((one) => idsOf(model, one, parts)));
  const silent = told.filter((answer) => "error" in answer);
  const found: Finding[] = silent.map(({ of, error }) => ({
    check: "tokenizers",
    outcome: "warning",
    subject: nameOf(of.engine),
    said: `POST /tokenize for ${model}: ${error}`,
    advice: "handoffs by LMCache need it, unless --tokenize says otherwise",
  }));
  const [first, ...others] = told.flatMap((answer) => "ids" in answer ? [answer] : []);
  if (first === undefined) return found;
  const differ = others.flatMap(({ of, ids }) => {
    const at = ids.findIndex((text, index) => text !== first.ids[index]);
    return at < 0 ? [] : [{ of, at }];
  });
  for (const { of, at } of differ) {
    found.push({
      check: "tokenizers",
      outcome: "failed",
      subject: nameOf(of.engine),
      said: `makes other ids than ${first.of.engine.url} of ${JSON.stringify(HARD_TEXTS[at])}`,
      advice: `give both the same model, revision and --tokenizer for ${model}`,
    });
  }
  if (differ.length > 0 || others.length === 0) return found;
  const said = `${others.length + 1} engines make the same ids of ${HARD_TEXTS.length} hard texts`;
  return [...found, well("tokenizers", model, said)];
}

type Ids =
  /** The ids of each text, as JSON. */
  | { readonly of: Looked; readonly ids: readonly string[] }
  | { readonly of: Looked; readonly error: string };

async function idsOf(model: string, of: Looked, parts: AskParts): Promise<Ids> {
  const ids: string[] = [];
  for (const prompt of HARD_TEXTS) {
    try {
      const body = { model, prompt };
      const { status, bytes } = await ask(
        of.engine,
        { method: "POST", path: "/tokenize", body },
        parts,
      );
      if (status !== 200) return { of, error: `answered ${status}` };
      const tokens = recordOf(jsonOf(bytes))?.["tokens"];
      if (!Array.isArray(tokens)) return { of, error: "answered without ids" };
      ids.push(JSON.stringify(tokens));
    } catch (error) {
      if (!(error instanceof RouterError)) throw error;
      return { of, error: describeError(error) };
    }
  }
  return { of, ids };
}
