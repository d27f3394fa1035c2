/**
 * Answers of every endpoint in one form that two engines, or one engine and a router, must agree
 * on: streams put together, and without what is never the same (ids, times, cuts between chunks,
 * and the counts that tell where the prompt was computed before, and where it is kept).
 * @module
 */

// deno-lint-ignore no-explicit-any
type Json = any;

/** What the client has in hand at the end. */
export interface NormalAnswer {
  readonly status: number;
  readonly contentType: string;
  /** The whole answer, or what a stream amounts to. */
  readonly answer: unknown;
}

/** Fields that differ from one run to the next. */
const VOLATILE = new Set([
  "id",
  "item_id",
  "created",
  "created_at",
  "cached_tokens",
  "created_cache_tokens",
  "cache_write_tokens",
  "cache_creation_input_tokens",
  "cache_read_input_tokens",
]);

/** Read `response` to its end. */
export async function normal(response: Response): Promise<NormalAnswer> {
  const text = await response.text();
  const [contentType = ""] = (response.headers.get("content-type") ?? "").split(";");
  const answer = contentType === "text/event-stream" ? streamed(text) : stripped(JSON.parse(text));
  return { status: response.status, contentType, answer };
}

/** `value` without volatile fields, and without fields that are null: engines omit some of them. */
function stripped(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(stripped);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([key, member]) => !VOLATILE.has(key) && member !== null)
      .map(([key, member]) => [key, stripped(member)]),
  );
}

interface StreamEvent {
  readonly name: string | undefined;
  readonly data: string;
}

/** The events of a stream; text that is none of them fails the comparison by being kept. */
function eventsOf(text: string): readonly StreamEvent[] {
  return text.split("\n\n").filter((part) => part !== "").map((part) => {
    const lines = part.split("\n").filter((line) => !line.startsWith(":"));
    const of = (field: string): readonly string[] =>
      lines.filter((line) => line.startsWith(`${field}: `)).map((line) =>
        line.slice(field.length + 2)
      );
    return { name: of("event")[0], data: of("data").join("\n") };
  }).filter(({ name, data }) => name !== undefined || data !== "");
}

function streamed(text: string): unknown {
  const events = eventsOf(text);
  return events.some(({ name }) => name !== undefined)
    ? namedStream(events)
    : choicesStream(events.map(({ data }) => data));
}

/** Streams of `/v1/responses` and `/v1/messages`: runs of deltas are one, the rest stands. */
function namedStream(events: readonly StreamEvent[]): unknown {
  const joined: Json[] = [];
  for (const { name, data } of events) {
    const value: Json = data === "[DONE]" ? data : JSON.parse(data);
    const piece = deltaText(value);
    const last = joined.at(-1);
    if (piece !== undefined && last?.name === name && last.text !== undefined) last.text += piece;
    else if (piece !== undefined) joined.push({ name, text: piece });
    else joined.push({ name, value: withoutSequence(stripped(value)) });
  }
  return joined;
}

/** Events are numbered; how many deltas there are is a matter of cuts. */
function withoutSequence(value: Json): unknown {
  if (typeof value !== "object" || value === null) return value;
  const { sequence_number: _number, ...rest } = value;
  return rest;
}

function deltaText(value: Json): string | undefined {
  const { delta } = typeof value === "object" && value !== null ? value : {};
  if (typeof delta === "string") return delta;
  return typeof delta?.text === "string" ? delta.text : undefined;
}

/** Streams of `/v1/completions` and `/v1/chat/completions`, one record for each choice. */
function choicesStream(data: readonly string[]): unknown {
  const values: Json[] = data.filter((text) => text !== "[DONE]").map((text) => JSON.parse(text));
  const chunks = values.filter((value) => value.error === undefined);
  const choices = new Map<number, JoinedChoice>();
  for (const chunk of chunks) {
    for (const choice of chunk.choices) {
      const joined = choices.get(choice.index) ?? new JoinedChoice();
      choices.set(choice.index, joined);
      joined.add(choice, chunk);
    }
  }
  const ends = data.map((text, at) => text === "[DONE]" ? at : -1).filter((at) => at >= 0);
  return stripped({
    choices: [...choices].sort(([a], [b]) => a - b).map(([index, joined]) => ({
      index,
      ...joined.value(),
    })),
    usage: chunks.find((chunk) => chunk.choices.length === 0)?.usage,
    usages: chunks.filter((chunk) => chunk.choices.length === 0).length,
    errors: values.filter((value) => value.error !== undefined),
    // `[DONE]` once, and nothing after it.
    done: ends.length === 1 && ends[0] === data.length - 1,
    ids_: new Set(chunks.map((chunk) => chunk.id)).size,
    objects: [...new Set(chunks.map((chunk) => chunk.object))],
    models: [...new Set(chunks.map((chunk) => chunk.model))],
  });
}

/** One choice as its chunks add up. */
class JoinedChoice {
  #text = "";
  #content = "";
  #reasoning = "";
  #roles: unknown[] = [];
  #roleFirst = true;
  #chunks = 0;
  #tools = new Map<number, { type: unknown; name: string; arguments: string; ids: Set<string> }>();
  #logprobs: Record<string, unknown[]> | undefined;
  #tokenIds: unknown[] | undefined;
  #promptIds: unknown;
  #finish: unknown[] = [];
  #stopReason: unknown;
  #usageAtFinish: unknown;

  add(choice: Json, chunk: Json): void {
    const delta = choice.delta ?? {};
    this.#text += choice.text ?? "";
    this.#content += delta.content ?? "";
    this.#reasoning += delta.reasoning ?? delta.reasoning_content ?? "";
    if (delta.role !== undefined) {
      this.#roles.push(delta.role);
      this.#roleFirst &&= this.#chunks === 0;
    }
    this.#chunks++;
    for (const call of delta.tool_calls ?? []) this.#addCall(call);
    this.#addLogprobs(choice.logprobs);
    if (Array.isArray(choice.token_ids)) {
      this.#tokenIds = [...this.#tokenIds ?? [], ...choice.token_ids];
    }
    this.#promptIds ??= choice.prompt_token_ids ?? chunk.prompt_token_ids;
    if (typeof choice.finish_reason !== "string") return;
    this.#finish.push(choice.finish_reason);
    this.#stopReason = choice.stop_reason;
    this.#usageAtFinish = chunk.usage;
  }

  value(): Readonly<Record<string, unknown>> {
    return {
      text: this.#text,
      content: this.#content,
      reasoning: this.#reasoning,
      roles: this.#roles,
      roleFirst: this.#roleFirst,
      tools: [...this.#tools.values()].map(({ ids, ...call }) => ({ ...call, ids_: ids.size })),
      logprobs: this.#logprobs,
      tokenIds: this.#tokenIds,
      promptIds: this.#promptIds,
      finish: this.#finish,
      stopReason: this.#stopReason,
      usageAtFinish: this.#usageAtFinish,
    };
  }

  #addCall(call: Json): void {
    const known = this.#tools.get(call.index) ??
      { type: undefined, name: "", arguments: "", ids: new Set<string>() };
    this.#tools.set(call.index, known);
    if (call.id !== undefined) known.ids.add(call.id);
    known.type ??= call.type;
    known.name += call.function?.name ?? "";
    known.arguments += call.function?.arguments ?? "";
  }

  #addLogprobs(logprobs: Json): void {
    if (typeof logprobs !== "object" || logprobs === null) return;
    this.#logprobs ??= {};
    for (const [key, list] of Object.entries(logprobs)) {
      if (!Array.isArray(list)) continue;
      this.#logprobs[key] = [...this.#logprobs[key] ?? [], ...list];
    }
  }
}
