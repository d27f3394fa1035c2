import Anthropic from "@anthropic-ai/sdk";
import { assert, assertEquals, assertRejects, assertStringIncludes } from "../support/assert.ts";
import { engineAt, post, startRouter } from "../support/router.ts";
import { startScripted } from "../support/scripted_engine.ts";

const MESSAGES = [{ role: "user" as const, content: "hi" }];
const BODY = { model: "m", max_tokens: 5, messages: MESSAGES };
const EVENTS = { headers: { "content-type": "text/event-stream" } };

/** A port that nothing listens on. */
const NOWHERE = "http://127.0.0.1:9";

/** What an answer tells, as Anthropic's API would. */
async function told(answering: Promise<Response>): Promise<readonly unknown[]> {
  const answer = await answering;
  const { type, error, request_id: id, ...rest } = await answer.json();
  assertEquals([type, Object.keys(error), rest], ["error", ["type", "message"], {}]);
  assertEquals(id, answer.headers.get("x-request-id"));
  assertEquals(id, answer.headers.get("request-id"));
  return [answer.status, error.type, error.message];
}

Deno.test("errors of /v1/messages have Anthropic's shape, whatever they are", async () => {
  await using engine = startScripted(() => Response.json({}));
  const engines = [engineAt(engine.url, "any"), engineAt(NOWHERE, "any", { models: ["gone"] })];
  await using router = await startRouter(engines, { maxRequestBytes: 500 });
  const url = `${router.url}/v1/messages`;
  const large = { ...BODY, messages: [{ role: "user", content: "x".repeat(500) }] };
  const rows: readonly (readonly [ask: () => Promise<Response>, number, string, string])[] = [
    [() => post(url, "{"), 400, "invalid_request_error", "not a JSON"],
    [() => post(url, { messages: 1 }), 400, "invalid_request_error", "model"],
    [() => post(url, { ...BODY, model: "x" }), 404, "not_found_error", "'x'"],
    [() => post(`${url}?id=x`, BODY), 404, "not_found_error", "'x'"],
    [() => fetch(url), 405, "invalid_request_error", "use POST"],
    [() => post(url, large), 413, "request_too_large", "at most 500"],
    [() => post(url, { ...BODY, model: "gone" }), 502, "api_error", "refused"],
    [() => post(`${url}/batches`, BODY), 404, "not_found_error", "/v1/messages/batches"],
    [() => post(`${url}/count_tokens`, {}), 400, "invalid_request_error", "model"],
    [() => fetch(`${url}/count_tokens`), 405, "invalid_request_error", "use POST"],
  ];
  for (const [ask, status, type, message] of rows) {
    const [toldStatus, toldType, toldMessage] = await told(ask());
    assertEquals([toldStatus, toldType], [status, type], message);
    assertStringIncludes(String(toldMessage), message);
  }
  // Elsewhere they have OpenAI's.
  const { error } = await (await post(`${router.url}/v1/chat/completions`, "{")).json();
  assertEquals([error.type, error.code], ["BadRequestError", 400]);
});

Deno.test("a stream of /v1/messages that breaks ends in Anthropic's event, with the status", async () => {
  await using engine = startScripted(() => {
    const opening = 'event: message_start\ndata: {"type":"message_start"}\n\n';
    const body = new ReadableStream<Uint8Array>({
      start: (controller) => controller.enqueue(new TextEncoder().encode(opening)),
    });
    return new Response(body, EVENTS);
  });
  await using router = await startRouter([engineAt(engine.url, "any")], {
    timeouts: { streamIdleMs: 50 },
  });
  const headers = { "x-request-id": "r1" };
  const answer = await post(`${router.url}/v1/messages`, { ...BODY, stream: true }, { headers });
  const [, event = ""] = (await answer.text()).split('"message_start"}\n\n');
  assert(event.startsWith("event: error\ndata: {"), event);
  const { type, error, request_id: id } = JSON.parse(event.split("data: ")[1] ?? "");
  assertEquals([type, error.type, error.code, id], ["error", "timeout_error", 504, "r1"]);
});

Deno.test("Anthropic SDK: errors have their classes, types and ids", async () => {
  await using engine = startScripted(() => Response.json({ input_tokens: 12 }));
  const engines = [engineAt(engine.url, "any"), engineAt(NOWHERE, "any", { models: ["gone"] })];
  await using router = await startRouter(engines);
  const client = new Anthropic({ baseURL: router.url, apiKey: "any", maxRetries: 0 });
  const missing = await assertRejects(
    () => client.messages.create({ ...BODY, model: "x" }),
    Anthropic.NotFoundError,
  );
  assertEquals([missing.status, missing.type], [404, "not_found_error"]);
  assert(missing.requestID);
  const failed = await assertRejects(
    () => client.messages.create({ ...BODY, model: "gone" }),
    Anthropic.InternalServerError,
  );
  assertEquals([failed.status, failed.type], [502, "api_error"]);
  const counted = await client.messages.countTokens({ model: "m", messages: MESSAGES });
  assertEquals(counted.input_tokens, 12);
  assertEquals(engine.asked.map(({ path }) => path), ["/v1/messages/count_tokens"]);
});

Deno.test("tokens are counted by engines that answer alone, and by a prefill engine that is picked", async () => {
  await using prefill = startScripted(() => Response.json({ input_tokens: 1 }));
  await using decode = startScripted(() => Response.json({ input_tokens: 2 }));
  await using router = await startRouter([
    engineAt(prefill.url, "prefill"),
    engineAt(decode.url, "decode"),
  ], { handoff: { kind: "shared_storage" } });
  const url = `${router.url}/v1/messages/count_tokens`;
  const count = async (query: string): Promise<number> =>
    (await (await post(url + query, BODY)).json()).input_tokens;
  assertEquals([await count(""), await count(""), await count("")], [2, 2, 2]);
  assertEquals(await count(`?id=${new URL(prefill.url).host}`), 1);
});
