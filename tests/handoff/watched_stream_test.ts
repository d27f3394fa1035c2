import { decodeUtf8, encodeUtf8, LazyAbort, RouterError } from "../../lib/base/mod.ts";
import type { OnwardWish } from "../../lib/handoff/mod.ts";
import { WatchedStream } from "../../lib/handoff/watched_stream.ts";
import { asUsage } from "../../lib/openai/mod.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { allCuts } from "../support/cuts.ts";
import { eventResponse, type FakeResponse } from "../support/fake_upstream.ts";
import { data, event, usageEvent } from "../support/scripted_pair.ts";
import { DECODE, handoffParts, PAIR, type Parts, PREFILL, textRequest } from "./support.ts";

const USAGE = asUsage({ prompt_tokens: 3, completion_tokens: 1, total_tokens: 4 });

interface Made {
  readonly parts: Parts;
  readonly stream: WatchedStream;
  readonly wishes: OnwardWish[];
  readonly ends: (number | undefined)[];
  /** All that comes, and what reading it rejects with. */
  readonly all: () => Promise<readonly [text: string, failure: unknown]>;
}

/** A stream that begins with `first`, of which the rest is `response`; nobody goes on with it. */
function watched(
  first: string,
  response: FakeResponse,
  request: Readonly<Record<string, unknown>> = {},
): Made {
  const parts = handoffParts();
  const wishes: OnwardWish[] = [];
  const ends: (number | undefined)[] = [];
  const stream = new WatchedStream(parts.deps, parts.context, {
    request: textRequest({ stream: true, stream_options: { include_usage: true }, ...request }),
    pair: PAIR,
    find: (wish) => {
      wishes.push(wish);
      return Promise.resolve({ kind: "none", why: "no_pair" });
    },
    usage: () => USAGE,
    opened: {
      kind: "open",
      response,
      first: first === "" ? undefined : encodeUtf8(first),
      abort: new LazyAbort(),
      close: () => response[Symbol.dispose](),
    },
    flight: parts.fleet.take(DECODE, "decode", PREFILL),
    onEnd: (cached) => ends.push(cached),
  });
  const all = async (): Promise<readonly [string, unknown]> => {
    let text = "";
    try {
      for (let bytes = await stream.read(); bytes; bytes = await stream.read()) {
        text += decodeUtf8(bytes);
      }
    } catch (error) {
      return [text, error];
    }
    return [text, undefined];
  };
  return { parts, stream, wishes, ends, all };
}

const FIRST = event("é", { token_ids: [5], prompt_token_ids: [11, 12, 13] });
const SHOWN = event("é", { token_ids: null, prompt_token_ids: null });
const REST = [
  ": here\n\n",
  event(" two", { token_ids: [6, 7] }),
  event("", { token_ids: [8], finish_reason: "stop" }),
  usageEvent(3, 4),
  data("[DONE]"),
];
const SHOWN_REST = REST.join("").replaceAll(/"token_ids":\[[\d,]*\]/g, '"token_ids":null');

Deno.test("WatchedStream passes on what comes but for ids, whatever cuts it arrives in", async () => {
  for (const { name, pieces } of allCuts(encodeUtf8(REST.join("")), 20)) {
    const made = watched(FIRST, eventResponse(pieces));
    assertEquals(await made.all(), [SHOWN + SHOWN_REST, undefined], name);
    assertEquals([made.parts.fleet.ends, made.ends], [["decode ok"], [undefined]]);
    made.parts.assertQuiet();
  }
});

Deno.test("WatchedStream leaves ids to a client that asks for them", async () => {
  const made = watched(FIRST, eventResponse(REST), { return_token_ids: true });
  assertEquals(await made.all(), [FIRST + REST.join(""), undefined]);
});

Deno.test("WatchedStream tells what the engine says was cached, once all has come", async () => {
  const usage = {
    prompt_tokens: 3,
    total_tokens: 5,
    prompt_tokens_details: { cached_tokens: 2 },
  };
  const made = watched(FIRST, eventResponse([data({ choices: [], usage }), data("[DONE]")]));
  await made.all();
  assertEquals(made.ends, [2]);
});

const LOST = new RouterError("upstream-lost", "lost");

Deno.test("WatchedStream asks for another pair behind what the client has", async () => {
  const made = watched(FIRST, eventResponse([event(" two", { token_ids: [6] }), LOST]));
  const [text, failure] = await made.all();
  assertEquals(text, SHOWN + event(" two", { token_ids: null }));
  assertEquals(failure, LOST);
  assertEquals(made.wishes.map(({ exclude, tokens }) => [exclude, tokens]), [
    [[{ id: "d", why: "failed" }], 5],
  ]);
  assertEquals([made.parts.fleet.ends, made.ends], [["decode failed decode-failed"], []]);
  made.parts.assertQuiet();
});

Deno.test("WatchedStream takes an end without [DONE] for a failure", async () => {
  const made = watched(FIRST, eventResponse([]));
  const [text, failure] = await made.all();
  assertEquals([text, made.wishes.length], [SHOWN, 1]);
  assert(failure instanceof RouterError);
  assertEquals(failure.code, "decode-failed");
});

Deno.test("WatchedStream passes an engine's own words on where nobody goes on", async () => {
  const error = data({ error: { message: "boom", type: "InternalServerError", code: 500 } });
  const made = watched(FIRST, eventResponse([error, data("[DONE]")]));
  assertEquals(await made.all(), [SHOWN + error + data("[DONE]"), undefined]);
  assertEquals([made.wishes.length, made.parts.fleet.ends], [1, ["decode failed decode-failed"]]);
  made.parts.assertQuiet();
});

Deno.test("WatchedStream completes an answer of which only the end is missing", async () => {
  const [comment = "", two = "", last = ""] = REST;
  const made = watched(FIRST, eventResponse([comment, two, last, LOST]));
  const [text, failure] = await made.all();
  assertEquals([failure, made.wishes.length, text.endsWith(data("[DONE]"))], [undefined, 0, true]);
  const [usage] = text.split("\n\n").slice(-3);
  assertEquals(JSON.parse(usage?.slice("data: ".length) ?? ""), {
    id: "cmpl-d",
    object: "text_completion",
    created: 5,
    model: "m",
    choices: [],
    usage: { prompt_tokens: 3, completion_tokens: 4, total_tokens: 7 },
  });
  made.parts.assertQuiet();
});

Deno.test("WatchedStream minds nothing that happens behind [DONE]", async () => {
  const made = watched(FIRST, eventResponse([...REST, LOST]));
  assertEquals(await made.all(), [SHOWN + SHOWN_REST, undefined]);
  assertEquals([made.wishes.length, made.parts.fleet.ends], [0, ["decode ok"]]);
});

Deno.test("WatchedStream is not gone on with where more was said than text, or no ids were told", async () => {
  const rows = [
    event(" two"),
    event(" two", { index: 1, token_ids: [6] }),
    "data: {\n\n",
  ];
  for (const odd of rows) {
    const made = watched(FIRST, eventResponse([odd, LOST]));
    assertEquals((await made.all())[1], LOST);
    assertEquals(made.wishes.length, 0, odd);
  }
});

Deno.test("WatchedStream gives everything back when the client goes", async () => {
  const made = watched(FIRST, eventResponse());
  assertEquals(decodeUtf8(await made.stream.read() ?? new Uint8Array(0)), SHOWN);
  made.stream.cancel();
  made.stream.cancel();
  assertEquals([await made.stream.read(), made.parts.fleet.ends], [undefined, ["decode left"]]);
  made.parts.assertQuiet();
});
