/**
 * `deno task compile [--self-extracting]`: leave `dist/pd-router`, one executable file for Linux
 * x86-64 with glibc and neither Node nor Deno.
 *
 * `deno compile` makes it. It needs Deno's `denort` base, which it downloads unless `DENORT_BIN`
 * names one; without it, or with `--self-extracting`, the file is a program around the running
 * `deno` that unpacks itself once.
 * @module
 */
import { describeError } from "../../lib/base/mod.ts";
import { build } from "./build.ts";

const root = new URL("../../", import.meta.url).pathname.replace(/\/$/, "");
const print = (line: string): void => {
  Deno.stdout.writeSync(new TextEncoder().encode(`${line}\n`));
};

const unknown = Deno.args.filter((arg) => arg !== "--self-extracting");
if (unknown.length > 0) {
  print(`Usage: deno task compile [--self-extracting]; unknown: ${unknown.join(" ")}`);
  Deno.exit(2);
}
try {
  const started = performance.now();
  const made = await build({
    root,
    selfExtracting: Deno.args.includes("--self-extracting"),
    print,
  });
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  print(
    `dist/pd-router: ${made.form}, ${(made.size / 1e6).toFixed(1)} MB, ` +
      `sha256 ${made.sha256}, ${seconds} s; needs glibc ${made.glibc}`,
  );
} catch (error) {
  print(describeError(error));
  Deno.exitCode = 1;
}
