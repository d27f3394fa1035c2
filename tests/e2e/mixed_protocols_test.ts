import { comparable } from "../support/answers.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { freePort, MODEL, startSim } from "../support/cluster.ts";
import { engineAt, post, startRouter } from "../support/router.ts";

Deno.test("one fleet may move KV in two ways: pairs have theirs in common", async () => {
  await using stack = new AsyncDisposableStack();
  const port = freePort();
  const proxy = { proxyHost: "127.0.0.1", proxyPort: port };
  const lmcacheDecode = stack.use(await startSim({ role: "decode", ranks: 2 }));
  const lmcachePrefill = stack.use(await startSim({ role: "prefill", ranks: 2, ...proxy }));
  const nixlDecode = stack.use(await startSim({ role: "decode", kvConnector: "nixl" }));
  const nixlPrefill = stack.use(await startSim({ role: "prefill", kvConnector: "nixl" }));
  const single = stack.use(await startSim({ role: "any" }));
  const { initPorts, allocPorts } = lmcacheDecode;
  const nixl = { host: "127.0.0.1", initPorts, allocPorts, modes: ["p1"] as const };
  const router = stack.use(
    await startRouter([
      engineAt(lmcachePrefill.url, "prefill"),
      engineAt(lmcacheDecode.url, "decode", { nixl }),
      engineAt(nixlPrefill.url, "prefill", { kv: "nixl" }),
      engineAt(nixlDecode.url, "decode", { kv: "nixl" }),
    ], { handoff: { proxy: { host: "127.0.0.1", port } } }),
  );
  const plain = { model: MODEL, prompt: "The river [[sim:len 9]]", max_tokens: 12 };
  // What mode P1 cannot carry goes to the pair that relays.
  const several = { ...plain, n: 2 };
  for (const body of [plain, several, plain, several]) {
    const ours = await comparable(await post(`${router.url}/v1/completions`, body));
    assertEquals(ours, await comparable(await post(`${single.url}/v1/completions`, body)));
  }
  assertEquals(lmcachePrefill.stats().prefills, 2);
  assertEquals(nixlPrefill.stats().prefills, 2);
  assertEquals(nixlDecode.stats().doubleUses, 0);
  assert(lmcacheDecode.stats().externalHits === 2 && nixlDecode.stats().externalHits >= 2);
});
