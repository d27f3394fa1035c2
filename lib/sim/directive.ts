/**
 * Directives in a prompt that force what the model says.
 *
 * `[[sim:say TEXT]]` forces the output TEXT, then EOS. `[[sim:len N]]` forces N output tokens, then
 * EOS. `[[sim:call NAME {"x":1}]]` forces a tool call in Hermes markup. The last one before the
 * output counts. The output begins after the last assistant header of a chat; in a prompt without
 * one it begins right after the directive, so there a directive ends the prompt.
 * @module
 */
import { decodeIds, decodeToBytes, encodeBytes, encodeText, type TokenIds } from "./tokenizer.ts";
import { ASSISTANT, BYTE_BASE, DIRECTIVE, IM_START } from "./vocabulary.ts";

const NEWLINE = BYTE_BASE + 0x0a;
const BRACKET = BYTE_BASE + 0x5d;

/** What a sequence obliges the model to say from its end on. */
export type Plan =
  | { readonly kind: "free" }
  /** These tokens, then EOS. */
  | { readonly kind: "say"; readonly rest: TokenIds }
  /** So many more tokens of its own, then EOS. */
  | { readonly kind: "length"; readonly remaining: number };

/**
 * The plan of a sequence, from the tokens alone: it is the same whether part of the output is
 * already there (a decode engine given a first token) or none.
 */
export function planOf(ids: TokenIds): Plan {
  const opened = ids.lastIndexOf(DIRECTIVE);
  if (opened < 0) return { kind: "free" };
  const header = outputAfterHeader(ids);
  const directive = header === undefined || header > opened
    ? opened
    : ids.lastIndexOf(DIRECTIVE, header - 1);
  if (directive < 0) return { kind: "free" };
  const closed = closeOf(ids, directive);
  if (closed === undefined) return { kind: "free" };
  const text = decodeIds(ids.slice(directive + 1, closed));
  const output = ids.slice(header !== undefined && header >= closed + 2 ? header : closed + 2);
  return parseDirective(text, output);
}

function outputAfterHeader(ids: TokenIds): number | undefined {
  const start = ids.lastIndexOf(IM_START);
  if (start < 0 || ids[start + 1] !== ASSISTANT || ids[start + 2] !== NEWLINE) return undefined;
  return start + 3;
}

/** Index of the first of the two closing brackets. */
function closeOf(ids: TokenIds, from: number): number | undefined {
  for (let at = from + 1; at < ids.length - 1; at++) {
    if (ids[at] === BRACKET && ids[at + 1] === BRACKET) return at;
  }
  return undefined;
}

function parseDirective(text: string, output: TokenIds): Plan {
  const length = /^len (\d+)$/.exec(text);
  if (length !== null) {
    const remaining = Number(length[1]) - output.length;
    return remaining < 0 ? { kind: "free" } : { kind: "length", remaining };
  }
  const call = /^call ([\w.-]+) (.*)$/s.exec(text);
  if (call !== null) {
    const markup = `<tool_call>\n{"name": ${JSON.stringify(call[1])}, "arguments": ${
      call[2]
    }}\n</tool_call>`;
    return saying(markup, output);
  }
  return text.startsWith("say ") || text === "say"
    ? saying(text.slice(4), output)
    : { kind: "free" };
}

/** What is left of `text` after `output`; free if the output says something else. */
function saying(text: string, output: TokenIds): Plan {
  const whole = encodeText(text);
  if (output.length <= whole.length && output.every((id, index) => id === whole[index])) {
    return { kind: "say", rest: whole.slice(output.length) };
  }
  const wanted = decodeToBytes(whole);
  const said = decodeToBytes(output);
  if (said.length > wanted.length || !said.every((byte, index) => byte === wanted[index])) {
    return { kind: "free" };
  }
  const rest: number[] = [];
  encodeBytes(wanted.subarray(said.length), rest);
  return { kind: "say", rest };
}
