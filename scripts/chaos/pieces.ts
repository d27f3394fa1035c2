/** What a stream has said so far, in a form of which the whole answer's is a continuation. @module */

// deno-lint-ignore no-explicit-any
type Json = any;

/** A stream's events, as far as they are complete. */
export interface StreamParts {
  /** Data of the events, `[DONE]` among them. */
  readonly data: readonly string[];
  /** What came behind the last complete event. */
  readonly rest: string;
}

/** Cut a stream into its events; comments are none. */
export function partsOf(text: string): StreamParts {
  const parts = text.split("\n\n");
  const rest = parts.pop() ?? "";
  const data = parts.flatMap((part) => {
    const lines = part.split("\n").filter((line) => line.startsWith("data: "));
    return lines.length === 0 ? [] : [lines.map((line) => line.slice("data: ".length)).join("\n")];
  });
  return { data, rest };
}

/** What `data` says: texts by choice and member, and errors. Throws SyntaxError on what is no JSON. */
export interface Said {
  readonly texts: ReadonlyMap<string, string>;
  readonly errors: readonly unknown[];
  /** Events behind the first error, `[DONE]` aside. */
  readonly afterError: number;
  readonly done: number;
}

/** Read events; see `Said`. */
export function saidBy(data: readonly string[]): Said {
  const texts = new Map<string, string>();
  const errors: unknown[] = [];
  let afterError = 0;
  let done = 0;
  const add = (name: string, text: unknown): void => {
    if (typeof text === "string") texts.set(name, (texts.get(name) ?? "") + text);
  };
  for (const text of data) {
    if (text === "[DONE]") {
      done++;
      continue;
    }
    const value: Json = JSON.parse(text);
    if (errors.length > 0) afterError++;
    if (value.error !== undefined) errors.push(value.error);
    for (const { index, text, delta, logprobs, finish_reason: finish } of value.choices ?? []) {
      add(`${index} text`, text);
      add(`${index} content`, delta?.content);
      add(`${index} reasoning`, delta?.reasoning ?? delta?.reasoning_content);
      for (const { index: at, function: call } of delta?.tool_calls ?? []) {
        add(`${index} call ${at} name`, call?.name);
        add(`${index} call ${at} arguments`, call?.arguments);
      }
      for (const token of logprobs?.tokens ?? []) add(`${index} tokens`, token);
      for (const { token } of logprobs?.content ?? []) add(`${index} tokens`, token);
      add(`${index} finish`, finish);
    }
  }
  return { texts, errors, afterError, done };
}

/** How `part` is not the beginning of `whole`; undefined when it is. */
export function prefixProblem(part: Said, whole: Said): string | undefined {
  for (const [name, text] of part.texts) {
    const right = whole.texts.get(name) ?? "";
    if (!right.startsWith(text)) {
      return `choice ${name}: ${JSON.stringify(text)} does not begin ${JSON.stringify(right)}`;
    }
  }
  return undefined;
}
