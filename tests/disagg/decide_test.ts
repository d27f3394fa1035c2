import type { Mode } from "../../lib/base/mod.ts";
import {
  decide,
  type Decision,
  type DirectReason,
  FEATURES,
  type GenerationForm,
} from "../../lib/disagg/mod.ts";
import { seededRandom } from "../../lib/base/mod.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { type Asked, generation } from "./support.ts";

/** What carries a request: `exact` is mode P1 with the endpoint's own ids, where they can be had. */
type Carrier = "p1" | "d1" | "exact";

type Row = readonly [
  form: GenerationForm,
  asked: Asked,
  reason: DirectReason | undefined,
  carriers: readonly Carrier[],
];

const TOOLS = [{ type: "function", function: { name: "f", parameters: {} } }];

const ROWS: readonly Row[] = [
  ["completions", {}, undefined, ["p1", "d1"]],
  ["completions", { prompt: [1, 2] }, undefined, ["p1", "d1"]],
  ["completions", { prompt: ["one", "two"] }, undefined, ["p1", "d1"]],
  ["chat", { temperature: 0.5, stop: ["x"], stream: true }, undefined, ["p1", "d1"]],
  ["chat", { tools: [], response_format: { type: "text" }, n: 1 }, undefined, ["p1", "d1"]],

  ["completions", { max_tokens: 0 }, "malformed", []],
  ["completions", { prompt: "" }, "malformed", []],
  ["chat", { messages: "hi" }, "malformed", []],
  ["chat", { use_beam_search: true }, "beam_search", []],
  ["completions", { echo: true, logprobs: 1 }, "echo", []],
  ["completions", { suffix: "end" }, "suffix", []],
  ["chat", { prompt_logprobs: 1 }, "prompt_logprobs", []],
  ["completions", { prompt_embeds: "AAAA" }, "prompt_embeds", []],
  ["responses", { previous_response_id: "r" }, "stateful", []],
  ["responses", { background: true }, "stateful", []],

  ["responses", {}, "endpoint", ["d1"]],
  ["messages", {}, "endpoint", ["d1"]],
  ["completions", { n: 2 }, "n", ["d1"]],
  ["completions", { best_of: 2 }, "n", ["d1"]],
  ["completions", { echo: true }, undefined, ["p1", "d1"]],
  ["completions", { echo: true, prompt: [1, 2] }, "echo", ["d1"]],
  ["chat", { echo: true }, "echo", []],
  ["chat", { tools: TOOLS }, "tools", ["d1"]],
  ["chat", { tools: TOOLS, tool_choice: "required" }, "tools", ["d1"]],
  ["chat", { tools: TOOLS, tool_choice: "none" }, "tools", ["exact", "d1"]],
  ["chat", { response_format: { type: "json_object" } }, "structured_output", ["d1"]],
  ["completions", { guided_regex: "a" }, "structured_output", ["d1"]],
  ["chat", { logprobs: true, top_logprobs: 2 }, undefined, ["p1", "d1"]],
  ["completions", { logprobs: 0 }, undefined, ["p1", "d1"]],
  ["chat", { modalities: ["audio"] }, "multimodal", ["d1"]],
  [
    "chat",
    { messages: [{ role: "user", content: [{ type: "image_url", image_url: {} }] }] },
    "multimodal",
    ["d1"],
  ],
  ["chat", { documents: [{ title: "t" }] }, "documents", ["exact", "d1"]],
  ["chat", { reasoning_effort: "low" }, "reasoning", ["d1"]],
  ["completions", { return_token_ids: true }, undefined, ["p1", "d1"]],
  ["completions", { logprob_token_ids: [1] }, "return_token_ids", ["d1"]],
  ["completions", { truncate_prompt_tokens: -1 }, "truncate_prompt_tokens", ["d1"]],
  ["chat", { stream: true, stream_options: {} }, "stream_options", ["d1"]],

  // Of several obstacles the first in the table is told.
  ["completions", { max_tokens: 0, n: 2 }, "malformed", []],
  ["chat", { tools: TOOLS, documents: [{}] }, "tools", ["d1"]],
  ["chat", { tools: TOOLS, tool_choice: "none", documents: [{}] }, "tools", ["exact", "d1"]],
  ["chat", { n: 2, documents: [{}] }, "n", ["d1"]],
];

const P1: Decision = { kind: "handoff", mode: "p1" };
const D1: Decision = { kind: "handoff", mode: "d1" };
const AGAIN: Decision = { kind: "handoff", mode: "d1", readsAgain: true };
const EXACT: Decision = { kind: "handoff", mode: "p1", exact: true };

/** What must be decided, worked out without the function under test. */
function expected(
  [, asked, reason, carriers]: Row,
  modes: readonly Mode[],
  exactPrompts: boolean,
  rereads: boolean,
): Decision {
  const { n = 1, best_of: best = 1 } = Object(asked);
  const again = n !== 1 || best !== 1;
  if (modes.includes("p1") && carriers.includes("p1")) return P1;
  if (modes.includes("d1") && carriers.includes("d1") && (!again || rereads)) {
    return again ? AGAIN : D1;
  }
  if (modes.includes("p1") && exactPrompts && carriers.includes("exact")) return EXACT;
  return { kind: "direct", reason: reason ?? "no_nixl_receiver" };
}

const MODES: readonly (readonly Mode[])[] = [
  ["p1"],
  ["d1"],
  ["p1", "d1"],
  [],
];

for (const row of ROWS) {
  const [form, asked, reason, carriers] = row;
  const name = carriers.length === 0 ? "directly" : carriers.join(" or ");
  Deno.test(`decide() serves ${form} ${JSON.stringify(asked)} by ${name} (${reason})`, () => {
    const request = generation(form, asked);
    for (const modes of MODES) {
      assertEquals(
        decide(request, new Set(modes)),
        expected(row, modes, false, false),
        `modes ${modes.join("+")}`,
      );
      for (const exactPrompts of [false, true]) {
        for (const rereads of [false, true]) {
          assertEquals(
            decide(request, new Set(modes), { exactPrompts, rereads }),
            expected(row, modes, exactPrompts, rereads),
            `modes ${modes.join("+")}, exact ${exactPrompts}, rereads ${rereads}`,
          );
        }
      }
    }
  });
}

Deno.test("decide() has a row of this test for each row of FEATURES", () => {
  const requests = ROWS.map(([form, asked]) => generation(form, asked));
  const untested = FEATURES.filter(({ present }) => !requests.some(present));
  assertEquals(untested.map(({ what }) => what), []);
});

Deno.test("decide() hands a request without any feature off in mode P1, where that can be", () => {
  const random = seededRandom(21);
  const chance = (name: string, value: unknown): Record<string, unknown> =>
    random.next() < 0.5 ? { [name]: value } : {};
  for (let round = 0; round < 300; round++) {
    const form = random.next() < 0.5 ? "chat" : "completions";
    const request = generation(form, {
      ...chance("temperature", random.next() * 2),
      ...chance("top_p", random.next()),
      ...chance("seed", Math.floor(random.next() * 1000)),
      ...chance("max_tokens", 8 + Math.floor(random.next() * 100)),
      ...chance("min_tokens", Math.floor(random.next() * 8)),
      ...chance("stop", ["a", "b"]),
      ...chance("stream", random.next() < 0.5),
      ...chance("logit_bias", { "7": 1 }),
      ...chance("presence_penalty", 0.5),
      ...chance("user", "u"),
      ...chance(`x_${round}`, [{ y: null }]),
      ...(form === "completions" ? chance("prompt", ["one", [1, 2], ["a", "b"]][round % 3]) : {}),
    });
    const features = FEATURES.filter(({ present }) => present(request));
    assertEquals(features, [], request.form);
    assertEquals(decide(request, new Set(["p1"])), P1);
    assertEquals(decide(request, new Set(["p1", "d1"])), P1);
    assertEquals(decide(request, new Set(["d1"])), D1);
    assertEquals(decide(request, new Set()), { kind: "direct", reason: "no_nixl_receiver" });
  }
});

Deno.test("decide() never picks a mode that no engine takes, or that a feature rules out", () => {
  const random = seededRandom(22);
  const extras = ROWS.filter(([form]) => form === "chat").map(([, asked]) => asked);
  for (let round = 0; round < 500; round++) {
    const mixed = extras.filter(() => random.next() < 0.15)
      .reduce((all, asked) => ({ ...Object(all), ...Object(asked) }), {});
    const request = generation("chat", mixed);
    const modes = MODES[Math.floor(random.next() * MODES.length)] ?? [];
    const decision = decide(request, new Set(modes));
    const present = FEATURES.filter((feature) => feature.present(request));
    if (decision.kind === "handoff") {
      assert(modes.includes(decision.mode));
      const { mode } = decision;
      assert(present.every((feature) => feature[mode]), JSON.stringify(mixed));
    } else {
      const reasons: readonly string[] = present.map(({ reason }) => reason);
      assert(modes.length === 0 || reasons.includes(decision.reason), decision.reason);
    }
  }
});
