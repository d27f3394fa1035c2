import { createLogger } from "../../lib/base/mod.ts";
import { assertEquals } from "../support/assert.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { post } from "../support/router.ts";
import { data, event, sse, startPair, usageEvent } from "../support/scripted_pair.ts";

const REST = [event(" two", { finish_reason: "stop" }), usageEvent(4, 1), data("[DONE]")];

/** What the log says of requests while `body` is answered, one line each. */
async function logOf(body: Record<string, unknown>, query = ""): Promise<readonly unknown[]> {
  const lines: string[] = [];
  const options = { level: "debug", format: "json" } as const;
  const log = createLogger(new FakeClock(), (line) => lines.push(line), options);
  await using pair = await startPair({
    decode: ({ text }) =>
      JSON.parse(text).stream === true ? sse(REST) : Response.json({ choices: [{ index: 0 }] }),
    router: { log_: log },
  });
  const answer = await post(
    `${pair.router.url}/v1/completions${query}`,
    { model: "m", max_tokens: 3, ...body },
    { headers: { "x-request-id": "abc" } },
  );
  await answer.text();
  return lines.map((line) => JSON.parse(line)).filter(({ request }) => request !== undefined)
    .map(({ level, message, request, route, reason, prompts }) => ({
      level,
      message,
      request,
      ...(route === undefined ? {} : { route }),
      ...(reason === undefined ? {} : { reason }),
      ...(prompts === undefined ? {} : { prompts }),
    }));
}

function handedOff(request: string): unknown {
  return { level: "debug", message: "Handing off", request, route: "handoff_p1" };
}

function direct(request: string, reason: string): unknown {
  return { level: "debug", message: "Serving directly", request, reason };
}

Deno.test("generate() logs the route of a handoff under the request's id", async () => {
  assertEquals(await logOf({ prompt: "a" }), [handedOff("abc")]);
});

Deno.test("generate() logs why a request is served directly", async () => {
  assertEquals(await logOf({ prompt: "a", suffix: "b" }), [direct("abc", "suffix")]);
  assertEquals(await logOf({ prompt: "a", n: 2 }), [direct("abc", "n")]);
});

Deno.test("generate() logs a reason that is found on the way", async () => {
  assertEquals(await logOf({ prompt: "a", max_tokens: 5000 }), [
    handedOff("abc"),
    direct("abc", "context_length"),
  ]);
});

Deno.test("generate() logs the way of each prompt of a list", async () => {
  const lines = await logOf({ prompt: [[1], []] });
  assertEquals(
    lines.slice(1).sort((one, other) => JSON.stringify(one) < JSON.stringify(other) ? 1 : -1),
    [
      direct("abc-1", "malformed"),
      handedOff("abc-0"),
    ],
  );
  assertEquals(lines[0], {
    level: "debug",
    message: "Answering prompts one by one",
    request: "abc",
    prompts: 2,
  });
});
