import { encodeUtf8 } from "../../lib/base/mod.ts";
import { encodeText } from "../../lib/sim/tokenizer.ts";
import { assertEquals } from "../support/assert.ts";
import { eventually } from "../support/eventually.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { eventsOf, post, startEngine } from "./support.ts";

const PATH = "/v1/completions";

Deno.test("a whole answer takes prefill, first token and the tokens after it", async () => {
  const clock = new FakeClock();
  await using engine = await startEngine({ prefillMsPerToken: 2, ttftMs: 30, itlMs: 20 }, clock);
  const prompt = encodeText("one two three");
  const asked = post(engine, PATH, { prompt, max_tokens: 5, ignore_eos: true });
  await eventually(() => clock.pending > 0, () => "the prefill");
  await clock.advance(prompt.length * 2 + 30 - 1);
  assertEquals([clock.pending, engine.stats().runningNow], [1, 1]);
  await clock.advance(1);
  await clock.advance(79);
  assertEquals(engine.stats().finished, 0);
  await clock.advance(1);
  assertEquals((await asked).json.usage.completion_tokens, 5);
  assertEquals(clock.pending, 0);
});

Deno.test("slowTokens takes its own time per token", async () => {
  const clock = new FakeClock();
  await using engine = await startEngine({}, clock);
  Object.assign(engine.faults, { slowTokens: 1, slowTokenMs: 100 });
  const asked = post(engine, PATH, { prompt: "x", max_tokens: 3, ignore_eos: true });
  await eventually(() => clock.pending > 0, () => "the second token");
  await clock.advance(199);
  assertEquals(engine.stats().finished, 0);
  await clock.advance(1);
  assertEquals((await asked).json.usage.completion_tokens, 3);
});

Deno.test("a prompt seen before is computed from its first new block", async () => {
  const clock = new FakeClock();
  await using engine = await startEngine({
    prefillMsPerToken: 1,
    promptTokensDetails: true,
  }, clock);
  const prompt = new Array(40).fill(300);
  const times: number[] = [];
  const cached: number[] = [];
  for (let round = 0; round < 2; round++) {
    const asked = post(engine, PATH, { prompt, max_tokens: 1 });
    const begun = clock.now();
    await eventually(() => clock.pending > 0, () => "the prefill");
    while (clock.pending > 0) await clock.advance(1);
    times.push(clock.now() - begun);
    cached.push((await asked).json.usage.prompt_tokens_details.cached_tokens);
  }
  assertEquals([times, cached], [[40, 8], [0, 32]]);
});

Deno.test("a stream shows each token when it is due, and catches up when late", async () => {
  const clock = new FakeClock();
  await using engine = await startEngine({ itlMs: 10 }, clock);
  const conn = await Deno.connect({
    hostname: "127.0.0.1",
    port: Number(new URL(engine.url).port),
  });
  const body = JSON.stringify({ prompt: "Hi", max_tokens: 6, ignore_eos: true, stream: true });
  await conn.write(
    encodeUtf8(`POST ${PATH} HTTP/1.1\r\ncontent-length: ${body.length}\r\n\r\n${body}`),
  );
  const buffer = new Uint8Array(65536);
  let text = "";
  const events = async (count: number): Promise<void> => {
    while (text.split("data: ").length - 1 < count) {
      text += new TextDecoder().decode(buffer.subarray(0, await conn.read(buffer) ?? 0));
    }
  };
  await events(1);
  await eventually(() => clock.pending === 1, () => "the second token");
  assertEquals(text.split("data: ").length - 1, 1);
  await clock.advance(10);
  await events(2);
  await eventually(() => clock.pending === 1, () => "the third token");
  while (clock.now() < 50) {
    await clock.advance(10);
    await eventually(() => clock.pending === 1 || text.includes("[DONE]") || clock.now() >= 50);
  }
  await events(7);
  assertEquals(eventsOf(text.replaceAll(/\r\n[0-9a-f]+\r\n/g, "")).at(-1), "[DONE]");
  conn.close();
});

Deno.test("stop() ends engines that wait for time", async () => {
  const clock = new FakeClock();
  const engine = await startEngine({ ttftMs: 1000 }, clock);
  const asked = post(engine, PATH, { prompt: "x" }).then(() => "answered", () => "cut");
  await eventually(() => clock.pending > 0, () => "the prefill");
  await engine.stop();
  await engine.stop();
  assertEquals([await asked, clock.pending], ["cut", 0]);
});
