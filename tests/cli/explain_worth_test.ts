import { dispatch } from "../../lib/cli/dispatch.ts";
import { assertEquals, assertMatch, assertStringIncludes } from "../support/assert.ts";
import { fakeProcess } from "./support.ts";

const SHORT = { model: "m", prompt: [1, 2, 3] };
const LONG = { model: "m", prompt: Array.from({ length: 600 }, () => 1) };

/** What `explain` says of `body`; `config` is the content of its configuration file. */
async function explain(
  argv: readonly string[],
  body: unknown,
  config: unknown = {},
): Promise<{ readonly code: number; readonly out: string; readonly err: string }> {
  const files = { "r.json": JSON.stringify(body), "c.json": JSON.stringify(config) };
  const { ports, out, err } = fakeProcess({}, files);
  const code = await dispatch(["explain", "--request", "r.json", ...argv], ports);
  return { code, out: out.text, err: err.text };
}

const MADE_UP: readonly (readonly [
  argv: readonly string[],
  body: unknown,
  lines: readonly RegExp[],
])[] = [
  [["--disagg-min-prompt-tokens", "512"], SHORT, [
    /^Decision +direct, reason short_prompt: /m,
    /^Remedy +about 3 tokens are fewer than --disagg-min-prompt-tokens 512; x-pd-route: handoff/m,
  ]],
  [["--disagg-min-prompt-tokens", "512"], LONG, [
    /^Decision +handoff in mode P1/m,
    /^But +direct, reason short_prompt, where an engine is thought to have all but 512 tokens/m,
  ]],
  [["--disagg-min-prompt-tokens", "512", "--route", "handoff"], SHORT, [
    /^Decision +handoff in mode P1/m,
  ]],
  [["--route", "direct"], LONG, [
    /^Decision +direct, reason asked: /m,
    /^Remedy +x-pd-route: handoff, or no such field$/m,
  ]],
  [["--route", "handoff"], { ...SHORT, suffix: "x" }, [
    /^Decision +direct, reason suffix: /m,
    /^But +x-pd-route: handoff cannot change that$/m,
  ]],
];

for (const [argv, body, lines] of MADE_UP) {
  Deno.test(`explain ${argv.join(" ")} tells whether a handoff pays`, async () => {
    const { code, out, err } = await explain(argv, body);
    assertEquals([code, err], [0, ""]);
    for (const line of lines) assertMatch(out, line);
  });
}

const PAIR = {
  routing_logic: "disaggregated_prefill",
  kv_protocol: "nixl",
  disagg_max_prefill_queue: 8,
  engines: [
    { url: "http://p", role: "prefill", model: "m" },
    { url: "http://d", role: "decode", model: "m" },
  ],
};

Deno.test("explain --config tells what its rules make of a request", async () => {
  const { out } = await explain(["--config", "c.json"], SHORT, PAIR);
  assertMatch(out, /^Decision +handoff in mode D1/m);
  assertMatch(out, /^But +direct, reason prefill_busy, while each .* more than 8 requests$/m);
  const rules = { ...PAIR, disagg_min_prompt_tokens: 4, allow_route_header: true };
  const short = await explain(["--config", "c.json"], SHORT, rules);
  assertMatch(short.out, /^Decision +direct, reason short_prompt: /m);
  const asked = await explain(["--config", "c.json", "--route", "handoff"], SHORT, rules);
  assertMatch(asked.out, /^Decision +handoff in mode D1/m);
});

Deno.test("explain refuses rules that the configuration tells, and wishes that it passes over", async () => {
  const argv = ["--config", "c.json"];
  const least = await explain([...argv, "--disagg-min-prompt-tokens", "4"], SHORT, PAIR);
  assertEquals(least.code, 2);
  assertStringIncludes(least.err, "--disagg-min-prompt-tokens: --config tells that");
  const wish = await explain([...argv, "--route", "direct"], SHORT, PAIR);
  assertEquals(wish.code, 2);
  assertStringIncludes(wish.err, "without --allow-route-header");
  const number = await explain(["--disagg-min-prompt-tokens", "few"], SHORT);
  assertStringIncludes(number.err, "expected a number of tokens");
  assertEquals((await explain(["--route", "both"], SHORT)).code, 2);
});
