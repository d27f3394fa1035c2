import { chaosRequest } from "../../scripts/chaos/requests.ts";
import { assert, assertEquals, assertNotEquals } from "../support/assert.ts";

const REQUESTS = Array.from({ length: 1_000 }, (_, index) => chaosRequest(7, index));

Deno.test("chaosRequest() is the same for one seed and number, and another for others", () => {
  assertEquals(chaosRequest(7, 123), REQUESTS[123]);
  assertNotEquals(chaosRequest(8, 123).body, REQUESTS[123]?.body);
  const bodies = new Set(
    REQUESTS.map(({ body: { prompt, messages } }) => JSON.stringify(prompt ?? messages)),
  );
  assertEquals(bodies.size, REQUESTS.length);
});

/** What some of the requests are. */
const KINDS: Readonly<Record<string, (request: (typeof REQUESTS)[number]) => boolean>> = {
  "streamed": ({ body }) => body["stream"] === true,
  "whole": ({ body }) => body["stream"] === false,
  "chats": ({ path }) => path === "/v1/chat/completions",
  "lists of prompts": ({ body: { prompt } }) => Array.isArray(prompt) && prompt.length > 1,
  "of several samples": ({ body }) => Number(body["n"]) > 1,
  "with logprobs of completions": ({ body }) => typeof body["logprobs"] === "number",
  "with logprobs of chats": ({ body }) => body["logprobs"] === true,
  "with stops": ({ body }) => body["stop"] !== undefined,
  "with tools": ({ body }) => body["tools"] !== undefined,
  "with usage": ({ body }) => body["stream_options"] !== undefined,
  "longer than several chunks of KV": ({ body }) => JSON.stringify(body).length > 2_000,
  "left after a time": ({ leaves }) => leaves?.kind === "time",
  "left within the answer": ({ leaves }) => leaves?.kind === "bytes",
  "read slowly": ({ restMs }) => restMs > 0,
  "refused by every engine": ({ body }) => body["temperature"] === -1,
};

for (const [name, is] of Object.entries(KINDS)) {
  Deno.test(`chaosRequest() makes requests that are ${name}, and others`, () => {
    const count = REQUESTS.filter(is).length;
    assert(count >= 10 && count < REQUESTS.length, `${count} of ${REQUESTS.length}`);
  });
}
