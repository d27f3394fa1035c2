import { decodeUtf8, encodeUtf8, RouterError } from "../../lib/base/mod.ts";
import {
  cachedTokenizer,
  remoteTokenizer,
  type TokenizeEnd,
  type Tokenizer,
} from "../../lib/tokenization/mod.ts";
import { assert, assertEquals, assertRejects } from "../support/assert.ts";
import { answer, CALLER, ENGINE, OTHER, replyingBy } from "./support.ts";

interface Cached {
  readonly asked: string[];
  readonly lookups: string[];
  tokenize(text: string, engine?: typeof ENGINE): Promise<TokenizeEnd>;
}

/** A cache over a tokenizer that makes one id of each character. */
function cached(maxBytes: number, spoil: Partial<Tokenizer> = {}): Cached {
  const asked: string[] = [];
  const lookups: string[] = [];
  const inner: Tokenizer = {
    tokenize(engine, body, caller) {
      const [only = new Uint8Array(0)] = body;
      asked.push(decodeUtf8(only));
      if (spoil.tokenize !== undefined) return spoil.tokenize(engine, body, caller);
      const list = `[${Array.from(only).join(",")}]`;
      // A view of something larger, as a view of an answer is.
      const ids = encodeUtf8(`${" ".repeat(5_000)}${list}`).subarray(5_000);
      return Promise.resolve({
        kind: "tokens",
        prompt: { ids, count: only.length, maxModelLen: 8 },
      });
    },
    detokenize: () => Promise.resolve("text"),
  };
  const tokenizer = cachedTokenizer(inner, { maxBytes, onLookup: (r) => lookups.push(r) });
  return {
    asked,
    lookups,
    tokenize: (text, engine = ENGINE) => tokenizer.tokenize(engine, [encodeUtf8(text)], CALLER),
  };
}

Deno.test("cachedTokenizer() asks once for what comes again, of whichever engine", async () => {
  const { asked, lookups, tokenize } = cached(10_000);
  const first = await tokenize("ab");
  assertEquals(await tokenize("ab", OTHER), first);
  await tokenize("ba");
  assertEquals(asked, ["ab", "ba"]);
  assertEquals(lookups, ["miss", "hit", "miss"]);
  assert(first.kind === "tokens");
  assertEquals(decodeUtf8(first.prompt.ids), "[97,98]");
  assertEquals([first.prompt.count, first.prompt.maxModelLen], [2, 8]);
});

Deno.test("cachedTokenizer() takes a body in pieces for the same as in one", async () => {
  const lookups: string[] = [];
  const { post } = replyingBy({ "/tokenize": answer('{"tokens":[1]}') });
  const tokenizer = cachedTokenizer(remoteTokenizer(post), {
    maxBytes: 10_000,
    onLookup: (result) => lookups.push(result),
  });
  for (const body of [["{}"], ["{", "}"], ["{ }"]]) {
    await tokenizer.tokenize(ENGINE, body.map(encodeUtf8), CALLER);
  }
  assertEquals(lookups, ["miss", "hit", "miss"]);
});

Deno.test("cachedTokenizer() keeps the latest used up to its size", async () => {
  // Room for two entries of some bytes.
  const { asked, tokenize } = cached(1_000);
  for (const text of ["a", "b", "a", "c", "a", "b"]) await tokenize(text);
  assertEquals(asked, ["a", "b", "c", "b"]);
});

Deno.test("cachedTokenizer() does not keep what is larger than all of it", async () => {
  const { asked, tokenize } = cached(1_000);
  const long = "x".repeat(500);
  await tokenize("a");
  await tokenize(long);
  await tokenize(long);
  await tokenize("a");
  assertEquals(asked, ["a", long, long]);
});

Deno.test("cachedTokenizer() holds no more of an answer than its ids", async () => {
  const { tokenize } = cached(10_000);
  await tokenize("ab");
  const again = await tokenize("ab");
  assert(again.kind === "tokens");
  assertEquals(again.prompt.ids.buffer.byteLength, again.prompt.ids.length);
});

Deno.test("cachedTokenizer() keeps neither refusals nor failures", async () => {
  const refusing = cached(10_000, {
    tokenize: () => Promise.resolve({ kind: "refused", status: 400 }),
  });
  assertEquals(await refusing.tokenize("a"), { kind: "refused", status: 400 });
  await refusing.tokenize("a");
  assertEquals(refusing.asked, ["a", "a"]);
  const failing = cached(10_000, {
    tokenize: () => Promise.reject(new RouterError("tokenize-failed", "no")),
  });
  await assertRejects(() => failing.tokenize("a"), RouterError);
  await assertRejects(() => failing.tokenize("a"), RouterError);
  assertEquals(failing.asked, ["a", "a"]);
});

Deno.test("cachedTokenizer() passes detokenize() on", async () => {
  const { post, posted } = replyingBy({ "/detokenize": answer('{"prompt":"é"}') });
  const tokenizer = cachedTokenizer(remoteTokenizer(post), {
    maxBytes: 10_000,
    onLookup: () => {},
  });
  assertEquals(await tokenizer.detokenize(ENGINE, "m", [1], CALLER), "é");
  assertEquals(await tokenizer.detokenize(ENGINE, "m", [1], CALLER), "é");
  assertEquals(posted.length, 2);
});
