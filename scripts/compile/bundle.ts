/** The program as one JavaScript file, its native addon beside it. @module */
import { ADDON_NAME } from "./archive.ts";
import { lastLine, run } from "./command.ts";

/**
 * How zeromq 6 finds its addon (`zeromq/lib/load-addon.js`): cmake-ts searches the package's
 * folder, which a bundle has not.
 */
const LOADER_CALL = /\(0, \w+\.loadAddon\)\(\w+\.default\.resolve\(__dirname, "\.\.", "build"\)\)/g;

/** Loads the addon beside the program; needs `--allow-ffi` for that path and nothing else. */
const ADDON_LOAD = "((module) => (process.dlopen(module, `${import.meta.dirname}/" + ADDON_NAME +
  "`), module.exports))({ exports: {} })";

/**
 * iovalkey leaves lines of its own folder out of stacks where `showFriendlyErrorStack` is set, which it is
 * not (`iovalkey/built/Pipeline.js`, `Redis.js`).
 */
const OWN_FOLDER = /(\berrorStack(?:\.stack)?), __dirname\)/g;

/** Forms that only work next to the source tree; each would fail at run time, far from here. */
const UNBUNDLED: ReadonlyMap<string, RegExp> = new Map([
  ["a file beside the source, through import.meta", /new URL\([^)]*,\s*import\.meta\.url\)/],
  ["the folder of a CommonJS module", /\b__dirname\b/],
  ["an npm: or jsr: import left in place", /^import\b.*["'](?:npm|jsr):/m],
]);

/**
 * `bundle` with zeromq's search for its addon replaced by a load from beside the program, and without
 * iovalkey's look at its own folder.
 *
 * Throws when the search is not there exactly once, or when the bundle needs other files.
 */
export function pinAddon(bundle: string): string {
  const calls = bundle.match(LOADER_CALL)?.length ?? 0;
  if (calls !== 1) {
    throw new Error(`Cannot pin the addon: zeromq's loader occurs ${calls} times in the bundle`);
  }
  const pinned = bundle.replace(LOADER_CALL, () => ADDON_LOAD).replace(OWN_FOLDER, '$1, "")');
  for (const [what, form] of UNBUNDLED) {
    const found = form.exec(pinned);
    if (found !== null) throw new Error(`Cannot bundle ${what}: ${found[0]}`);
  }
  return pinned;
}

/** Arguments of `deno bundle` that write the program `entry` to `output`. */
export function bundleArgs(entry: string, output: string): readonly string[] {
  return ["bundle", "--quiet", "--no-check", "--frozen", "--platform=deno", "-o", output, entry];
}

/**
 * Bundle `entry`, a file of the project in `root`. Uses `folder` for what it writes on the way.
 *
 * `deno bundle` fetches esbuild from the npm registry unless it is in Deno's cache.
 */
export async function bundle(root: string, entry: string, folder: string): Promise<string> {
  const output = `${folder}/bundle.js`;
  const { code, stderr, timedOut } = await run(Deno.execPath(), {
    args: bundleArgs(entry, output),
    timeoutMs: 120_000,
    cwd: root,
    env: { NO_COLOR: "1" },
  });
  if (code !== 0) {
    const reason = timedOut ? "no end after 120 s" : lastLine(stderr);
    throw new Error(`Cannot bundle ${entry}: ${reason}`);
  }
  return pinAddon(await Deno.readTextFile(output));
}
