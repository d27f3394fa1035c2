import { assertEquals } from "../support/assert.ts";
import { configOf, FLEET } from "./support.ts";

const FLAGS: readonly (readonly [flags: Readonly<Record<string, string>>, worth: unknown])[] = [
  [{}, undefined],
  [{ "disagg-min-prompt-tokens": "0", "disagg-max-prefill-queue": "0" }, undefined],
  [{ "disagg-min-prompt-tokens": "512" }, {
    minPromptTokens: 512,
    maxPrefillQueue: 0,
    routeHeader: false,
  }],
  [{ "disagg-max-prefill-queue": "8" }, {
    minPromptTokens: 0,
    maxPrefillQueue: 8,
    routeHeader: false,
  }],
  [{ "allow-route-header": "true" }, {
    minPromptTokens: 0,
    maxPrefillQueue: 0,
    routeHeader: true,
  }],
];

Deno.test("worthOptions() has rules where something was said", () => {
  for (const [flags, worth] of FLAGS) {
    const config = configOf({ flags: { ...FLEET, ...flags } });
    assertEquals(config.worth, worth, JSON.stringify(flags));
  }
});
