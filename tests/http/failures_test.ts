import { createLogger } from "../../lib/base/mod.ts";
import { assert, assertEquals, assertStringIncludes } from "../support/assert.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { engineAt, post, type RouterChanges, startRouter } from "../support/router.ts";
import { type Script, startScripted } from "../support/scripted_engine.ts";

async function linesOf(
  script: Script,
  body: unknown,
  timeouts: RouterChanges["timeouts"] = {},
): Promise<{ lines: string[]; figures: string }> {
  const lines: string[] = [];
  const log = createLogger(new FakeClock(), (line) => lines.push(line), {
    level: "warning",
    format: "text",
  });
  await using engine = startScripted(script);
  await using router = await startRouter([engineAt(engine.url, "any")], { log_: log, timeouts });
  const answer = await post(`${router.url}/v1/completions`, body, {
    headers: { "x-request-id": "r1" },
  });
  await answer.text().catch(() => ""); // It may be cut.
  const figures = await (await fetch(`${router.url}/metrics`)).text();
  return { lines, figures };
}

/** A body of no known length; it hangs unless it `ends`. */
function piecewise(text: string, ends = false): ReadableStream<Uint8Array> {
  return new ReadableStream({
    start(controller) {
      controller.enqueue(new TextEncoder().encode(text));
      if (ends) controller.close();
    },
  });
}

const EVENTS = { headers: { "content-type": "text/event-stream" } };

Deno.test("a request that an engine spoils leaves a line with its id and the reason", async () => {
  const { lines } = await linesOf(
    () => new Response(piecewise('data: {}\n\ndata: {"a'), EVENTS),
    { model: "m", prompt: "a", stream: true },
    { streamIdleMs: 50 },
  );
  // On a busy machine the question for models may be too late as well.
  const failed = lines.filter((line) => line.includes("Request failed"));
  assertEquals(failed.length, 1);
  assertStringIncludes(failed[0] ?? "", "Request failed request=r1 path=/v1/completions");
  assertStringIncludes(failed[0] ?? "", "Engine http://127.0.0.1");
});

Deno.test("the first token's time is taken of answers that stream, and not of others", async () => {
  const count = (figures: string): string | undefined =>
    /^pd_router_time_to_first_token_seconds_count.*$/m.exec(figures)?.[0];
  const whole = await linesOf(() => Response.json({}), { model: "m", prompt: "a" });
  assertEquals([count(whole.figures), whole.lines], [undefined, []]);
  const refused = await linesOf(() => Response.json({}, { status: 400 }), { model: "m" });
  assertEquals([count(refused.figures), refused.lines], [undefined, []]);
  const streamed = await linesOf(() => new Response(piecewise("data: [DONE]\n\n", true), EVENTS), {
    model: "m",
    stream: true,
  });
  assert(count(streamed.figures)?.endsWith(" 1"));
});

Deno.test("a model that prefill engines alone serve is told with who is silent", async () => {
  await using prefill = startScripted(() => Response.json({}));
  const decode = engineAt("http://127.0.0.1:9", "decode");
  await using router = await startRouter([engineAt(prefill.url, "prefill"), decode], {
    handoff: { kind: "shared_storage" },
  });
  const answer = await post(`${router.url}/v1/completions`, { model: "m", prompt: "a" });
  const { error } = await answer.json();
  assertEquals([answer.status, error.message], [
    503,
    "Only prefill engines serve model 'm', and they answer nothing alone; " +
    "not heard from yet: http://127.0.0.1:9",
  ]);
});

Deno.test("a direct request that is asked of another engine leaves a line", async () => {
  const lines: string[] = [];
  const log_ = createLogger(new FakeClock(), (line) => lines.push(line), {
    level: "warning",
    format: "text",
  });
  const gone = startScripted(() => Response.json({}));
  await using there = startScripted(() => Response.json({}));
  const engines = [engineAt(gone.url, "any"), engineAt(there.url, "any")];
  await using router = await startRouter(engines, { log_ });
  await gone[Symbol.asyncDispose]();
  for (const id of ["r1", "r2"]) {
    const answer = await post(`${router.url}/v1/completions`, { model: "m", prompt: "a" }, {
      headers: { "x-request-id": id },
    });
    assertEquals([answer.status, await answer.text()], [200, "{}"]);
  }
  const told = lines.filter((line) => line.includes("Asking another engine request=r"));
  assertEquals(told.length, 1, lines.join("\n"));
  assertStringIncludes(told[0] ?? "", gone.url);
});
