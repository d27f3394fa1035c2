/**
 * The server beside `Deno.serve` (hyper) and `node:http` (llhttp): what one of them refuses for doubt
 * it does not take, and what all take is read alike. `deno task fuzz` goes on where this ends.
 */
import { seededRandom } from "../../../lib/base/mod.ts";
import { GOOD, HOSTILE } from "../../../scripts/fuzz/front/corpus.ts";
import { makeInput } from "../../../scripts/fuzz/front/mutate.ts";
import { observe } from "../../../scripts/fuzz/front/observe.ts";
import { startOurs } from "../../../scripts/fuzz/front/peers.ts";
import { FRONT, Trial } from "../../../scripts/fuzz/front/target.ts";
import { assert, assertEquals } from "../../support/assert.ts";

/** Inputs made by chance. */
const INPUTS = 2_000;

Deno.test("startHttp1() takes what is right, and finds its end", async () => {
  await using ours = startOurs();
  for (const input of GOOD) {
    const { seen, statuses } = await observe(ours, input);
    const name = JSON.stringify(input);
    assert(seen.length > 1 || input.startsWith("GET / HTTP/1.0\r\n\r\n"), name);
    assert(statuses.every((status) => status === 200), `${statuses} ${name}`);
    if (seen.length > 1) assertEquals(seen.at(-1)?.target, "/sentinel", name);
  }
});

Deno.test("startHttp1() never takes what is hidden in a body for a request", async () => {
  await using ours = startOurs();
  for (const input of [...GOOD, ...HOSTILE]) {
    const { seen } = await observe(ours, input);
    assert(!seen.some(({ target }) => target === "/hidden"), JSON.stringify(input));
  }
});

Deno.test("startHttp1() reads the corpus as safely as hyper and llhttp do", async () => {
  await using trial = await Trial.start();
  for (const input of [...GOOD, ...HOSTILE]) {
    assertEquals(await trial.problem(input), undefined, JSON.stringify(input));
  }
});

Deno.test(`startHttp1() reads ${INPUTS} mutations as safely as hyper and llhttp do`, async () => {
  await using run = await FRONT.start();
  const random = seededRandom(20);
  while (run.inputs < INPUTS) assertEquals(await run.step(random), []);
});

Deno.test("makeInput() makes the same of the same seed, and much of different ones", () => {
  const make = (seed: number): readonly string[] => {
    const random = seededRandom(seed);
    return Array.from({ length: 50 }, () => makeInput(random));
  };
  assertEquals(make(1), make(1));
  assert(new Set([...make(1), ...make(2)]).size > 90);
});
