import { decodeUtf8, encodeUtf8, seededRandom } from "../../lib/base/mod.ts";
import { type Beginning, readBeginning } from "../../lib/request/engine_failure.ts";
import type { UpstreamResponse } from "../../lib/upstream/mod.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { randomCuts } from "../support/cuts.ts";

/** A response whose body comes in `pieces`. */
function responseOf(type: string, pieces: readonly Uint8Array[]): UpstreamResponse {
  const left = [...pieces];
  return {
    status: 200,
    headers: [["content-type", type]],
    header: (name) => name === "content-type" ? type : undefined,
    read: () => Promise.resolve(left.shift()),
    readAll: () => Promise.resolve(new Uint8Array(left.splice(0).flatMap((piece) => [...piece]))),
    [Symbol.dispose]: () => {},
  };
}

const JSON_TYPE = "application/json";
const SSE_TYPE = "text/event-stream; charset=utf-8";

const ROLE = 'data: {"choices":[{"index":0,"delta":{"role":"assistant","content":""},' +
  '"logprobs":null,"finish_reason":null}],"prompt_token_ids":null}\n\n';
const SAID = 'data: {"choices":[{"index":0,"delta":{"content":"a"},"finish_reason":null}]}\n\n';
const MESSAGE = 'event: message_start\ndata: {"type":"message_start","message":{}}\n\n';

const CASES: readonly (readonly [type: string, body: string, failure: string | undefined])[] = [
  [JSON_TYPE, '{"choices":[{"finish_reason":"stop","text":"\\"error\\""}]}', undefined],
  [JSON_TYPE, '{"choices":[{"finish_reason":"error","text":""}]}', "finish_reason 'error'"],
  [JSON_TYPE, '{"error":{"message":"boom"}}', "boom"],
  [JSON_TYPE, '{"error":null,"status":"completed"}', undefined],
  [JSON_TYPE, '{"error":null,"status":"failed"}', "status 'failed'"],
  [JSON_TYPE, 'no JSON with "error" in it', undefined],
  [SSE_TYPE, 'data: {"choices":[{"finish_reason":null,"text":"\\"error\\""}]}\n\n', undefined],
  [SSE_TYPE, 'data: {"choices":[{"finish_reason":"error"}]}\n\n', "finish_reason 'error'"],
  [SSE_TYPE, 'event: error\ndata: {"type":"error","error":{"message":"boom"}}\n\n', "boom"],
  [SSE_TYPE, ': ping\n\ndata: {"error":"boom"}\r\n\r\n', undefined],
  [SSE_TYPE, 'data: {"response":{"status":"failed"}}\r\n\r\n', "status 'failed'"],
  [SSE_TYPE, `${ROLE}data: {"error": {"message": "boom"}}\n\n`, "boom"],
  [SSE_TYPE, `${ROLE}${ROLE}data: {"error": {"message": "boom"}}\r\n\r\n`, "boom"],
  [SSE_TYPE, `${MESSAGE}event: error\ndata: {"error":{"message":"boom"}}\n\n`, "boom"],
  [SSE_TYPE, `${ROLE}${SAID}`, undefined],
  [SSE_TYPE, ROLE, undefined],
];

for (const [type, body, failure] of CASES) {
  Deno.test(`readBeginning() finds ${failure ?? "no failure"} in ${JSON.stringify(body)}`, async () => {
    const whole = encodeUtf8(body);
    assertEquals(await readBeginning(responseOf(type, [whole])).then((one) => one.bytes), whole);
    // A comment is an event's end as well: what follows it is the reader's.
    if (body.startsWith(":")) return;
    for (let seed = 1; seed <= 20; seed++) {
      const beginning = await readBeginning(
        responseOf(type, randomCuts(whole, seededRandom(seed))),
      );
      assertEquals(beginning, { bytes: whole, failure });
    }
  });
}

Deno.test("readBeginning() stops at the first event's end and loses nothing before it", async () => {
  const response = responseOf(SSE_TYPE, ["data: 1", "\n\nda", "ta: 2\n\n"].map(encodeUtf8));
  assertEquals(await readBeginning(response), {
    bytes: encodeUtf8("data: 1\n\nda"),
    failure: undefined,
  });
  assertEquals(await response.read(), encodeUtf8("ta: 2\n\n"));
});

Deno.test("readBeginning() stops at the first event that says something", async () => {
  const said = [
    SAID,
    'data: {"choices":[{"delta":{"role":"assistant","content":"a"},"finish_reason":null}]}\n\n',
    'data: {"choices":[{"delta":{"role":"assistant","content":""},"finish_reason":"stop"}]}\n\n',
    'data: {"choices":[{"delta":{"role":"assistant","tool_calls":[]}}]}\n\n',
    'data: {"choices":[{"text":"","finish_reason":null}]}\n\n',
    'data: {"choices":[],"usage":{}}\n\n',
    "data: [DONE]\n\n",
    ": ping\n\n",
  ];
  for (const event of said) {
    const response = responseOf(SSE_TYPE, [ROLE, event, "data: next\n\n"].map(encodeUtf8));
    const { bytes } = await readBeginning(response);
    assertEquals(bytes, encodeUtf8(ROLE + event), event);
  }
});

const REFUSAL = '{"error":{"message":"no","type":"BadRequestError","param":null,"code":400}}';

for (const before of ["", ROLE, ROLE + ROLE, MESSAGE]) {
  Deno.test(`readBeginning() finds a refusal behind ${before.length} bytes that say nothing`, async () => {
    const whole = encodeUtf8(`${before}data: ${REFUSAL}\n\ndata: [DONE]\n\n`);
    for (let seed = 1; seed <= 20; seed++) {
      const pieces = randomCuts(whole, seededRandom(seed));
      const { failure, refusal } = await readBeginning(responseOf(SSE_TYPE, pieces));
      assertEquals(failure, undefined);
      assertEquals([refusal?.status, decodeUtf8(refusal?.body ?? whole)], [400, REFUSAL]);
    }
  });
}

Deno.test("readBeginning() leaves to the client what is refused once something was said", async () => {
  const body = encodeUtf8(`${ROLE}${SAID}data: ${REFUSAL}\n\n`);
  assertEquals(await readBeginning(responseOf(SSE_TYPE, [body])), {
    bytes: body,
    failure: undefined,
  });
});

Deno.test("readBeginning() finds a refusal in a whole answer, and no room as a failure", async () => {
  const whole = (code: number): Promise<Beginning> =>
    readBeginning(responseOf(JSON_TYPE, [encodeUtf8(REFUSAL.replace("400", String(code)))]));
  assertEquals((await whole(422)).refusal?.status, 422);
  const { failure, refusal } = await whole(503);
  assertEquals([failure, refusal?.status], ["no", 503]);
  assertEquals([(await whole(500)).failure, (await whole(500)).refusal], ["no", undefined]);
});

Deno.test("readBeginning() holds no more of a stream than its beginning", async () => {
  const piece = encodeUtf8("x".repeat(60_000));
  const pieces = [encodeUtf8("data: "), ...Array.from({ length: 100 }, () => piece)];
  const { bytes, failure } = await readBeginning(responseOf(SSE_TYPE, pieces));
  assert(bytes !== undefined && bytes.length > 256 * 1024 && bytes.length < 400_000);
  assertEquals(failure, undefined);
});

Deno.test("readBeginning() passes a very large answer on that is not streamed", async () => {
  const piece = new Uint8Array(1024 * 1024).fill(0x20);
  const pieces = Array.from({ length: 30 }, () => piece);
  const response = responseOf(JSON_TYPE, pieces);
  const { bytes, failure } = await readBeginning(response);
  assertEquals([bytes?.length, failure], [17 * piece.length, undefined]);
  assert(await response.read() === piece, "the rest is its reader's");
});

Deno.test("readBeginning() does not parse a large answer that names an error", async () => {
  const text = JSON.stringify({ choices: [{ text: "x".repeat(1_100_000) }], error: "boom" });
  const whole = encodeUtf8(text);
  assertEquals(await readBeginning(responseOf(JSON_TYPE, [whole])), {
    bytes: whole,
    failure: undefined,
  });
});

Deno.test("readBeginning() takes an empty body for no failure", async () => {
  for (const type of [JSON_TYPE, SSE_TYPE]) {
    assertEquals(await readBeginning(responseOf(type, [])), {
      bytes: undefined,
      failure: undefined,
    });
  }
});
