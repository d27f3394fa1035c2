/** Requests that only a real model makes interesting: lengths, stops, ends, repeats, many at once. @module */
import OpenAI from "openai";
import { type Body, post, same, textOf } from "./ask.ts";
import { type Checks, must } from "./check.ts";
import { BLOCK_TOKENS, MAX_MODEL_LEN, MODEL, type RealEngine } from "./engine.ts";
import type { RealRouter } from "./router.ts";

/** Who is asked, and who says what is right. */
export interface FormRun {
  readonly group: string;
  readonly router: RealRouter;
  readonly single: RealEngine;
}

const COMPLETIONS = "/v1/completions";
const CHAT = "/v1/chat/completions";

/** The token that ends a turn, as model.py numbers it. */
const END_OF_TURN = 4;

/** A token of one letter. */
const LETTER = 70;

/** Ids in a pattern that does not repeat, and are no special tokens. */
export function idPrompt(length: number, seed: number): readonly number[] {
  return Array.from({ length }, (_, at) => 10 + (at * at * 7 + at * 13 + seed * 31) % 300);
}

/** One row for each. */
export async function checkForms(checks: Checks, run: FormRun): Promise<void> {
  const row = (name: string, check: (run: FormRun) => Promise<string>): Promise<void> =>
    checks.run(run.group, name, () => check(run));
  await row("prompts from 1 token to nearly the whole context", checkLengths);
  await row("a prompt too long, a limit too large", checkTooLong);
  await row("stop strings and stop tokens within the answer", checkStops);
  await row("an answer that ends with its first token", checkFirstTokenEnds);
  await row("an answer that begins with part of a character", checkPartialBeginning);
  await row("a tool call the model chose itself", checkToolCall);
  await row("a conversation with a system prompt", checkConversation);
  await row("the same prompt three times (prefix hits)", checkRepeats);
  await row("32 requests at once", checkMany);
  await row("the OpenAI SDK", checkSdk);
  await row("/v1/models and /tokenize", checkInfo);
}

async function both(run: FormRun, path: string, body: Body, status = 200): Promise<string> {
  const { single, router } = run;
  const whole = await same(single.url, router.url, path, body, status);
  await same(single.url, router.url, path, { ...body, stream: true }, status);
  return textOf(whole);
}

async function checkLengths(run: FormRun): Promise<string> {
  const lengths = [1, 2, 20, BLOCK_TOKENS - 1, BLOCK_TOKENS, BLOCK_TOKENS + 1, 300, 640, 2000];
  for (const length of lengths) {
    const body = { model: MODEL, prompt: idPrompt(length, length), max_tokens: 12, temperature: 0 };
    const { single, router } = run;
    await same(single.url, router.url, COMPLETIONS, body);
    const streamed = { ...body, prompt: idPrompt(length, length + 1), stream: true };
    await same(single.url, router.url, COMPLETIONS, streamed);
  }
  return `equal for ${lengths.join(", ")} tokens (blocks of ${BLOCK_TOKENS})`;
}

async function checkTooLong(run: FormRun): Promise<string> {
  const plain = { model: MODEL, temperature: 0 };
  const prompt = idPrompt(MAX_MODEL_LEN + 1, 3);
  await both(run, COMPLETIONS, { ...plain, prompt, max_tokens: 4 }, 400);
  await both(run, COMPLETIONS, { ...plain, prompt: idPrompt(50, 3), max_tokens: 5000 }, 400);
  const messages = [{ role: "user", content: "Hello" }];
  await both(run, CHAT, { ...plain, messages, max_tokens: 5000 }, 400);
  await both(run, COMPLETIONS, { ...plain, prompt: idPrompt(50, 3), max_tokens: 0 }, 400);
  const unknown = { ...plain, prompt: "Hello", model: "another" };
  const { error } = await (await post(run.router.url + COMPLETIONS, unknown)).json();
  const { error: right } = await (await post(run.single.url + COMPLETIONS, unknown)).json();
  for (const key of ["type", "param", "code"]) must(error[key] === right[key], `${key} differs`);
  return "the engine's own 400, streamed or not; 404 of the same type for an unknown model";
}

async function checkStops(run: FormRun): Promise<string> {
  const ends: string[] = [];
  for (const [index, path] of [COMPLETIONS, CHAT].entries()) {
    const said = `The weather in Oslo, asked for the ${index + 7}th time`;
    const prompt = path === CHAT
      ? { messages: [{ role: "user", content: said }] }
      : { prompt: said };
    const body = { model: MODEL, ...prompt, max_tokens: 32, temperature: 0 };
    const text = await both(run, path, body);
    // Whatever is said somewhere behind the start is what stops it.
    const [stop] = text.slice(4).match(/[a-z]{2}/) ?? [];
    must(stop !== undefined, `nothing to stop at in ${JSON.stringify(text)}`);
    const cut = await both(run, path, { ...body, stop: [stop] });
    must(cut.length < text.length && !cut.includes(stop), `${stop} did not stop it`);
    await both(run, path, { ...body, stop: [stop], include_stop_str_in_output: true });
    const ids = { ...body, return_token_ids: true };
    const { choices: [{ token_ids: tokens }] } = await (await post(run.single.url + path, ids))
      .json();
    await both(run, path, { ...body, stop_token_ids: [tokens[6]] });
    ends.push(JSON.stringify(stop));
  }
  return `equal, stopped at ${ends.join(" and ")} and at a token`;
}

async function checkFirstTokenEnds(run: FormRun): Promise<string> {
  const ending = { max_tokens: 8, temperature: 0, logit_bias: { [END_OF_TURN]: 100 } };
  for (const [path, prompt] of promptForms("It ends at once")) {
    const text = await both(run, path, { model: MODEL, ...prompt, ...ending });
    must(text === "", `an answer of ${JSON.stringify(text)}`);
    await both(run, path, { model: MODEL, ...prompt, max_tokens: 1, temperature: 0 });
  }
  return "equal: finish_reason stop with no text, and length with one token";
}

/** Prompts tried until the answer to one begins so, and how many such are asked about. */
const TRIED_PROMPTS = 400;
const PARTIAL_PROMPTS = 4;

async function checkPartialBeginning(run: FormRun): Promise<string> {
  let found = 0;
  for (let seed = 0; seed < TRIED_PROMPTS && found < PARTIAL_PROMPTS; seed++) {
    // It ends with a whole character: behind a part of one, vLLM says the prompt once more.
    const prompt = [...idPrompt(30 + seed % 50, 1000 + seed), LETTER];
    const plain = { model: MODEL, prompt, temperature: 0 };
    const first = await post(run.single.url + COMPLETIONS, { ...plain, max_tokens: 1 });
    const { choices: [choice] } = await first.json();
    if (choice.text !== "" || choice.finish_reason !== "length") continue;
    found++;
    await both(run, COMPLETIONS, { ...plain, max_tokens: 10 });
    await both(run, COMPLETIONS, { ...plain, max_tokens: 10, stop: ["e", "a"] });
    await both(run, COMPLETIONS, { ...plain, max_tokens: 10, logprobs: 1 });
  }
  must(found > 0, `none of ${TRIED_PROMPTS} prompts has such an answer`);
  return `equal for ${found} such prompts, also with stop strings and with logprobs`;
}

async function checkToolCall(run: FormRun): Promise<string> {
  const call = { name: "weather", arguments: { city: "Oslo", days: 3 } };
  const tool = { name: "weather", parameters: { type: "object", properties: {} } };
  const body = {
    model: MODEL,
    messages: [{ role: "user", content: "What is the weather in Oslo?" }],
    tools: [{ type: "function", function: tool }],
    // The model itself would not: its markup is forced on it, the parser is the engine's own.
    structured_outputs: { choice: [`<tool_call>\n${JSON.stringify(call)}\n</tool_call>`] },
    max_tokens: 200,
    temperature: 0,
  };
  await both(run, CHAT, body);
  const answer = await (await post(run.router.url + CHAT, body)).json();
  const [choice] = answer.choices;
  const [made] = choice.message.tool_calls ?? [];
  must(made?.function?.name === "weather", `no call in ${JSON.stringify(answer)}`);
  must(choice.finish_reason === "tool_calls", `finish_reason ${choice.finish_reason}`);
  return `equal: ${made.function.name}(${made.function.arguments})`;
}

async function checkConversation(run: FormRun): Promise<string> {
  const messages = [
    { role: "system", content: "You know about foxes." },
    { role: "user", content: "What does the quick brown fox do?" },
    { role: "assistant", content: "It jumps." },
    { role: "user", content: "Over what? ".repeat(20) },
  ];
  await both(run, CHAT, { model: MODEL, messages, max_tokens: 24, temperature: 0 });
  const logprobs = { logprobs: true, top_logprobs: 3, n: 2, seed: 11, temperature: 0.7 };
  await both(run, CHAT, { model: MODEL, messages, max_tokens: 12, ...logprobs });
  return "equal, also with logprobs and n = 2";
}

async function checkRepeats(run: FormRun): Promise<string> {
  const prompt = idPrompt(3 * BLOCK_TOKENS + 17, 99);
  const body = { model: MODEL, prompt, max_tokens: 16, temperature: 0 };
  const cached: number[] = [];
  for (let time = 0; time < 3; time++) {
    await both(run, COMPLETIONS, body);
    const { usage } = await (await post(run.router.url + COMPLETIONS, body)).json();
    cached.push(usage.prompt_tokens_details?.cached_tokens ?? 0);
  }
  return `equal; cached_tokens told: ${cached.join(", ")} of ${prompt.length}`;
}

async function checkMany(run: FormRun): Promise<string> {
  const bodies = Array.from({ length: 32 }, (_, index): readonly [string, Body] => {
    const plain = { model: MODEL, max_tokens: 8 + index % 9, temperature: 0 };
    const stream = index % 3 === 0;
    if (index % 2 === 0) {
      return [COMPLETIONS, { ...plain, stream, prompt: idPrompt(5 + index * 23, index) }];
    }
    const messages = [{ role: "user", content: `Question ${index}: ${"who? ".repeat(index)}` }];
    return [CHAT, { ...plain, stream, messages }];
  });
  await Promise.all(
    bodies.map(([path, body]) => same(run.single.url, run.router.url, path, body)),
  );
  return "all equal";
}

async function checkSdk(run: FormRun): Promise<string> {
  const [right, ours] = await Promise.all([run.single, run.router].map(async ({ url }) => {
    const client = new OpenAI({ baseURL: `${url}/v1`, apiKey: "none", maxRetries: 0 });
    const messages = [{ role: "user" as const, content: "Tell me about the lazy dog" }];
    const plain = { model: MODEL, messages, max_completion_tokens: 20, temperature: 0 };
    const stream = await client.chat.completions.create({
      ...plain,
      stream: true,
      stream_options: { include_usage: true },
    });
    let text = "";
    let tokens = 0;
    for await (const chunk of stream) {
      text += chunk.choices[0]?.delta.content ?? "";
      tokens = chunk.usage?.total_tokens ?? tokens;
    }
    const whole = await client.chat.completions.create(plain);
    must(whole.choices[0]?.message.content === text, "streamed and whole differ");
    const legacy = await client.completions.create({
      model: MODEL,
      prompt: ["One", "Two"],
      max_tokens: 5,
      temperature: 0,
    });
    return { text, tokens, texts: legacy.choices.map((choice) => choice.text) };
  }));
  must(right !== undefined && ours !== undefined, "no answer");
  must(JSON.stringify(right) === JSON.stringify(ours), JSON.stringify({ right, ours }));
  return `npm openai: equal; streamed, whole, two prompts; ${ours.tokens} tokens in all`;
}

async function checkInfo(run: FormRun): Promise<string> {
  const { single, router } = run;
  const messages = [{ role: "system", content: "Short." }, { role: "user", content: "Hello, you" }];
  await same(single.url, router.url, "/tokenize", { model: MODEL, prompt: "Hello world" });
  await same(single.url, router.url, "/tokenize", { model: MODEL, messages });
  await same(single.url, router.url, "/detokenize", { model: MODEL, tokens: idPrompt(9, 1) });
  const models = await (await fetch(`${router.url}/v1/models`)).json();
  const [card] = models.data;
  must(card?.id === MODEL, JSON.stringify(models));
  must(card.max_model_len === MAX_MODEL_LEN, `max_model_len ${card.max_model_len}`);
  return `equal; ${card.id} with max_model_len ${card.max_model_len}`;
}

function promptForms(said: string): readonly (readonly [string, Body])[] {
  return [[COMPLETIONS, { prompt: said }], [CHAT, {
    messages: [{ role: "user", content: said }],
  }]];
}
