/**
 * What requests may ask for, by endpoint and by how KV moves: requests to try each cell with, and
 * the route the router's own tables give it.
 * @module
 */
import { encodeUtf8, type Mode } from "../../lib/base/mod.ts";
import {
  decide,
  type Decision,
  type GenerationForm,
  type GenerationRequest,
  readGeneration,
} from "../../lib/disagg/mod.ts";
import { parseRequest } from "../../lib/openai/mod.ts";
import type { ClusterShape } from "./cluster.ts";

type Fields = Readonly<Record<string, unknown>>;

/** One thing a request may ask for. */
export interface MatrixFeature {
  readonly name: string;
  /** What is added to a plain request, by the endpoints the feature is of. */
  readonly fields: Partial<Readonly<Record<GenerationForm, Fields>>>;
  /** What the prompt ends in: a directive to the simulated engines. */
  readonly say?: string;
  /** Set when it is of streams alone, or of whole answers alone. */
  readonly only?: "stream" | "whole";
  /** Status of the answer, 200 when absent. */
  readonly status?: number;
}

/** One way KV moves, with the modes its decode engines take. */
export interface MatrixPool {
  readonly name: string;
  /** The pool whose column of the table is this one's too. */
  readonly like?: string;
  readonly shape: ClusterShape;
  readonly modes: ReadonlySet<Mode>;
  /** The router has a way to the ids of prompts that `/tokenize` cannot express. */
  readonly exactPrompts?: boolean;
  /** The route of a handoff in each mode. */
  readonly routes: Readonly<Record<Mode, string>>;
}

const LMCACHE = { p1: "handoff_p1", d1: "handoff_d1" } as const;

/** All pools. */
export const POOLS: readonly MatrixPool[] = [
  {
    name: "LMCache P1",
    shape: { modes: ["p1"] },
    modes: new Set(["p1"]),
    routes: LMCACHE,
  },
  {
    name: "LMCache P1, ids told",
    shape: { modes: ["p1"], router: { tokenize: { how: "prefill", cacheBytes: 0 } } },
    modes: new Set(["p1"]),
    exactPrompts: true,
    routes: LMCACHE,
  },
  {
    name: "LMCache P1, rendered",
    like: "LMCache P1, ids told",
    shape: { modes: ["p1"], router: { tokenize: { how: "render", cacheBytes: 0 } } },
    modes: new Set(["p1"]),
    exactPrompts: true,
    routes: LMCACHE,
  },
  {
    name: "LMCache D1",
    shape: { modes: ["d1"] },
    modes: new Set(["d1"]),
    routes: LMCACHE,
  },
  {
    name: "LMCache mixed",
    shape: { decodes: 2, modes: ["p1", "d1"] },
    modes: new Set(["p1", "d1"]),
    routes: LMCACHE,
  },
  {
    name: "NIXL",
    shape: { protocol: "nixl" },
    modes: new Set(["d1"]),
    routes: { p1: "none", d1: "handoff_nixl" },
  },
  {
    name: "shared storage",
    shape: { protocol: "shared_storage" },
    modes: new Set(["d1"]),
    routes: { p1: "none", d1: "handoff_shared_storage" },
  },
];

/** Endpoint of each form. */
export const PATHS: Readonly<Record<GenerationForm, string>> = {
  completions: "/v1/completions",
  chat: "/v1/chat/completions",
  responses: "/v1/responses",
  messages: "/v1/messages",
};

const FORMS: readonly GenerationForm[] = ["completions", "chat", "responses", "messages"];

const SCHEMA = {
  type: "object",
  properties: { city: { type: "string", minLength: 4 }, days: { type: "integer", minimum: 2 } },
  required: ["city", "days"],
};
const WEATHER = { name: "weather", description: "The weather of a city", parameters: SCHEMA };
const TOOLS = [{ type: "function", function: WEATHER }];
const FORMAT = { type: "json_schema", json_schema: { name: "trip", schema: SCHEMA } };
const PIXEL = { type: "image_url", image_url: { url: "data:image/png;base64,AAAA" } };
const LONG = "The harbour lies where the river meets the sea, and ships come and go all day long.";

/** `fields` for the two OpenAI endpoints whose parameters are alike. */
function text(fields: Fields): MatrixFeature["fields"] {
  return { completions: fields, chat: fields };
}

/** All features. */
export const MATRIX: readonly MatrixFeature[] = [
  {
    name: "nothing special",
    fields: { completions: {}, chat: {}, responses: {}, messages: {} },
  },
  {
    name: "a limit of one token",
    fields: {
      ...text({ max_tokens: 1 }),
      responses: { max_output_tokens: 1 },
      messages: { max_tokens: 1 },
    },
  },
  { name: "token ids as the prompt", fields: { completions: { prompt: idPrompt() } } },
  {
    name: "stop",
    fields: { ...text({ stop: ["STOP"] }), messages: { stop_sequences: ["STOP"] } },
    say: "[[sim:say one two three STOP four]]",
  },
  {
    name: "a stop over the first two tokens",
    fields: { ...text({ stop: ["QX"] }), messages: { stop_sequences: ["QX"] } },
    say: "[[sim:say QXJ and more]]",
  },
  { name: "min_tokens", fields: text({ min_tokens: 4 }), say: "[[sim:len 2]]" },
  { name: "ignore_eos", fields: text({ ignore_eos: true }), say: "[[sim:len 3]]" },
  { name: "seed", fields: text({ seed: 7, temperature: 0.8 }) },
  {
    name: "penalties",
    fields: text({ presence_penalty: 0.5, frequency_penalty: 0.5, repetition_penalty: 1.1 }),
  },
  {
    name: "include_usage",
    fields: text({ stream_options: { include_usage: true } }),
    only: "stream",
  },
  {
    name: "continuous_usage_stats",
    fields: text({ stream_options: { include_usage: true, continuous_usage_stats: true } }),
    only: "stream",
  },
  {
    name: "logprobs",
    fields: { completions: { logprobs: 2 }, chat: { logprobs: true, top_logprobs: 2 } },
  },
  { name: "return_token_ids", fields: text({ return_token_ids: true }) },
  { name: "n = 3", fields: text({ n: 3, temperature: 0.8, seed: 7 }) },
  {
    name: "several prompts",
    fields: { completions: { prompt: [`${LONG} And so`, `${LONG} But then`] } },
  },
  { name: "chat_template_kwargs", fields: { chat: { chat_template_kwargs: { thinking: true } } } },
  {
    name: "continue_final_message",
    fields: {
      chat: {
        messages: [
          { role: "user", content: LONG },
          { role: "assistant", content: "The river" },
        ],
        add_generation_prompt: false,
        continue_final_message: true,
      },
    },
  },
  {
    name: "tools, the model's choice",
    fields: {
      chat: { tools: TOOLS },
      messages: { tools: [{ name: "weather", input_schema: SCHEMA }] },
    },
    say: '[[sim:call weather {"city":"Oslo","days":3}]]',
  },
  { name: "tools, required", fields: { chat: { tools: TOOLS, tool_choice: "required" } } },
  {
    name: "tools, one by name",
    fields: {
      chat: { tools: TOOLS, tool_choice: { type: "function", function: { name: "weather" } } },
    },
  },
  { name: "structured output", fields: text({ response_format: FORMAT }) },
  {
    name: "reasoning effort",
    fields: { chat: { reasoning_effort: "low" } },
    say: "[[sim:say <think>It is far.</think>Take the train.]]",
  },
  {
    name: "images",
    fields: {
      chat: {
        messages: [{ role: "user", content: [{ type: "text", text: LONG }, PIXEL] }],
      },
    },
  },
  { name: "documents", fields: { chat: { documents: [{ title: "Tides", text: LONG }] } } },
  {
    name: "a stored response",
    fields: { responses: { previous_response_id: "resp_1" } },
    status: 404,
  },
  { name: "echo", fields: text({ echo: true }) },
  { name: "echo with logprobs", fields: { completions: { echo: true, logprobs: 1 } } },
  { name: "suffix", fields: { completions: { suffix: " the end" } }, status: 400 },
  { name: "prompt_logprobs", fields: text({ prompt_logprobs: 1 }), only: "whole" },
  { name: "beam search", fields: text({ use_beam_search: true, n: 2 }) },
];

function idPrompt(): readonly number[] {
  return Array.from({ length: 40 }, (_, index) => 20 + index * 7);
}

/** One request of the matrix. */
export interface MatrixCell {
  readonly name: string;
  readonly feature: MatrixFeature;
  readonly form: GenerationForm;
  readonly stream: boolean;
}

/** Every request: features by their endpoints, streamed and not. */
export const CELLS: readonly MatrixCell[] = MATRIX.flatMap((feature) =>
  FORMS.filter((form) => feature.fields[form] !== undefined).flatMap((form) =>
    [false, true].filter((stream) => feature.only !== (stream ? "whole" : "stream"))
      .map((stream): MatrixCell => ({
        name: `${feature.name}, ${form}${stream ? ", streamed" : ""}`,
        feature,
        form,
        stream,
      }))
  )
);

/** The request of a cell, with a prompt of its own that is long enough for KV to move. */
export function requestOf({ name, feature, form, stream }: MatrixCell, model: string): Fields {
  const said = `${name}. ${LONG} ${feature.say ?? ""}`;
  const messages = [{ role: "user", content: said }];
  const plain: Readonly<Record<GenerationForm, Fields>> = {
    completions: { prompt: said, max_tokens: 120, temperature: 0 },
    chat: { messages, max_tokens: 120, temperature: 0 },
    responses: { input: said, max_output_tokens: 120 },
    messages: { messages, max_tokens: 120 },
  };
  return { model, ...plain[form], stream, ...feature.fields[form] };
}

/** What the router decides, by its own tables, about a cell in a pool. */
export function decisionFor(cell: MatrixCell, pool: MatrixPool): Decision {
  const { exactPrompts = false } = pool;
  const rereads = pool.shape.protocol !== undefined && pool.shape.protocol !== "lmcache";
  return decide(generationOf(cell), pool.modes, { exactPrompts, rereads });
}

/** The route that a handoff of a cell in `mode` shows as. */
export function routeFor(cell: MatrixCell, pool: MatrixPool, mode: Mode): string {
  return generationOf(cell).prompt.kind === "several" ? "fan_out" : pool.routes[mode];
}

function generationOf(cell: MatrixCell): GenerationRequest {
  const request = parseRequest(encodeUtf8(JSON.stringify(requestOf(cell, "m"))));
  return readGeneration(cell.form, request);
}

/** The pools that have a column of their own. */
export const COLUMNS: readonly MatrixPool[] = POOLS.filter(({ like }) => like === undefined);

/** A Markdown table: a row for each feature and endpoint, a column for each pool. */
export function matrixTable(): string {
  const rows = MATRIX.flatMap((feature) => {
    const byForm = FORMS.filter((form) => feature.fields[form] !== undefined).map((form) => ({
      form,
      ways: COLUMNS.map((pool) => wayOf(feature, form, pool)),
    }));
    const groups = Map.groupBy(byForm, ({ ways }) => ways.join(" | "));
    return [...groups].map(([ways, forms]) =>
      `| ${feature.name} | ${forms.map(({ form }) => form).join(", ")} | ${ways} |`
    );
  });
  const heads = ["request", "endpoint", ...COLUMNS.map(({ name }) => name)];
  return [`| ${heads.join(" | ")} |`, `|${"---|".repeat(heads.length)}`, ...rows, ""].join("\n");
}

/** How a feature goes in a pool: the same streamed and whole, or both said. */
function wayOf(feature: MatrixFeature, form: GenerationForm, pool: MatrixPool): string {
  const cells = CELLS.filter((cell) => cell.feature === feature && cell.form === form);
  const ways = cells.map((cell) => ({ stream: cell.stream, way: wayText(cell, pool) }));
  const [first] = ways;
  if (first === undefined || ways.every(({ way }) => way === first.way)) return first?.way ?? "";
  return ways.map(({ stream, way }) => `${stream ? "streamed" : "whole"}: ${way}`).join("; ");
}

function wayText(cell: MatrixCell, pool: MatrixPool): string {
  const decision = decisionFor(cell, pool);
  if (decision.kind === "direct") return `direct (\`${decision.reason}\`)`;
  const mode = decision.mode === "p1" ? "P1" : "D1";
  return pool.modes.size > 1 ? `handoff ${mode}` : "handoff";
}
