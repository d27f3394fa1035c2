/**
 * Records what real engines answer, for the tests of the simulated ones:
 * `deno run -A scripts/real/record.ts --engine URL --prefill URL --decode URL --parsers URL
 * --nixl VERSION --out tests/sim/recorded`. Groups without their engines are left alone.
 * @module
 */
import { parseArgs } from "node:util";
import { EXCHANGE_GROUPS, record } from "./recording/mod.ts";

if (import.meta.main) {
  const option = { type: "string" } as const;
  const { values } = parseArgs({
    args: Deno.args,
    options: {
      engine: option,
      prefill: option,
      decode: option,
      parsers: option,
      nixl: option,
      out: option,
      only: option,
    },
  });
  const { out, nixl, only, ...engines } = values;
  if (out === undefined) throw new TypeError("--out: the folder of the recordings is missing");
  const groups = EXCHANGE_GROUPS.filter(({ name }) => only === undefined || name === only);
  const known = Object.fromEntries(
    Object.entries(engines).filter(([, url]) => url !== undefined),
  );
  const told = nixl === undefined ? {} : { nixl };
  for (const { file, exchanges } of await record({ engines: known, groups, out, ...told })) {
    // deno-lint-ignore no-console
    console.log(`${file}: ${exchanges} exchanges`);
  }
}
