/** The program as one JavaScript file, its native addon beside it. @module */
import { ADDON_NAME } from "./archive.ts";
import { ASIDE, asideEntry, putAside } from "./aside.ts";
import { lastLine, run } from "./command.ts";

/**
 * How zeromq 6 finds its addon (`zeromq/lib/load-addon.js`): cmake-ts searches the package's
 * folder, which a bundle has not.
 */
const LOADER_CALL = /\(0, \w+\.loadAddon\)\(\w+\.default\.resolve\(__dirname, "\.\.", "build"\)\)/g;

/** Loads the addon beside the program; needs `--allow-ffi` for that path and nothing else. */
const ADDON_LOAD = "((module) => (process.dlopen(module, `${import.meta.dirname}/" + ADDON_NAME +
  "`), module.exports))({ exports: {} })";

/** Forms that only work next to the source tree; each would fail at run time, far from here. */
const UNBUNDLED: ReadonlyMap<string, RegExp> = new Map([
  ["a file beside the source, through import.meta", /new URL\([^)]*,\s*import\.meta\.url\)/],
  ["the folder of a CommonJS module", /\b__dirname\b/],
  ["an npm: or jsr: import left in place", /^import\b.*["'](?:npm|jsr):/m],
]);

/**
 * `bundle` with zeromq's search for its addon replaced by a load from beside the program.
 *
 * Throws when the search is not there exactly once, or when the bundle needs other files.
 */
export function pinAddon(bundle: string): string {
  const calls = bundle.match(LOADER_CALL)?.length ?? 0;
  if (calls !== 1) {
    throw new Error(`Cannot pin the addon: zeromq's loader occurs ${calls} times in the bundle`);
  }
  const pinned = bundle.replace(LOADER_CALL, () => ADDON_LOAD);
  for (const [what, form] of UNBUNDLED) {
    const found = form.exec(pinned);
    if (found !== null) throw new Error(`Cannot bundle ${what}: ${found[0]}`);
  }
  return pinned;
}

/** Arguments of `deno bundle` that write the program `entry` to `output`, without what is put aside. */
export function bundleArgs(entry: string, output: string): readonly string[] {
  const external = Object.keys(ASIDE).map((name) => `--external=${name}`);
  return [...BUNDLE, ...external, "-o", output, entry];
}

const BUNDLE = ["bundle", "--quiet", "--no-check", "--frozen", "--platform=deno"] as const;

/**
 * Bundle `entry`, a file of the project in `root`. Uses `folder`, in there, for what it writes on the way.
 *
 * `deno bundle` fetches esbuild from the npm registry unless it is in Deno's cache.
 */
export async function bundle(root: string, entry: string, folder: string): Promise<string> {
  const output = `${folder}/bundle.js`;
  let program = await bundled(root, bundleArgs(entry, output), output);
  for (const name of Object.keys(ASIDE)) {
    const [from, to] = [`${folder}/${name}.ts`, `${folder}/${name}.js`];
    await Deno.writeTextFile(from, asideEntry(name));
    const library = await bundled(root, [...BUNDLE, "--minify", "-o", to, from], to);
    program = putAside(program, name, library);
  }
  return pinAddon(program);
}

/** What `deno bundle` with `args` writes to `output`. */
async function bundled(root: string, args: readonly string[], output: string): Promise<string> {
  const { code, stderr, timedOut } = await run(Deno.execPath(), {
    args,
    timeoutMs: 120_000,
    cwd: root,
    env: { NO_COLOR: "1" },
  });
  if (code !== 0) {
    const reason = timedOut ? "no end after 120 s" : lastLine(stderr);
    throw new Error(`Cannot bundle ${args.at(-1)}: ${reason}`);
  }
  return await Deno.readTextFile(output);
}
