import { systemClock } from "../../lib/base/mod.ts";
import { dispatch } from "../../lib/cli/dispatch.ts";
import { assertEquals, assertMatch, assertStringIncludes } from "../support/assert.ts";
import { eventually } from "../support/eventually.ts";
import { post } from "../support/router.ts";
import { fakeProcess } from "./support.ts";

Deno.test("demo shows its requests, then yours, until a signal", async () => {
  const { ports, out, err, signals } = fakeProcess();
  const ended = dispatch(["demo", "--port", "0"], { ...ports, clock: systemClock() });
  const shows = (text: string): Promise<void> =>
    eventually(() => out.text.includes(text), () => `${text} in ${out.text}${err.text}`);
  await shows("The demo stays up");
  assertStringIncludes(out.text, "KV moved from a prefill to a decode engine in 3 of 3 requests");
  const [, url] = /curl (http:\S+)\/metrics/.exec(out.text) ?? [];
  for (const [id, more] of [["mine", {}], ["demo-1", { n: 2, temperature: 1 }]] as const) {
    const asked = { model: "sim-model", prompt: "Hello", max_tokens: 4, ...more };
    const answer = await post(`${url}/v1/completions`, asked, { headers: { "x-request-id": id } });
    assertEquals(answer.status, 200);
    await answer.body?.cancel();
    await shows(`Your request ${id} (POST /v1/completions)`);
  }
  signals.send("SIGINT");
  assertEquals([await ended, err.text], [0, ""]);
  const [, handedOff, direct] = out.text.split("Your request ");
  assertMatch(
    handedOff ?? "",
    /handoff_p1, [\d.]+ ms\n.*prefill.*\n.*KV.*\n.*decode/,
  );
  assertMatch(direct ?? "", /direct \(n\), [\d.]+ ms\n {3}direct +\|.*on decode-\d\n$/);
});
