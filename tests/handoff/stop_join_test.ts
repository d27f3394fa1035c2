import { type Random, seededRandom } from "../../lib/base/mod.ts";
import { StopJoin, type StopRules } from "../../lib/handoff/stop_join.ts";
import { assert, assertEquals } from "../support/assert.ts";

/** Texts of tokens by id; 9 is a special one that an answer does not show. */
const TEXTS = ["a", "b", "ab", "ba", "c", "abc", "", "é😀", "b😀"];
const SPECIAL = 9;

function shown(ids: readonly number[]): string {
  return ids.map((id) => TEXTS[id] ?? "").join("");
}

function spelled(ids: readonly number[]): Promise<string> {
  return Promise.resolve(ids.map((id) => id === SPECIAL ? "</s>" : TEXTS[id] ?? "").join(""));
}

interface End {
  readonly text: string;
  readonly stop: string | undefined;
  readonly tokens: number;
}

/** What vLLM's detokenizer does with one token after another. */
function oneEngine(ids: readonly number[], { stops, include, minTokens }: StopRules): End {
  let text = "";
  for (let tokens = 1; tokens <= ids.length; tokens++) {
    const added = shown(ids.slice(tokens - 1, tokens));
    text += added;
    if (added === "" || tokens <= minTokens) continue;
    for (const stop of stops) {
      const at = text.indexOf(stop, Math.max(text.length + 1 - added.length - stop.length, 0));
      if (at >= 0) return { text: text.slice(0, at + (include ? stop.length : 0)), stop, tokens };
    }
  }
  return { text, stop: undefined, tokens: ids.length };
}

/** The same through a `StopJoin`, in events of `sizes` tokens in turn. */
async function joined(
  ids: readonly number[],
  rules: StopRules,
  sizes: readonly number[],
  textOf: (ids: readonly number[]) => Promise<string | undefined> = spelled,
): Promise<End & { readonly sent: readonly string[] }> {
  const join = new StopJoin(rules, textOf, [0, 4]);
  const [first = 0] = ids;
  const sent = [join.begin(shown([first]), first)];
  let event = 0;
  for (let at = 1; at < ids.length;) {
    const some = ids.slice(at, at + (sizes[event++ % sizes.length] ?? 1));
    at += some.length;
    const step = await join.add(shown(some), some);
    sent.push(step.text);
    if (step.hit === undefined) continue;
    assertEquals(join.tokens, at - some.length + step.hit.tokens);
    return { text: sent.join(""), stop: step.hit.stop, tokens: join.tokens, sent };
  }
  sent.push(join.rest());
  return { text: sent.join(""), stop: undefined, tokens: join.tokens, sent };
}

function some<T>(random: Random, most: number, make: () => T): T[] {
  return Array.from({ length: 1 + Math.floor(random.next() * most) }, make);
}

Deno.test("StopJoin ends an answer where one engine would, whatever the events hold", async () => {
  const random = seededRandom(5);
  let stopped = 0;
  let ran = 0;
  for (let round = 0; round < 3000; round++) {
    const letters = ["a", "b", "c", "é", "😀"];
    const stops = some(
      random,
      3,
      () => some(random, 4, () => letters[Math.floor(random.next() * 5)] ?? "a").join(""),
    );
    const ids = some(random, 12, () => Math.floor(random.next() * 10));
    const include = random.next() < 0.3;
    const minTokens = random.next() < 0.3 ? Math.floor(random.next() * 6) : 0;
    const rules = { stops, include, minTokens };
    // A stop string that is complete in the first token alone has ended the prefill.
    if (oneEngine(ids.slice(0, 1), rules).stop !== undefined) continue;
    ran++;
    const sizes = some(random, 3, () => 1 + Math.floor(random.next() * 4));
    const { sent, ...ours } = await joined(ids, rules, sizes);
    const about = JSON.stringify({ ids, ...rules, sizes });
    const theirs = oneEngine(ids, rules);
    assertEquals(ours, theirs, about);
    assert(theirs.text.startsWith(sent.slice(0, -1).join("")), about);
    if (theirs.stop !== undefined) stopped++;
  }
  assert(stopped > ran / 4 && stopped < ran * 0.9, `${stopped} of ${ran} were stopped`);
});

Deno.test("StopJoin sends all that cannot begin a stop string at once", async () => {
  const rules = { stops: ["abc"], include: false, minTokens: 0 };
  const { sent } = await joined([2, 0, 2, 4], rules, [1]);
  // "ab" waits, "aab" shows it harmless but for its end.
  assertEquals(sent, ["", "ab", "a", ""]);
});

Deno.test("StopJoin holds nothing back when the stop string is part of the answer", async () => {
  const { sent, stop } = await joined([0, 1, 4, 0], {
    stops: ["abc"],
    include: true,
    minTokens: 0,
  }, [1]);
  assertEquals([sent, stop], [["a", "b", "c"], "abc"]);
});

Deno.test("StopJoin takes the first of two stop strings that one token completes", async () => {
  for (const stops of [["ab", "b"], ["b", "ab"]]) {
    const { stop } = await joined([0, 1], { stops, include: false, minTokens: 0 }, [1]);
    assertEquals(stop, stops[0]);
  }
});

Deno.test("StopJoin counts an event as a whole where token texts cannot be had", async () => {
  const unknown = (): Promise<undefined> => Promise.resolve(undefined);
  const rules = { stops: ["ab"], include: false, minTokens: 0 };
  const { text, stop, tokens } = await joined([0, 1, 4, 4, 4], rules, [3], unknown);
  assertEquals({ text, stop, tokens }, { text: "", stop: "ab", tokens: 4 });
});

Deno.test("StopJoin counts a token for an event without ids that has text", async () => {
  const join = new StopJoin({ stops: ["ab"], include: false, minTokens: 0 }, spelled, []);
  assertEquals(join.begin("a", 0), "");
  assertEquals(await join.add("", []), { text: "" });
  assertEquals(await join.add("b", []), { text: "", hit: { stop: "ab", tokens: 1 } });
  assertEquals(join.tokens, 2);
});

Deno.test("resume() goes on from what an engine held back, as if it had been looked through here", async () => {
  const random = seededRandom(11);
  for (let round = 0; round < 400; round++) {
    const ids = Array.from({ length: 12 }, () => Math.floor(random.next() * TEXTS.length));
    const stops = ["abc", "bab", "é😀b"].slice(0, 1 + round % 3);
    const rules: StopRules = { stops, include: round % 2 === 0, minTokens: round % 5 };
    const expected = oneEngine(ids, rules);
    for (let cut = 1; cut < Math.min(ids.length, expected.tokens); cut++) {
      const text = shown(ids.slice(0, cut));
      const most = rules.include ? 0 : Math.max(...stops.map(({ length }) => length)) - 1;
      const sent = text.slice(0, Math.max(0, text.length - most));
      const join = new StopJoin(rules, spelled, []);
      let said = sent +
        join.resume(sent.slice(-64), text.slice(sent.length), cut, ids.slice(0, cut));
      let stop: string | undefined;
      for (const id of ids.slice(cut)) {
        const step = await join.add(shown([id]), [id]);
        said += step.text;
        stop = step.hit?.stop;
        if (step.hit !== undefined) break;
      }
      if (stop === undefined) said += join.rest();
      assertEquals([said, stop, join.tokens], [expected.text, expected.stop, expected.tokens]);
    }
  }
});
