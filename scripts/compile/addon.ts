/** Which of ZeroMQ's prebuilt addons the program carries. @module */
import { decodeUtf8 } from "../../lib/base/mod.ts";

/** A glibc version, e.g. `[2, 25]`. */
export type GlibcVersion = readonly [major: number, minor: number];

/** Kinds of machines, as Node calls them. */
export type AddonArch = "x64" | "arm64";

/** One prebuilt addon for Linux with glibc. */
export interface AddonChoice {
  /** Path below the package's `build` folder. */
  readonly path: string;
  /** Node's module version it was built against; Node-API addons load under any. */
  readonly abi: number;
}

/**
 * The Linux glibc addons of a cmake-ts manifest for one kind of machine, in the order its loader tries
 * them (cmake-ts `src/loader.ts`: the highest `abi` first).
 *
 * `manifest` is the text of `zeromq/build/manifest.json`: an object from a build's configuration,
 * itself JSON, to the addon's path. Throws `SyntaxError` when it is something else.
 */
export function addonChoices(manifest: string, wanted: AddonArch = "x64"): readonly AddonChoice[] {
  const choices: AddonChoice[] = [];
  for (const [key, path] of Object.entries(record(JSON.parse(manifest)))) {
    const { os, arch, libc, abi } = record(JSON.parse(key));
    if (os !== "linux" || arch !== wanted || libc !== "glibc") continue;
    if (typeof path !== "string" || typeof abi !== "number") {
      throw new SyntaxError(`Cannot read the addon manifest: bad entry ${key}`);
    }
    choices.push({ path, abi });
  }
  return choices.sort((a, b) => b.abi - a.abi);
}

/** The newest glibc version `elf` asks for, by the version names in its string table. */
export function neededGlibc(elf: Uint8Array): GlibcVersion {
  let needed: GlibcVersion = [0, 0];
  for (const match of decodeUtf8(elf).matchAll(/\0GLIBC_(\d+)\.(\d+)(?=[.\0])/g)) {
    const version: GlibcVersion = [Number(match[1]), Number(match[2])];
    if (compareGlibc(version, needed) > 0) needed = version;
  }
  return needed;
}

/** Negative when `a` is older than `b`, positive when it is newer, else 0. */
export function compareGlibc(a: GlibcVersion, b: GlibcVersion): number {
  return a[0] - b[0] || a[1] - b[1];
}

/** An addon, and what it needs. */
export interface Addon {
  /** Path below the package's `build` folder. */
  readonly path: string;
  readonly bytes: Uint8Array;
  readonly glibc: GlibcVersion;
}

/**
 * The addon of the `zeromq` package in `packageDir` that runs on the oldest glibc; the loader's
 * order breaks ties.
 */
export async function chooseAddon(packageDir: string, arch: AddonArch = "x64"): Promise<Addon> {
  let best: Addon | undefined;
  const manifest = await Deno.readTextFile(`${packageDir}/build/manifest.json`);
  for (const { path } of addonChoices(manifest, arch)) {
    const bytes = await Deno.readFile(`${packageDir}/build/${path}`);
    const glibc = neededGlibc(bytes);
    if (best === undefined || compareGlibc(glibc, best.glibc) < 0) best = { path, bytes, glibc };
  }
  if (best === undefined) {
    throw new Error(`Cannot find an addon for Linux ${arch} with glibc in ${packageDir}/build`);
  }
  return best;
}

function record(value: unknown): Readonly<Record<string, unknown>> {
  if (typeof value !== "object" || value === null) {
    throw new SyntaxError(`Cannot read the addon manifest: ${JSON.stringify(value)} is no object`);
  }
  return { ...value };
}
