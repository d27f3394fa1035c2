import { assertEquals, assertMatch, assertStringIncludes } from "../support/assert.ts";
import { comparable } from "../support/answers.ts";
import { MODEL, startCluster } from "../support/cluster.ts";

const ROUTED = { minPromptTokens: 64, maxPrefillQueue: 0, routeHeader: true };
const SHORT = { model: MODEL, prompt: "The river [[sim:len 6]]", max_tokens: 8 };
const LONG = { model: MODEL, prompt: `${"A long story. ".repeat(40)}[[sim:len 6]]`, max_tokens: 8 };

async function ask(url: string, body: unknown, wish?: string): Promise<Response> {
  return await fetch(`${url}/v1/completions`, {
    method: "POST",
    headers: {
      "content-type": "application/json",
      ...(wish === undefined ? {} : { "x-pd-route": wish }),
    },
    body: JSON.stringify(body),
  });
}

Deno.test("a handoff is made where it pays, or the client asks; answers are the same", async () => {
  await using cluster = await startCluster({ protocol: "nixl", router: { worth: ROUTED } });
  const { url, single, prefills } = cluster;
  const cases = [
    [SHORT, undefined, 0],
    [LONG, undefined, 1],
    [SHORT, "handoff", 1],
    [LONG, "direct", 0],
  ] as const;
  for (const [body, wish, handoffs] of cases) {
    const before = prefills[0]?.stats().prefills ?? 0;
    const ours = await comparable(await ask(url, body, wish));
    assertEquals(ours, await comparable(await ask(single.url, body)));
    assertEquals((prefills[0]?.stats().prefills ?? 0) - before, handoffs, `${wish}`);
  }
  const metrics = await (await fetch(`${url}/metrics`)).text();
  assertMatch(metrics, /^pd_router_direct_total\{reason="short_prompt"\} 1$/m);
  assertMatch(metrics, /^pd_router_direct_total\{reason="asked"\} 1$/m);
  const wrong = await ask(url, SHORT, "sideways");
  assertEquals(wrong.status, 400);
  assertStringIncludes(await wrong.text(), "x-pd-route must be direct or handoff, received");
  await cluster.quiet();
});

Deno.test("without --allow-route-header the field says nothing", async () => {
  await using cluster = await startCluster({ protocol: "nixl" });
  for (const wish of ["direct", "sideways"]) {
    assertEquals((await comparable(await ask(cluster.url, SHORT, wish))).status, 200);
  }
  assertEquals(cluster.prefills[0]?.stats().prefills, 2);
  await cluster.quiet();
});
