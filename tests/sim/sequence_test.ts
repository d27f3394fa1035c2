import { seededRandom } from "../../lib/base/mod.ts";
import { Sequence } from "../../lib/sim/sequence.ts";
import { decodeIds, decodeToBytes, encodeText } from "../../lib/sim/tokenizer.ts";
import { EOS, VOCAB_SIZE } from "../../lib/sim/vocabulary.ts";
import { assert, assertEquals, assertMatch, assertNotEquals } from "../support/assert.ts";

function continued(prompt: readonly number[], count: number, seed = 0): number[] {
  const sequence = new Sequence(seed);
  sequence.pushAll(prompt);
  const ids: number[] = [];
  for (let step = 0; step < count; step++) {
    const id = sequence.predict(new Set([EOS]));
    ids.push(id);
    sequence.push(id);
  }
  return ids;
}

const PROMPT = encodeText("Tell me about the river", { bos: true });

Deno.test("Sequence predicts the same however prompt and output are split", () => {
  const whole = continued(PROMPT, 120);
  for (const cut of [1, 2, 3, 50, 119]) {
    const rest = continued([...PROMPT, ...whole.slice(0, cut)], 120 - cut);
    assertEquals(rest, whole.slice(cut));
  }
});

Deno.test("Sequence depends on every token before and on the seed", () => {
  const whole = continued(PROMPT, 40);
  assertNotEquals(continued([...PROMPT.slice(1)], 40), whole);
  assertNotEquals(continued([PROMPT[1] ?? 0, PROMPT[0] ?? 0, ...PROMPT.slice(2)], 40), whole);
  assertNotEquals(continued(PROMPT, 40, 1), whole);
});

Deno.test("Sequence.predict() does not change the sequence", () => {
  const sequence = new Sequence(0);
  sequence.pushAll(PROMPT);
  const before = sequence.fingerprint();
  const id = sequence.predict();
  assertEquals(sequence.predict(), id);
  assertEquals(sequence.fingerprint(), before);
});

Deno.test("Sequence.predict() obeys the ban on tokens", () => {
  const sequence = new Sequence(3);
  sequence.pushAll(PROMPT);
  const banned = new Set<number>();
  for (let round = 0; round < 20; round++) {
    const id = sequence.predict(banned);
    assert(!banned.has(id), `token ${id} was banned`);
    banned.add(id);
  }
});

Deno.test("Sequence writes readable text with whole characters", () => {
  let wide = 0;
  for (let seed = 0; seed < 20; seed++) {
    const ids = continued(PROMPT, 300, seed);
    assert(ids.every((id) => id < VOCAB_SIZE));
    const text = decodeIds(ids);
    const inner = text.replace(/\ufffd+$/, "");
    assert(!inner.includes("\ufffd"), `broken characters in ${inner}`);
    assertMatch(text, /[a-z]+ [a-z]+/);
    // deno-lint-ignore no-control-regex
    wide += (text.match(/[^\x00-\x7f]/g) ?? []).length;
  }
  assert(wide > 20, `${wide} characters of several bytes`);
});

Deno.test("Sequence ends a character that a prompt leaves open, whatever it is", () => {
  const random = seededRandom(5);
  const texts = ["é", "世", "😀", "क", "\u0800", "\u{10ffff}", "\u{10000}", "\ud7ff", "\ue000"];
  for (const text of texts) {
    const bytes = encodeText(text);
    for (let cut = 1; cut < bytes.length; cut++) {
      const seed = Math.floor(random.next() * 1000);
      const prompt = [...PROMPT, ...bytes.slice(0, cut)];
      const ids = continued(prompt, bytes.length - cut, seed);
      const tail = decodeToBytes([...prompt, ...ids]).slice(decodeToBytes(PROMPT).length);
      const decoded = new TextDecoder("utf-8", { fatal: true }).decode(tail);
      assertEquals([...decoded].length, 1);
    }
  }
});

Deno.test("Sequence says EOS now and then, and not only late", () => {
  let ended = 0;
  let first = 0;
  for (let seed = 0; seed < 600; seed++) {
    const sequence = new Sequence(seed);
    sequence.pushAll(PROMPT);
    for (let step = 0; step < 200; step++) {
      const id = sequence.predict();
      if (id === EOS) {
        ended++;
        if (step === 0) first++;
        break;
      }
      sequence.push(id);
    }
  }
  assert(ended > 60 && ended < 540, `${ended} of 600 ended within 200 tokens`);
  assert(first < 20, `${first} ended at once`);
});

Deno.test("Sequence.fork() with variant 0 continues alike, another variant does not", () => {
  const sequence = new Sequence(0);
  sequence.pushAll(PROMPT);
  const take = (fork: Sequence): number[] => {
    const ids: number[] = [];
    for (let step = 0; step < 20; step++) {
      ids.push(fork.predict());
      fork.push(ids.at(-1) ?? 0);
    }
    return ids;
  };
  assertEquals(take(sequence.fork(0)), take(sequence.fork(0)));
  assertNotEquals(take(sequence.fork(0)), take(sequence.fork(1)));
});

Deno.test("Sequence.logprob() is at most 0 and a function of the sequence", () => {
  const sequence = new Sequence(0);
  sequence.pushAll(PROMPT);
  const first = [300, 301, 302].map((id) => sequence.logprob(id));
  assert(first.every((value) => value <= 0 && value > -8));
  assertEquals([300, 301, 302].map((id) => sequence.logprob(id)), first);
});
