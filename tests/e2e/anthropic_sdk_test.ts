import Anthropic from "@anthropic-ai/sdk";
import { assert, assertEquals, assertRejects } from "../support/assert.ts";
import { type Cluster, MODEL, startCluster, total } from "../support/cluster.ts";

const ASK = {
  model: MODEL,
  system: "You are brief.",
  messages: [{ role: "user" as const, content: "Tell me about the river é世. [[sim:len 18]]" }],
  max_tokens: 60,
};

function client(url: string): Anthropic {
  return new Anthropic({ baseURL: url, apiKey: "any", maxRetries: 0 });
}

/** Decode engines of both modes; messages need one of mode D1. */
async function withSdk(
  run: (ours: Anthropic, single: Anthropic, cluster: Cluster) => Promise<void>,
): Promise<void> {
  await using cluster = await startCluster({
    prefills: 2,
    decodes: 2,
    modes: ["p1", "d1"],
  });
  await run(client(cluster.url), client(cluster.single.url), cluster);
  await cluster.quiet();
  assertEquals(total(cluster.decodes, "staleReads"), 0);
}

function textOf(message: Anthropic.Message): string {
  return message.content.map((block) => block.type === "text" ? block.text : block.type).join("");
}

Deno.test("Anthropic SDK: messages, whole and streamed, are those of one engine", async () => {
  await withSdk(async (ours, single, { prefills, decodes }) => {
    const right = await single.messages.create(ASK);
    const whole = await ours.messages.create(ASK);
    const stream = ours.messages.stream(ASK);
    const deltas: string[] = [];
    stream.on("text", (delta) => void deltas.push(delta));
    const streamed = await stream.finalMessage();
    assert(textOf(right).length > 20);
    assertEquals(deltas.join(""), textOf(right));
    for (const answer of [whole, streamed]) {
      assertEquals([answer.role, textOf(answer)], ["assistant", textOf(right)]);
      // vLLM's whole answers leave it out, its streams say null.
      assertEquals([answer.stop_reason, answer.stop_sequence ?? null], ["end_turn", null]);
      const { input_tokens, output_tokens } = answer.usage;
      assertEquals([input_tokens, output_tokens], [
        right.usage.input_tokens,
        right.usage.output_tokens,
      ]);
    }
    assertEquals(total(prefills, "prefills"), 2);
    assertEquals(total(decodes, "externalHits"), 2);
    assertEquals(total(decodes, "recomputes"), 0);
  });
});

Deno.test("Anthropic SDK: limits and stop sequences end a message as in one engine", async () => {
  await withSdk(async (ours, single) => {
    const short = { ...ASK, max_tokens: 1 };
    const content = "Count. [[sim:say one two three STOP four]]";
    const stopped = {
      ...ASK,
      messages: [{ role: "user" as const, content }],
      stop_sequences: ["STOP"],
    };
    const ends = [[short, "max_tokens", null], [stopped, "stop_sequence", "STOP"]] as const;
    for (const [ask, reason, sequence] of ends) {
      const right = await single.messages.create(ask);
      const whole = await ours.messages.create(ask);
      const streamed = await ours.messages.stream(ask).finalMessage();
      for (const answer of [right, whole, streamed]) {
        assertEquals([answer.stop_reason, answer.stop_sequence ?? null], [reason, sequence]);
        assertEquals(textOf(answer), textOf(right));
        assertEquals(answer.usage.output_tokens, right.usage.output_tokens);
      }
    }
  });
});

Deno.test("Anthropic SDK: errors arrive as its own classes", async () => {
  await withSdk(async (ours) => {
    await assertRejects(
      () => ours.messages.create({ ...ASK, model: "nobody" }),
      Anthropic.NotFoundError,
    );
    await assertRejects(
      () => ours.messages.create({ ...ASK, max_tokens: 0 }),
      Anthropic.BadRequestError,
    );
  });
});

Deno.test("Anthropic SDK: a stream that is left stops the engine", async () => {
  await withSdk(async (ours, _single, { decodes }) => {
    for (const engine of decodes) engine.faults.slowTokens = true;
    for (const engine of decodes) engine.faults.slowTokenMs = 20;
    const stream = await ours.messages.create({
      ...ASK,
      messages: [{ role: "user", content: "On and on [[sim:len 500]]" }],
      max_tokens: 600,
      stream: true,
    });
    let seen = 0;
    for await (const event of stream) {
      if (event.type === "content_block_delta" && ++seen === 4) break;
    }
    assertEquals(seen, 4);
  });
});
