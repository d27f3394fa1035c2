import { type Breather, encodeUtf8 } from "../../lib/base/mod.ts";
import { withPrompt } from "../../lib/flow/mod.ts";
import type { FlowDeps } from "../../lib/request/mod.ts";
import { JsonObject } from "../../lib/openai/mod.ts";
import type { PromptPart } from "../../lib/selection/mod.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { CountingBreather } from "../support/counting_breather.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { contextAt, flowSetting } from "../support/flow_fakes.ts";

function bodyOf(value: unknown): JsonObject {
  return new JsonObject(encodeUtf8(JSON.stringify(value)));
}

const CONTEXT = contextAt(new FakeClock());
/** What looks at parts of prompts; no engine is asked. */
function deps(parts: readonly PromptPart[] | undefined, breather?: Breather): FlowDeps {
  const { flow } = flowSetting([], () => {
    throw new Error("No engine is asked");
  });
  return {
    ...flow,
    ...(breather === undefined ? {} : { breather }),
    ...(parts === undefined ? {} : { promptParts: new Set(parts) }),
  };
}

Deno.test("withPrompt() tells policies of a prompt's length at once where none reads its text", () => {
  const body = bodyOf({ prompt: "x".repeat(298) });
  const context = withPrompt(deps([]), CONTEXT, { model: "m", body });
  assert(!(context instanceof Promise));
  assertEquals([context.prompt?.tokens, context.prompt?.chunks().length], [100, 0]);
  assertEquals(context.prompt?.cachedAt("a"), undefined);
});

Deno.test("withPrompt() hashes the text where a policy reads it", async () => {
  const body = bodyOf({ messages: [{ role: "user", content: "x".repeat(300) }] });
  const { prompt } = await withPrompt(deps(["chunks"]), CONTEXT, { model: "m", body });
  assertEquals(prompt?.chunks().length, 2);
  const other = await withPrompt(deps(["chunks"]), CONTEXT, { model: "n", body });
  assert(other.prompt?.chunks()[0] !== prompt?.chunks()[0]);
});

Deno.test("withPrompt() tells nothing where policies are told nothing", () => {
  const body = bodyOf({ prompt: "x" });
  assert(withPrompt(deps(undefined), CONTEXT, { model: "m", body }) === CONTEXT);
});

Deno.test("withPrompt() rests while it reads a long text, of which it reads a part", async () => {
  const breather = new CountingBreather();
  const body = bodyOf({ prompt: "x".repeat(4_000_000) });
  const asked = deps(["chunks"], breather);
  const { prompt } = await withPrompt(asked, CONTEXT, { model: "m", body });
  assertEquals(prompt?.chunks().length, 4_096);
  assert(breather.pauses > 20, `${breather.pauses}`);
});
