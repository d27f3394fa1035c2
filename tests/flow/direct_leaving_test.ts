import { assertEquals } from "../support/assert.ts";
import { eventually } from "../support/eventually.ts";
import { engineAt, post, startRouter } from "../support/router.ts";
import { startScripted } from "../support/scripted_engine.ts";
import { ScriptedSource } from "../support/scripted_source.ts";

Deno.test("a request goes to no engine that is leaving, and to none where there is no other", async () => {
  await using engine = startScripted(() => Response.json({ choices: [] }));
  await using other = startScripted(() => Response.json({ choices: [] }));
  const records = [engine, other].map(({ url }) => ({
    ...engineAt(url, "any"),
    kv: "none" as const,
  }));
  const source = ScriptedSource.of(records);
  await using router = await startRouter([], { ports: { sources: [source] } });
  const ask = (): Promise<Response> =>
    post(`${router.url}/v1/completions`, { model: "m", prompt: "a" });
  const [first, second] = records;
  if (first !== undefined) source.leaving(first.id);
  const asked = engine.asked.length;
  for (let round = 0; round < 4; round++) {
    const answer = await ask();
    assertEquals([answer.status, await answer.json()], [200, { choices: [] }]);
  }
  assertEquals([engine.asked.length, other.asked.length], [asked, 4]);
  if (second !== undefined) source.leaving(second.id);
  await eventually(async () => {
    const answer = await ask();
    const body = await answer.json();
    if (answer.status === 200) return false;
    assertEquals([answer.status, body.error.message], [
      503,
      "No engine serves model 'm' at the moment",
    ]);
    return true;
  });
  assertEquals(engine.asked.length, asked);
});
