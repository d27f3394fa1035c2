import { estimateOf } from "../../lib/doors/estimate.ts";
import { assertEquals } from "../support/assert.ts";
import { bodyOf } from "./support.ts";

Deno.test("estimateOf() takes four bytes of a body for a token", () => {
  const body = bodyOf({ model: "m", prompt: "x".repeat(974) });
  assertEquals(body.bytes.length, 999);
  assertEquals(estimateOf(body), { prompt: 250, answer: 0 });
});

Deno.test("estimateOf() takes the limit that counts, for each of several answers", () => {
  const rows: readonly (readonly [fields: Readonly<Record<string, unknown>>, answer: number])[] = [
    [{}, 0],
    [{ max_tokens: 100 }, 100],
    [{ max_tokens: 100, max_completion_tokens: 50 }, 50],
    [{ max_output_tokens: 70 }, 70],
    [{ max_tokens: 100, n: 3 }, 300],
    [{ max_tokens: null, n: null }, 0],
    [{ max_tokens: "100" }, 0],
    [{ max_tokens: -5 }, 0],
    [{ max_tokens: 1.5 }, 0],
    [{ max_tokens: [1, 2] }, 0],
    [{ max_tokens: 1e300 }, 0],
    [{ max_tokens: Number.MAX_SAFE_INTEGER, n: 1000 }, Number.MAX_SAFE_INTEGER],
  ];
  for (const [fields, answer] of rows) assertEquals(estimateOf(bodyOf(fields)).answer, answer);
});
