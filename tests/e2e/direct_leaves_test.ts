import { assert, assertEquals } from "../support/assert.ts";
import { MODEL, startSim } from "../support/cluster.ts";
import { eventually } from "../support/eventually.ts";
import { engineAt, post, startRouter } from "../support/router.ts";

for (const padding of [0, 4_000]) {
  Deno.test(`clients that leave a direct request leave nothing behind, padded by ${padding}`, async () => {
    await using engine = await startSim({ role: "any", ttftMs: 3, itlMs: 1 });
    await using router = await startRouter([engineAt(engine.url, "any")]);
    await Promise.all(Array.from({ length: 120 }, async (_, index) => {
      const controller = new AbortController();
      const timer = setTimeout(() => controller.abort(), index % 40);
      try {
        const answer = await post(`${router.url}/v1/completions`, {
          model: MODEL,
          prompt: `${"x".repeat(padding)} Story ${index} [[sim:len 200]]`,
          max_tokens: 300,
          stream: index % 3 > 0,
        }, { signal: controller.signal });
        // Some take the head alone, and leave with the body unread.
        if (index % 2 === 0) await answer.text();
        else await new Promise((resolve) => controller.signal.addEventListener("abort", resolve));
      } catch (error) {
        assert(error instanceof DOMException, String(error));
      } finally {
        clearTimeout(timer);
      }
    }));
    const left = (): string => JSON.stringify(router.app.stats());
    await eventually(() => Object.values(router.app.stats()).every((count) => count === 0), left);
    await eventually(() => engine.stats().runningNow === 0, () => "the engine goes on");
    assertEquals(engine.stats().badRequests, 0);
  });
}
