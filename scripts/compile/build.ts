/** From the source tree to one executable file. @module */
import { type ByteParts, encodeUtf8 } from "../../lib/base/mod.ts";
import { type Addon, chooseAddon, compareGlibc, type GlibcVersion } from "./addon.ts";
import { ADDON_NAME, PROGRAM_NAME, selfExtracting, sha256 } from "./archive.ts";
import { bundle } from "./bundle.ts";
import { lastLine, run } from "./command.ts";
import { compileNative, TARGET } from "./native.ts";
import { runtimeFlags } from "./permissions.ts";
import { parseProject } from "./project.ts";

/** What to make. */
export interface BuildOptions {
  /** Folder of `deno.json`, absolute, without a trailing slash. */
  readonly root: string;
  /** Make the self-extracting form without trying the other. */
  readonly selfExtracting: boolean;
  /** Takes lines for the user. */
  readonly print: (line: string) => void;
}

/** What was made. */
export interface Made {
  readonly form: "deno compile" | "self-extracting";
  /** Bytes. */
  readonly size: number;
  readonly sha256: string;
  /** Oldest glibc that runs it, e.g. `2.27`. */
  readonly glibc: string;
}

/** What the executables of Deno 2 need. */
const DENO_GLIBC: GlibcVersion = [2, 27];

/** Parts both forms are made from. */
interface Parts {
  readonly version: string;
  readonly program: Uint8Array;
  readonly addon: Addon;
  readonly flags: readonly string[];
}

/**
 * Make `dist/pd-router` in `options.root`; an older one stays until the new one is whole and has
 * run. Rejects when neither form can be made, or the result does not run.
 */
export async function build(options: BuildOptions): Promise<Made> {
  const { root, print } = options;
  await Deno.mkdir(`${root}/dist`, { recursive: true });
  const work = await Deno.makeTempDir({ dir: `${root}/dist`, prefix: ".compile-" });
  try {
    const { version, entry, unstable } = parseProject(await Deno.readTextFile(`${root}/deno.json`));
    const parts: Parts = {
      version,
      program: encodeUtf8(await bundle(root, entry, work)),
      addon: await chooseAddon(`${root}/node_modules/zeromq`),
      flags: runtimeFlags(unstable),
    };
    const output = `${work}/pd-router`;
    const problem = options.selfExtracting ? "not wanted" : await makeNative(parts, work, output);
    if (problem !== undefined) {
      if (!options.selfExtracting) {
        print(`deno compile cannot make it (${problem}); making the self-extracting form`);
      }
      await makeSelfExtracting(parts, work, output);
    }
    const bytes = await Deno.readFile(output);
    await Deno.rename(output, `${root}/dist/pd-router`);
    const { glibc } = parts.addon;
    return {
      form: problem === undefined ? "deno compile" : "self-extracting",
      size: bytes.length,
      sha256: sha256(bytes),
      glibc: (compareGlibc(glibc, DENO_GLIBC) > 0 ? glibc : DENO_GLIBC).join("."),
    };
  } finally {
    await Deno.remove(work, { recursive: true });
  }
}

/** Returns why there is no file that runs, or undefined. */
async function makeNative(
  parts: Parts,
  work: string,
  output: string,
): Promise<string | undefined> {
  await Deno.writeFile(`${work}/${PROGRAM_NAME}`, parts.program);
  await Deno.writeFile(`${work}/${ADDON_NAME}`, parts.addon.bytes);
  return await compileNative(work, parts.flags, output) ??
    await runProblem(output, work, parts.version);
}

async function makeSelfExtracting(parts: Parts, work: string, output: string): Promise<void> {
  if (Deno.build.target !== TARGET) {
    throw new Error(`Cannot make the self-extracting form: this Deno is for ${Deno.build.target}`);
  }
  const file = selfExtracting(await Deno.readTextFile(new URL("stub.sh", import.meta.url)), {
    ...parts,
    addon: parts.addon.bytes,
    runtime: await Deno.readFile(Deno.execPath()),
  });
  await writeExecutable(output, file);
  const problem = await runProblem(output, work, parts.version);
  if (problem !== undefined) throw new Error(`Cannot use what was made: ${problem}`);
}

/** Why `program --version`, in a bare environment, does not say `version`; undefined if it does. */
async function runProblem(
  program: string,
  work: string,
  version: string,
): Promise<string | undefined> {
  const home = await Deno.makeTempDir({ dir: work, prefix: "home-" });
  const { code, stdout, stderr, timedOut } = await run(program, {
    args: ["--version"],
    timeoutMs: 60_000,
    cwd: home,
    env: { HOME: home, TMPDIR: home, PATH: "/usr/bin:/bin", NO_COLOR: "1" },
    clearEnv: true,
  });
  if (timedOut) return "--version did not end in 60 s";
  if (code === 0 && stdout === `pd-router ${version}\n`) return undefined;
  return `--version ended with ${code}: ${
    lastLine(stderr) || JSON.stringify(stdout.slice(0, 200))
  }`;
}

/** Write a file that may be run. */
export async function writeExecutable(path: string, parts: ByteParts): Promise<void> {
  using file = await Deno.open(path, {
    write: true,
    create: true,
    truncate: true,
    mode: 0o755,
  });
  const writer = file.writable.getWriter();
  for (const part of parts) await writer.write(part);
  // Closed by `using`; the writer only makes each write whole.
  writer.releaseLock();
}
