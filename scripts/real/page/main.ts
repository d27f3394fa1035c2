/**
 * `deno task real:page [--only GROUP] [--shots FOLDER]`: the live page in a real Chromium.
 *
 * Starts simulated engines, routers and Debian's Chromium, has the page do what it is for, prints what
 * came of each check, and stops what it has started. With `--shots` it draws the pictures of the
 * documentation instead.
 * @module
 */
import { describeError } from "../../../lib/base/mod.ts";
import { Checks } from "../check.ts";
import { startBrowser } from "./browser.ts";
import { foreignChecks } from "./foreign_checks.ts";
import { formChecks } from "./form_checks.ts";
import { handChecks } from "./hand_checks.ts";
import type { Scene } from "./scene.ts";
import { drawShots } from "./shots.ts";
import { sightChecks } from "./sight_checks.ts";

const GROUPS: Readonly<Record<string, (scene: Scene) => Promise<void>>> = {
  sight: sightChecks,
  hand: handChecks,
  form: formChecks,
  foreign: foreignChecks,
};

const USAGE = `Usage: deno task real:page [--only ${
  Object.keys(GROUPS).join("|")
}] [--shots FOLDER]`;

const print = (text: string): void => {
  const bytes = new TextEncoder().encode(`${text}\n`);
  for (let at = 0; at < bytes.length;) at += Deno.stdout.writeSync(bytes.subarray(at));
};

async function run(args: readonly string[]): Promise<number> {
  const [flag, value = ""] = args;
  const isKnown = args.length === 0 ||
    args.length === 2 && (flag === "--shots" || flag === "--only" && value in GROUPS);
  if (!isKnown) {
    print(USAGE);
    return 2;
  }
  await using browser = await startBrowser();
  print(`Chromium ${browser.version}`);
  if (flag === "--shots") {
    await drawShots(browser, value, print);
    return 0;
  }
  const checks = new Checks(print);
  for (const [name, group] of Object.entries(GROUPS)) {
    if (flag === undefined || name === value) await group({ browser, checks });
  }
  const failed = checks.rows.filter(({ outcome }) => outcome === "failed").length;
  print(`${checks.rows.length - failed} ok, ${failed} failed`);
  return checks.passed ? 0 : 1;
}

if (import.meta.main) {
  try {
    Deno.exit(await run(Deno.args));
  } catch (error) {
    print(describeError(error));
    Deno.exit(1);
  }
}
