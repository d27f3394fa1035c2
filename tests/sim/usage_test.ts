import {
  finalUsageJson,
  parseStreamUsage,
  runningUsageJson,
  usageJson,
} from "../../lib/sim/usage.ts";
import { assertEquals } from "../support/assert.ts";

const COUNTS = { prompt: 10, completion: 3, cached: 4, created: 6 };
const TOTALS = { prompt_tokens: 10, total_tokens: 13, completion_tokens: 3 };

Deno.test("usageJson() has all members, null where nothing is told", () => {
  assertEquals(JSON.parse(usageJson(COUNTS, "none")), {
    ...TOTALS,
    prompt_tokens_details: null,
    completion_tokens_details: null,
  });
  assertEquals(JSON.parse(usageJson(COUNTS, "cached")).prompt_tokens_details, {
    cached_tokens: 4,
    created_cache_tokens: null,
    multimodal_tokens: null,
  });
  assertEquals(JSON.parse(usageJson(COUNTS, "created", 2)), {
    ...TOTALS,
    prompt_tokens_details: { cached_tokens: 4, created_cache_tokens: 6, multimodal_tokens: null },
    completion_tokens_details: { reasoning_tokens: 2 },
  });
});

Deno.test("finalUsageJson() leaves out what is null", () => {
  assertEquals(JSON.parse(finalUsageJson(COUNTS, "none")), TOTALS);
  assertEquals(JSON.parse(finalUsageJson(COUNTS, "cached")), {
    ...TOTALS,
    prompt_tokens_details: { cached_tokens: 4 },
  });
  assertEquals(JSON.parse(finalUsageJson(COUNTS, "created", 2)), {
    ...TOTALS,
    prompt_tokens_details: { cached_tokens: 4, created_cache_tokens: 6 },
    completion_tokens_details: { reasoning_tokens: 2 },
  });
});

Deno.test("runningUsageJson() has a place for thoughts in chats alone", () => {
  assertEquals(JSON.parse(runningUsageJson(10, 3)), TOTALS);
  assertEquals(JSON.parse(runningUsageJson(10, 3, null)), {
    ...TOTALS,
    completion_tokens_details: null,
  });
});

Deno.test("parseStreamUsage() reports running counts only beside a final one", () => {
  const of = (stream_options: unknown): unknown => parseStreamUsage({ stream_options }, true);
  assertEquals(of(undefined), { include: false, continuous: false });
  assertEquals(of({}), { include: false, continuous: false });
  assertEquals(of({ continuous_usage_stats: true }), { include: false, continuous: false });
  assertEquals(of({ include_usage: true, continuous_usage_stats: true }), {
    include: true,
    continuous: true,
  });
});
