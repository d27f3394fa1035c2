import { decodeUtf8, systemClock } from "../../../lib/base/mod.ts";
import { bindPull, decodeNotice } from "../../../lib/zmq/mod.ts";
import { Children, freePorts } from "../../../scripts/bench/child.ts";
import { runClient } from "../../../scripts/bench/cost/client.ts";
import { readTreeStat } from "../../../scripts/bench/cost/cpu.ts";
import { MODEL, pace, startEngines } from "../../../scripts/bench/cost/engines.ts";
import { buildTools } from "../../../scripts/bench/cost/tools.ts";
import { assert, assertEquals } from "../../support/assert.ts";
import { take, within } from "../../zmq/support.ts";

const IDS = [10_000, 10_001, 10_002];

async function post(port: number, path: string, body: unknown): Promise<string> {
  const response = await fetch(`http://127.0.0.1:${port}${path}`, {
    method: "POST",
    body: JSON.stringify(body),
  });
  assertEquals(response.status, 200);
  return await response.text();
}

Deno.test("the C engine answers as the legs of handoffs need it", async () => {
  await using children = new Children();
  const tools = await buildTools();
  const { ports: { any: [port = 0] }, pid } = await startEngines(children, tools.engine);
  const messages = [{ role: "user", content: "[3 tokens] of the sea" }];
  assertEquals(JSON.parse(await post(port, "/tokenize", { messages })), {
    count: 3,
    max_model_len: 1_000_000,
    tokens: IDS,
    token_strs: null,
  });
  const prefill = JSON.parse(
    await post(port, "/v1/chat/completions", {
      messages,
      return_token_ids: true,
      kv_transfer_params: { disagg_spec: { req_id: "x" } },
    }),
  );
  assertEquals(prefill.prompt_token_ids, IDS);
  assertEquals(prefill.kv_transfer_params, { first_tok: 11_111 });
  const nixl = JSON.parse(
    await post(port, "/v1/completions", {
      prompt: "[40 tokens]",
      kv_transfer_params: { do_remote_decode: true },
    }),
  );
  assertEquals(nixl.kv_transfer_params.remote_block_ids, [[1, 2, 3]]);
  const events = await post(port, "/v1/completions", {
    stream: true,
    max_tokens: 2,
    prompt: "[3 tokens]",
    stream_options: { include_usage: true },
  });
  const data = events.split("\n\n").filter((event) => event !== "").map((event) => event.slice(6));
  assertEquals(data.length, 4);
  assertEquals(data.at(-1), "[DONE]");
  assertEquals(JSON.parse(data[1] ?? "").choices[0].finish_reason, "length");
  assertEquals(JSON.parse(data[2] ?? "").usage.total_tokens, 5);
  assertEquals(
    JSON.parse(await (await fetch(`http://127.0.0.1:${port}/v1/models`)).text()).data[0].id,
    MODEL,
  );
  assert(readTreeStat(pid).residentBytes > 2 ** 20);
});

Deno.test("the C engine sees what decides at both ends of a large body, and reads chunks", async () => {
  await using children = new Children();
  const tools = await buildTools();
  const { ports: { any: [port = 0] } } = await startEngines(children, tools.engine);
  const prompt = `[5 tokens]${" word".repeat(100_000)}`;
  const answer = JSON.parse(await post(port, "/v1/completions", { prompt, max_tokens: 2 }));
  assertEquals(answer.usage, {
    prompt_tokens: 5,
    total_tokens: 7,
    completion_tokens: 2,
    prompt_tokens_details: null,
  });
  const text = new TextEncoder().encode(JSON.stringify({ prompt, max_tokens: 3 }));
  const chunked = await fetch(`http://127.0.0.1:${port}/v1/completions`, {
    method: "POST",
    body: ReadableStream.from([text.slice(0, 7), text.slice(7, 100_000), text.slice(100_000)]),
  });
  assertEquals((await chunked.json()).usage.completion_tokens, 3);
});

Deno.test("the C engine tells a router's socket of each prefill leg", async () => {
  await using children = new Children();
  const tools = await buildTools();
  const { ports: { prefill: [port = 0], notify } } = await startEngines(children, tools.engine);
  await using socket = await bindPull({ host: "127.0.0.1", port: notify }, {
    clock: systemClock(),
  });
  const ids = ["0a1b", "x".repeat(36)];
  for (const req_id of ids) {
    await post(port, "/v1/completions", { kv_transfer_params: { disagg_spec: { req_id } } });
  }
  const messages = await within(take(socket.frames(), 2), "2 notifications");
  assertEquals(
    messages.map(decodeNotice),
    ids.map((reqId) => ({ kind: "kv-ready" as const, reqId })),
  );
});

Deno.test("the load client counts answers, events, gaps and failures", async () => {
  await using children = new Children();
  const tools = await buildTools();
  const { ports } = await startEngines(children, tools.engine);
  const [port = 0] = ports.any;
  const whole = await runClient(tools.client, port, { connections: 4, requests: 100, each: true });
  assertEquals([whole.begun, whole.answered, whole.failed, whole.each?.length], [100, 100, 0, 100]);
  assertEquals(whole.first, null);
  await pace(ports, 2_000);
  const streamed = await runClient(tools.client, port, {
    connections: 3,
    once: true,
    stream: true,
    tokens: 20,
  });
  // The first event of a chat and [DONE] besides.
  assertEquals([streamed.answered, streamed.events, streamed.first?.count], [3, 66, 3]);
  assertEquals(streamed.gap?.count, 63);
  assert((streamed.latency?.p50 ?? 0) >= 40);
  const arrivals = await runClient(tools.client, port, { connections: 8, rate: 200, seconds: 0.5 });
  assertEquals(arrivals.failed, 0);
  assert(arrivals.answered > 50 && arrivals.answered < 200);
  const [closed = 0] = freePorts(1);
  const none = await runClient(tools.client, closed, { connections: 2 });
  assertEquals([none.failed, none.failure], [2, "cannot connect"]);
});

Deno.test("the load client reads every form of an answer, wherever it is cut", async () => {
  const event = "data: {}\n\n";
  const answers = [
    `HTTP/1.1 200 OK\r\ncontent-length: ${2 * event.length}\r\n\r\n${event.repeat(2)}`,
    `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n7\r\ndata: {\r\n0d;x=y\r\n}\n\n${event}\r\n0\r\na: b\r\n\r\n`,
    "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
    "HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n",
    `HTTP/1.1 200 OK\r\ncontent-length: 22\r\n\r\ndata: {"error":"no"}\n\n`,
  ];
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const served = serveBytewise(listener, answers);
  const tools = await buildTools();
  const seen = [];
  for (let index = 0; index < answers.length; index++) {
    const { answered, events, failure } = await runClient(tools.client, listener.addr.port, {
      requests: 1,
      stream: true,
      tokens: 1,
    });
    seen.push([answered, events, failure]);
  }
  assertEquals(seen, [
    [1, 2, ""],
    [1, 2, ""],
    [0, 0, "0 events"],
    [0, 0, "status 503"],
    [0, 1, "an event tells an error"],
  ]);
  await served;
});

/** Each of `answers` to one connection, byte by byte. */
async function serveBytewise(
  listener: Deno.TcpListener,
  answers: readonly string[],
): Promise<void> {
  for (const answer of answers) {
    using connection = await listener.accept();
    connection.setNoDelay(true);
    let request = "";
    const buffer = new Uint8Array(4096);
    while (!request.includes('"stream":true}')) {
      request += decodeUtf8(buffer.subarray(0, await connection.read(buffer) ?? 0));
    }
    for (const byte of new TextEncoder().encode(answer)) {
      await connection.write(Uint8Array.of(byte));
    }
    // Until the client has gone.
    while (await connection.read(buffer) !== null) continue;
  }
}
