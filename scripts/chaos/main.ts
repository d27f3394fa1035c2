/**
 * `deno task chaos`: load and faults on a router between simulated engines, by a seed; exits with 1
 * where something happened that may not.
 * @module
 */
import { encodeUtf8 } from "../../lib/base/mod.ts";
import { readOptions } from "./options.ts";
import { reportText } from "./report.ts";
import { runChaos } from "./run.ts";

const print = (text: string): void => {
  const bytes = encodeUtf8(`${text}\n`);
  for (let at = 0; at < bytes.length;) at += Deno.stdout.writeSync(bytes.subarray(at));
};

async function main(args: readonly string[]): Promise<number> {
  const options = readOptions(args);
  if (typeof options === "string") {
    print(options);
    return 2;
  }
  const stop = new AbortController();
  const onSignal = (): void => stop.abort();
  Deno.addSignalListener("SIGINT", onSignal);
  const report = await runChaos(options, { signal: stop.signal });
  Deno.removeSignalListener("SIGINT", onSignal);
  print(reportText(report));
  return report.violationCount === 0 ? 0 : 1;
}

Deno.exitCode = await main(Deno.args);
