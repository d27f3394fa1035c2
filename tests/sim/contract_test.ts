import { readRecording, runExchanges } from "../../scripts/real/recording/mod.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { differences } from "./contract_compare.ts";
import { startContractEngines } from "./contract_engines.ts";
import { NOT_SIMULATED } from "./contract_exceptions.ts";

const FOLDER = new URL("./recorded/", import.meta.url);
const files = [...Deno.readDirSync(FOLDER)].map(({ name }) => name).sort();
const recordings = files.map((name) => readRecording(Deno.readTextFileSync(new URL(name, FOLDER))));
const names = recordings.flatMap(({ exchanges }) => exchanges.map(({ exchange }) => exchange.name));

for (const { head, exchanges } of recordings) {
  for (const { exchange, answer } of exchanges) {
    const { name, takes } = exchange;
    const earlier = exchanges.filter((each) => each.exchange.name === takes?.from);
    Deno.test(`the simulator answers "${name}" as vLLM ${head.vllm} did`, async () => {
      const asked = [...earlier.map((each) => each.exchange), exchange];
      const targets = new Set(asked.map(({ target = "engine" }) => target));
      await using engines = await startContractEngines(targets);
      const got = (await runExchanges(engines.urls, asked, 10_000)).at(-1);
      assert(got !== undefined);
      const found = differences(answer, got.answer);
      const reason = NOT_SIMULATED[name];
      if (reason === undefined) assertEquals(found, []);
      else assert(found.length > 0, `${name} is alike, though listed: ${reason}`);
    });
  }
}

Deno.test("NOT_SIMULATED names recorded exchanges only", () => {
  assertEquals(Object.keys(NOT_SIMULATED).filter((name) => !names.includes(name)), []);
});

Deno.test("recordings name each exchange once, and no machine", () => {
  assertEquals(names.length, new Set(names).size);
  for (const file of files) {
    const text = Deno.readTextFileSync(new URL(file, FOLDER));
    assert(!/\/tmp\/|\/work\/|\/root\/|127\.0\.0\.1/.test(text), `${file} names a machine`);
  }
});
