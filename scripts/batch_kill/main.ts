/**
 * `deno task batch:kill`: kills a router that answers batches at moments by a seed; exits with 1 where
 * something is lost, or done twice.
 * @module
 */
import { parseArgs } from "node:util";
import { encodeUtf8 } from "../../lib/base/mod.ts";
import { runKills } from "./run.ts";

const print = (text: string): void => {
  const bytes = encodeUtf8(`${text}\n`);
  for (let at = 0; at < bytes.length;) at += Deno.stdout.writeSync(bytes.subarray(at));
};

async function main(args: readonly string[]): Promise<number> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      kills: { type: "string", default: "50" },
      seed: { type: "string", default: "1" },
    },
  });
  const [kills, seed] = [Number(values.kills), Number(values.seed)];
  const report = await runKills({ kills, seed, print });
  const { violations, batches, lines, served, askedAgain } = report;
  print(
    `${kills} kills by seed ${seed}, ${served} of a router that served: ${batches} batches of ` +
      `${lines} requests; ${askedAgain} were asked again, as they were under way`,
  );
  for (const violation of violations.slice(0, 50)) print(violation);
  print(
    violations.length === 0
      ? "Nothing is lost, nothing done twice"
      : `${violations.length} violations`,
  );
  return violations.length === 0 ? 0 : 1;
}

Deno.exitCode = await main(Deno.args);
