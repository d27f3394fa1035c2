import { assert, assertEquals } from "../support/assert.ts";
import { eventually } from "../support/eventually.ts";
import { post } from "../support/router.ts";
import {
  data,
  event,
  type PairScript,
  sse,
  usageEvent,
  withPair,
} from "../support/scripted_pair.ts";
import { type Told, told } from "../support/told.ts";

/** Texts of tokens by id, from 100 on. */
const TEXTS = [" on", "e", " two", " th", "ree", " END", "</s>"];

function textOf(ids: readonly number[]): string {
  return ids.map((id) => TEXTS[id - 100] ?? "").join("");
}

/** Events of `groups` of tokens, all but the last one without an end. */
function events(...groups: readonly (readonly number[])[]): string[] {
  return groups.map((ids) => event(textOf(ids), { token_ids: ids }));
}

const ENDING = [
  event("", { token_ids: [], finish_reason: "length" }),
  usageEvent(4, 5),
  data("[DONE]"),
];

const PREFILL = { text: " on", token: 100 };
const ASKED = { model: "m", prompt: "hi", max_tokens: 20 };

interface Row {
  readonly name: string;
  readonly stop: readonly string[];
  readonly more?: Record<string, unknown>;
  readonly groups: readonly (readonly number[])[];
  readonly text: string;
  readonly stopReason: string | undefined;
  readonly tokens: number;
}

const ROWS: readonly Row[] = [
  {
    name: "over the seam",
    stop: ["one"],
    groups: [[101], [102]],
    text: " ",
    stopReason: "one",
    tokens: 2,
  },
  {
    name: "over the seam and further",
    stop: ["zz", "n two t"],
    groups: [[102], [103], [104]],
    text: " o",
    stopReason: "n two t",
    tokens: 3,
  },
  {
    name: "in an event of several tokens",
    stop: ["one t"],
    groups: [[101, 102, 103], [104]],
    text: " ",
    stopReason: "one t",
    tokens: 3,
  },
  {
    name: "after a beginning that came to nothing",
    stop: ["one", "END"],
    groups: [[102], [103, 104, 105, 101]],
    text: " on two three ",
    stopReason: "END",
    tokens: 5,
  },
  {
    name: "included in the answer",
    stop: ["one"],
    more: { include_stop_str_in_output: true },
    groups: [[101, 102]],
    text: " one",
    stopReason: "one",
    tokens: 2,
  },
  {
    name: "before min_tokens, where it does not count",
    stop: ["one", "ree"],
    more: { min_tokens: 3 },
    groups: [[101], [102, 103, 104]],
    text: " one two th",
    stopReason: "ree",
    tokens: 5,
  },
  {
    name: "that never comes",
    stop: ["on!"],
    groups: [[101], [102], [103, 104]],
    text: " one two three",
    stopReason: undefined,
    tokens: 6,
  },
];

for (const row of ROWS) {
  for (const stream of [false, true]) {
    const how = stream ? "streamed" : "whole";
    Deno.test(`P1 finds a stop string ${row.name}, ${how}`, async () => {
      const decode = (): Response => sse([...events(...row.groups), ...ENDING]);
      await withPair({ prefill: PREFILL, textOf, decode }, async ({ router, decodeLegs }) => {
        const asked = {
          ...ASKED,
          stop: row.stop,
          stream,
          ...(stream ? { stream_options: { include_usage: true } } : {}),
          ...row.more,
        };
        const answer = await told(await post(`${router.url}/v1/completions`, asked));
        const { choice, usage, done } = answer;
        assertEquals(choice["text"], row.text);
        assertEquals(choice["stop_reason"], row.stopReason);
        assertEquals(choice["finish_reason"], row.stopReason === undefined ? "length" : "stop");
        const { prompt_tokens: prompt, completion_tokens: completion } = Object(usage);
        assertEquals([prompt, completion], [3, row.tokens]);
        assertEquals(done, stream ? 1 : 0);
        const [leg] = decodeLegs();
        assertEquals([leg?.["stop"], leg?.["return_token_ids"]], [undefined, true]);
      });
    });
  }
}

/** A decode engine that says " one two" and then keeps its stream open until it is left. */
function endless(onLeft: () => void): Response {
  const bytes = new TextEncoder().encode(events([101], [102]).join(""));
  const body = new ReadableStream({
    start: (controller) => controller.enqueue(bytes),
    cancel: onLeft,
  });
  return new Response(body, { headers: { "content-type": "text/event-stream" } });
}

Deno.test("P1 leaves the decode engine once a stop string is found", async () => {
  for (const stream of [false, true]) {
    let left = 0;
    const decode = (): Response => endless(() => left++);
    await withPair({ prefill: PREFILL, textOf, decode }, async ({ router }) => {
      const asked = { ...ASKED, stop: "one", stream };
      const answer: Told = await told(await post(`${router.url}/v1/completions`, asked));
      assertEquals([answer.choice["text"], answer.choice["stop_reason"]], [" ", "one"]);
      await eventually(() => left === 1, () => "the decode engine is left");
    });
  }
});

Deno.test("P1 tells ids up to the token that completed a stop string", async () => {
  for (const stream of [false, true]) {
    const decode = (): Response => sse([...events([101, 102, 103, 104]), ...ENDING]);
    await withPair({ prefill: PREFILL, textOf, decode }, async ({ router }) => {
      const asked = { ...ASKED, stop: "e tw", return_token_ids: true, stream };
      // The first token ends with no beginning of it: the decode engine finds such a stop itself.
      const plain = await told(await post(`${router.url}/v1/completions`, asked));
      assertEquals(plain.choice["token_ids"], [100, 101, 102, 103, 104]);
      const spanning = { ...asked, stop: "ne tw" };
      const { choice } = await told(await post(`${router.url}/v1/completions`, spanning));
      assertEquals([choice["token_ids"], choice["text"]], [[100, 101, 102], " o"]);
    });
  }
});

Deno.test("P1 leaves stop strings to the decode engine where the first token begins none", async () => {
  const decode = (): Response => sse([...events([102]), ...ENDING]);
  await withPair({ prefill: PREFILL, textOf, decode }, async ({ router, decodeLegs }) => {
    const asked = { ...ASKED, stop: ["two", "x"] };
    const { choice } = await told(await post(`${router.url}/v1/completions`, asked));
    assertEquals(choice["text"], " on two");
    assertEquals(decodeLegs()[0]?.["stop"], ["two", "x"]);
  });
});

Deno.test("P1 finds stop strings where the first token is part of a character", async () => {
  const bytes = [...new TextEncoder().encode("é")].map((byte) => 1000 + byte);
  const [first = 0, second = 0] = bytes;
  const spelled = (ids: readonly number[]): string => {
    const known = ids.filter((id) => id >= 1000).map((id) => id - 1000);
    return new TextDecoder().decode(Uint8Array.from(known)) + textOf(ids);
  };
  for (const stop of ["é", "é t", " tw"]) {
    const script: PairScript = {
      prefill: { text: "", token: first },
      textOf: spelled,
      decode: () => sse([event("", { token_ids: [second] }), ...events([102], [103]), ...ENDING]),
    };
    await withPair(script, async ({ router, decodeLegs }) => {
      const asked = { ...ASKED, stop };
      const { choice } = await told(await post(`${router.url}/v1/completions`, asked));
      assertEquals([choice["text"], choice["stop_reason"]], [stop === " tw" ? "é" : "", stop]);
      assertEquals(decodeLegs()[0]?.["stop"], undefined);
    });
  }
});

Deno.test("P1 tells a failure of a decode engine while it looks for stop strings", async () => {
  const decode = (): Response => sse([...events([102]), event("", { finish_reason: "error" })]);
  await withPair({ prefill: PREFILL, textOf, decode }, async ({ router }) => {
    const asked = { ...ASKED, stop: "one", stream: true };
    const answer = await post(`${router.url}/v1/completions`, asked);
    const { choice, done } = await told(answer);
    assert(String(Object(choice["error"]).message).includes("finish_reason 'error'"));
    assertEquals(done, 0);
    assert(" on two".startsWith(String(choice["text"])));
  });
});
