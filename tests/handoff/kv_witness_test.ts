import { encodeUtf8 } from "../../lib/base/mod.ts";
import type { Arrival, KvEvidence } from "../../lib/fleet/mod.ts";
import { tellsItsOwn, toldOfP1, UsageWitness, watchedCount } from "../../lib/handoff/kv_witness.ts";
import type { ByteSource } from "../../lib/request/mod.ts";
import { assertEquals } from "../support/assert.ts";
import { engineOf } from "../support/flow_fakes.ts";

const PAIR = {
  prefill: engineOf("p1", "prefill", "lmcache"),
  decode: engineOf("d1", "decode", "lmcache"),
};

function setting(arrival: Arrival): {
  readonly witness: UsageWitness;
  readonly judged: KvEvidence[];
  readonly calls: string[];
} {
  const judged: KvEvidence[] = [];
  const calls: string[] = [];
  const witness = new UsageWitness({
    proof: {
      judge: (evidence) => {
        judged.push(evidence);
        return arrival;
      },
    },
    sampler: {
      begin: ({ id }) => void calls.push(`begin ${id}`),
      sent: (pair) => ({ pair, window: undefined }),
      ended: (_, tokens) => void calls.push(`ended ${tokens}`),
      forget: (id) => void calls.push(`forget ${id}`),
    },
  });
  return { witness, judged, calls };
}

Deno.test("UsageWitness has what answers tell judged, and reads no counters", () => {
  const { witness, judged, calls } = setting("came");
  for (let at = 0; at < 2; at++) {
    const watch = witness.begin(PAIR);
    watch.sent();
    watch.ended(600, 599);
  }
  assertEquals(judged.map(({ prompt, found, by }) => [prompt, found, by]), [
    [{ tokens: 600 }, 599, "usage"],
    [{ tokens: 600 }, 599, "usage"],
  ]);
  witness.forget("d1");
  assertEquals(calls, ["forget d1"]);
});

Deno.test("UsageWitness has counters read of engines whose answers do not tell, or not enough", () => {
  for (const cached of [undefined, 512]) {
    const { witness, judged, calls } = setting("open");
    const watch = witness.begin(PAIR);
    watch.sent();
    watch.ended(600, cached);
    assertEquals(judged.length, cached === undefined ? 0 : 1);
    assertEquals(calls, ["ended 600", "begin d1"]);
    witness.begin(PAIR);
    witness.forget("d1");
    witness.begin(PAIR);
    assertEquals(calls, ["ended 600", "begin d1", "begin d1", "forget d1"]);
  }
});

Deno.test("UsageWitness takes no answer into account whose KV was not there, or whose prompt is unknown", () => {
  const { witness, judged, calls } = setting("came");
  witness.begin(PAIR).ended(600, 0);
  const watch = witness.begin(PAIR);
  watch.sent();
  watch.ended(undefined, 0);
  assertEquals([judged, calls], [[], []]);
});

Deno.test("toldOfP1() takes the first token off the decode engine's prompt", () => {
  const usage = { prompt_tokens: 11, completion_tokens: 2, total_tokens: 13 };
  assertEquals(toldOfP1(usage), { prompt: 10, cached: undefined });
  const told = { ...usage, prompt_tokens_details: { cached_tokens: 10 } };
  assertEquals(toldOfP1(told), { prompt: 10, cached: 10 });
  assertEquals(toldOfP1(undefined), { prompt: undefined, cached: undefined });
});

Deno.test("tellsItsOwn() is false where NixlConnector tells the prefill engine's count", () => {
  assertEquals(tellsItsOwn(undefined), true);
  assertEquals(tellsItsOwn('{"remote_host":"h"}'), true);
  const params = '{"remote_host":"h","remote_prefill_cached_tokens":3}';
  assertEquals(tellsItsOwn(params), false);
  assertEquals(tellsItsOwn(encodeUtf8(params)), false);
  assertEquals(tellsItsOwn([encodeUtf8(params.slice(0, 30)), encodeUtf8(params.slice(30))]), false);
});

/** A body in reads of `size` bytes. */
function sourceOf(text: string, size: number): ByteSource {
  const bytes = encodeUtf8(text);
  let at = 0;
  return {
    read() {
      if (at >= bytes.length) return Promise.resolve(undefined);
      const part = bytes.slice(at, at + size);
      at += size;
      return Promise.resolve(part);
    },
    cancel() {
      at = bytes.length;
    },
  };
}

Deno.test("watchedCount() tells the last count, wherever reads are cut, and passes every byte", async () => {
  const text = 'data: {"text":"\\"cached_tokens\\": 7"}\n\n' +
    'data: {"usage":{"prompt_tokens_details":{"cached_tokens": 4}}}\n\n' +
    'data: {"usage":{"prompt_tokens_details":{"cached_tokens" : 1234}}}\n\ndata: [DONE]\n\n';
  for (let size = 1; size <= text.length; size++) {
    const told: (number | undefined)[] = [];
    const source = watchedCount(sourceOf(text, size), (cached) => void told.push(cached));
    let seen = "";
    for (let part = await source.read(); part !== undefined; part = await source.read()) {
      seen += new TextDecoder().decode(part);
    }
    await source.read();
    assertEquals([seen, told], [text, [1234]], `reads of ${size}`);
  }
});

Deno.test("watchedCount() tells that there is none, and nothing of what is cancelled", async () => {
  const told: (number | undefined)[] = [];
  const none = watchedCount(sourceOf('{"cached_tokens":null}', 8), (each) => void told.push(each));
  while (await none.read() !== undefined) { /* to its end */ }
  assertEquals(told, [undefined]);
  watchedCount(sourceOf("abc", 1), (each) => void told.push(each)).cancel();
  assertEquals(told.length, 1);
});
