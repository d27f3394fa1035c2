/**
 * `deno run -A scripts/readme.ts [--check]`: writes the generated blocks of all README.md files,
 * each between `<!-- NAME:begin -->` and `<!-- NAME:end -->`, from the tables they describe. With
 * `--check` it writes nothing and fails when a block is stale.
 * @module
 */
import { describeError } from "../lib/base/mod.ts";
import { BLOCKS } from "./readme/blocks.ts";
import { renderPages } from "./readme/render.ts";

const ROOT = new URL("../", import.meta.url);

function main(args: readonly string[]): number {
  const print = (line: string): void => {
    Deno.stdout.writeSync(new TextEncoder().encode(`${line}\n`));
  };
  if (args.some((arg) => arg !== "--check")) {
    print(`Usage: scripts/readme.ts [--check]; received: ${args.join(" ")}`);
    return 2;
  }
  const isCheck = args.includes("--check");
  try {
    const stale = renderPages(ROOT, BLOCKS).filter(({ text, filled }) => filled !== text);
    for (const { path, filled } of stale) {
      if (isCheck) print(`${path} is stale: run \`deno run -A scripts/readme.ts\``);
      else {
        Deno.writeTextFileSync(new URL(path, ROOT), filled);
        print(`${path} written`);
      }
    }
    return isCheck && stale.length > 0 ? 1 : 0;
  } catch (error) {
    print(describeError(error));
    return 1;
  }
}

if (import.meta.main) Deno.exit(main(Deno.args));
