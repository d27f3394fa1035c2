import { decode } from "@msgpack/msgpack";
import { Dealer, Subscriber } from "zeromq";
import { assertEquals, assertRejects } from "../support/assert.ts";
import { eventually } from "../support/eventually.ts";
import { type Json, post, startEngine } from "./support.ts";

const PATH = "/v1/completions";
const PROMPT = new Array(40).fill(0).map((_, index) => 300 + index);

Deno.test("KV events tell the blocks of a prompt, and a replay tells them again", async () => {
  await using engine = await startEngine({
    kvEventsEndpoint: "tcp://*:*",
    kvEventsReplay: "tcp://127.0.0.1:0",
    kvEventsTopic: "kv-events",
  });
  const socket = new Subscriber({ linger: 0 });
  socket.connect(engine.kvEventsEndpoint ?? "");
  socket.subscribe("kv-events");
  // Until the subscription is there events pass unseen; each round has blocks of its own.
  for (let round = 0; !socket.readable; round++) {
    await post(engine, PATH, { prompt: PROMPT.map((id) => id + (round % 50)), max_tokens: 1 });
    await eventually(() => true);
  }
  const frames = await socket.receive();
  socket.close();
  assertEquals(frames.length, 3);
  const [topic, seq, payload] = frames;
  assertEquals([topic?.toString(), seq?.length], ["kv-events", 8]);
  const [ts, events, rank]: Json = decode(payload ?? new Uint8Array(0), { useBigInt64: true });
  assertEquals([typeof ts, rank], ["number", 0]);
  const [event] = events;
  assertEquals([event.type, event.block_size, event.medium], ["BlockStored", 16, "GPU"]);
  assertEquals(event.block_hashes.length * 16, event.token_ids.length);
  assertEquals(event.block_hashes.map((hash: unknown) => typeof hash), ["bigint", "bigint"]);

  const dealer = new Dealer({ linger: 0 });
  dealer.connect(engine.kvReplayEndpoint ?? "");
  await dealer.send(["", new Uint8Array(8)]);
  const replies: Uint8Array[][] = [];
  const ended = (): boolean => replies.at(-1)?.[1]?.every((byte) => byte === 0xff) === true;
  while (!ended()) {
    await eventually(() => dealer.readable, () => "a replayed event");
    replies.push([...await dealer.receive()]);
  }
  dealer.close();
  assertEquals(replies.map((reply) => reply.length), replies.map(() => 3));
  assertEquals(
    replies.slice(0, -1).map((reply) => reply[1]?.[7]),
    replies.slice(0, -1).map((_, i) => i),
  );
  const same = replies.find((reply) => reply[1]?.[7] === seq?.[7]);
  assertEquals([...same?.[2] ?? []], [...payload ?? []]);
});

Deno.test("KV events cannot be published on an endpoint in use", async () => {
  await using engine = await startEngine({ kvEventsEndpoint: "tcp://*:*" });
  const port = /:(\d+)$/.exec(engine.kvEventsEndpoint ?? "")?.[1];
  await assertRejects(
    () => startEngine({ kvEventsEndpoint: `tcp://*:${port}` }),
    Error,
    "Cannot publish KV events",
  );
});
