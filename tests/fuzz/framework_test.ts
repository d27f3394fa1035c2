/** What the runs of targets are made of. */
import { encodeUtf8, seededRandom } from "../../lib/base/mod.ts";
import { excess } from "../../scripts/fuzz/bounds.ts";
import { cut } from "../../scripts/fuzz/cuts.ts";
import { makeInput } from "../../scripts/fuzz/mutate.ts";
import { readOptions } from "../../scripts/fuzz/options.ts";
import { parserTarget } from "../../scripts/fuzz/parser_target.ts";
import { HangWatch, progressWriter, sharedProgress } from "../../scripts/fuzz/progress.ts";
import { findingText } from "../../scripts/fuzz/report.ts";
import { shrink } from "../../scripts/fuzz/shrink.ts";
import { textOf } from "../../scripts/fuzz/text.ts";
import { assert, assertEquals, assertStringIncludes } from "../support/assert.ts";
import { assertFound } from "./support.ts";

const CORPUS = { seeds: ["hello\nworld", "abc"], words: ["x", "yz"] };

/** Fails at every input with a `z` in it. */
const BROKEN = parserTarget({
  name: "broken",
  about: "a fault that is planted",
  corpus: CORPUS,
  check: (input) => input.includes(0x7a) ? `planted: ${input.length}` : undefined,
});

Deno.test("makeInput() makes the same of the same seed, within its bounds", () => {
  for (let seed = 0; seed < 200; seed++) {
    const corpus = { ...CORPUS, maxBytes: 40, maxGrownBytes: 400 };
    const input = makeInput(seededRandom(seed), corpus);
    assertEquals(input, makeInput(seededRandom(seed), corpus));
    assert(input.length <= 400, String(input.length));
    assert(!/[^\0-\xff]/.test(input));
  }
});

Deno.test("cut() loses nothing, and has no empty piece", () => {
  const bytes = encodeUtf8("0123456789".repeat(100));
  for (let seed = 0; seed < 100; seed++) {
    const pieces = cut(bytes, seededRandom(seed));
    assertEquals(pieces.map(textOf).join(""), textOf(bytes));
    assert(pieces.length > 1 && pieces.every(({ length }) => length > 0));
  }
});

Deno.test("shrink() finds the smallest input, within its tries", async () => {
  const input = `${"-".repeat(500)}b${"-".repeat(300)}c${"-".repeat(50)}`;
  const fails = (text: string): Promise<boolean> => Promise.resolve(/b.*c/.test(text));
  assertEquals(await shrink(input, fails), "bc");
  let tries = 0;
  const counted = (text: string): Promise<boolean> => (tries++, fails(text));
  await shrink(input, counted, { tries: 10, ms: 5_000 });
  assert(tries <= 10);
});

Deno.test("parserTarget() tells a case that shows the fault again, and a small input", async () => {
  const finding = await assertFound(BROKEN, "planted");
  assertEquals([finding.what, finding.input], ["planted: 1", '"z"']);
  assertEquals(await BROKEN.replay?.(finding.seed ?? -1), [finding]);
  const text = findingText("broken", 7, finding);
  assertStringIncludes(text, `deno task fuzz --target broken --case ${finding.seed}`);
  assertStringIncludes(text, "seed 7");
});

Deno.test("excess() tells what takes too long or holds too much", () => {
  const bounds = { ms: 100, bytes: 1_000, bytesPerByte: 10 };
  assertEquals(excess({ ms: 100, bytes: 1_100 }, 10, bounds), undefined);
  assertStringIncludes(excess({ ms: 101, bytes: 0 }, 10, bounds) ?? "", "slow: 101 ms");
  assertStringIncludes(excess({ ms: 1, bytes: 1_101 }, 10, bounds) ?? "", "large: 1101 bytes");
});

Deno.test("HangWatch tells the case that goes on for too long", () => {
  const shared = sharedProgress();
  const [writer, watch] = [progressWriter(shared), new HangWatch(shared, 2)];
  assertEquals(watch.look(), undefined);
  writer.begun(4_000_000_000);
  assertEquals([watch.look(), watch.look(), watch.look()], [undefined, undefined, 4_000_000_000]);
  writer.ended();
  writer.begun(5);
  assertEquals([watch.look(), watch.look()], [undefined, undefined]);
  writer.ended();
  for (let look = 0; look < 5; look++) assertEquals(watch.look(), undefined);
});

Deno.test("readOptions() reads flags, and refuses what makes no sense", () => {
  const read = (...args: string[]): unknown => readOptions(args, ["a", "b"], 9);
  assertEquals(read(), { targets: ["a", "b"], minutes: 5, seed: 9, only: undefined });
  assertEquals(read("--target", "b", "--case", "3", "--minutes", "0.5", "--seed", "1"), {
    targets: ["b"],
    minutes: 0.5,
    seed: 1,
    only: 3,
  });
  for (
    const args of [
      ["--target", "c"],
      ["--minutes", "0"],
      ["--minutes", "x"],
      ["--seed", "1.5"],
      ["--case", "3"],
      ["--seed"],
      ["x"],
    ]
  ) assertEquals(read(...args), undefined, args.join(" "));
});
