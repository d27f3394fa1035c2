/** Smoke steps that start the program and see it end. @module */
import type { SmokeHost } from "./smoke_host.ts";
import { CACHES_NAME } from "./stub.ts";

/** Version and help, at the first start and later ones; resolves to the times taken. */
export async function checkTexts(host: SmokeHost, version: string): Promise<string> {
  await host.clear();
  const first = await time(() => expectVersion(host, version));
  const later = await time(() => expectVersion(host, version));
  const { code, stdout, stderr } = await host.run(["--help"]);
  for (const word of ["--prefill", "--decode", "--port", "--version"]) {
    if (code === 0 && stdout.includes(word)) continue;
    throw new Error(`Cannot find ${word} in --help, which ended with ${code}: ${stdout}${stderr}`);
  }
  return `${first.toFixed(2)} s, later ${later.toFixed(2)} s`;
}

/** On a terminal there is no more to see than elsewhere. */
export async function checkTerminal(host: SmokeHost, version: string): Promise<string> {
  const { code, stdout, stderr } = await host.runOnTerminal(["--version"]);
  if (code === 0 && stdout === `pd-router ${version}\r\n` && stderr === "") return stdout.trim();
  throw new Error(`Cannot see ${version} alone on a terminal, which ended with ${code}: ${stdout}`);
}

/** `count` starts at once with nothing unpacked. */
export async function checkStarts(
  host: SmokeHost,
  version: string,
  count: number,
): Promise<string> {
  await host.clear();
  await Promise.all(Array.from({ length: count }, () => expectVersion(host, version)));
  const files = await unpacked(host);
  const left = files.filter((path) => path.includes(".new."));
  if (left.length > 0) throw new Error(`Cannot accept what was left behind: ${left.join(" ")}`);
  return files.length === 0 ? "nothing is unpacked" : `${files.length} files`;
}

/** Damage each unpacked file in turn; the next start must have it whole again. */
export async function checkRepair(host: SmokeHost, version: string): Promise<string> {
  const all = await unpacked(host);
  const isCache = (path: string): boolean => path.includes(`/${CACHES_NAME}/`);
  await checkCaches(host, version, all.filter(isCache));
  const files = all.filter((path) => !isCache(path));
  for (const path of files) {
    const whole = await Deno.readFile(path);
    await Deno.chmod(path, 0o700);
    await Deno.truncate(path, Math.floor(whole.length / 2));
    await expectVersion(host, version);
    const repaired = await Deno.readFile(path);
    if (!equal(whole, repaired)) throw new Error(`Cannot find ${path} repaired`);
    await Deno.remove(path);
    await expectVersion(host, version);
  }
  return files.length === 0 ? "nothing is unpacked" : `${files.length} files, cut and deleted`;
}

/** Damage the caches, one after the other and then all: a start does without. */
async function checkCaches(
  host: SmokeHost,
  version: string,
  files: readonly string[],
): Promise<void> {
  for (const path of files) {
    const bytes = await Deno.readFile(path);
    await Deno.writeFile(path, bytes.fill(0x55, bytes.length / 3, bytes.length / 2));
    await expectVersion(host, version);
  }
  for (const path of files) await Deno.writeTextFile(path, "no database");
  await expectVersion(host, version);
  await expectVersion(host, version);
}

async function expectVersion(host: SmokeHost, version: string): Promise<void> {
  const { code, stdout, stderr } = await host.run(["--version"]);
  if (code === 0 && stdout === `pd-router ${version}\n` && stderr === "") return;
  throw new Error(`Cannot see ${version}: --version ended with ${code}: ${stdout}${stderr}`);
}

/** Paths of all files in the cache folder; none for a file that unpacks nothing. */
async function unpacked(host: SmokeHost): Promise<readonly string[]> {
  const files: string[] = [];
  const walk = async (folder: string): Promise<void> => {
    for await (const entry of Deno.readDir(folder)) {
      const path = `${folder}/${entry.name}`;
      if (entry.isDirectory) await walk(path);
      else files.push(path);
    }
  };
  try {
    await walk(host.cache);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  return files;
}

async function time(run: () => Promise<void>): Promise<number> {
  const started = performance.now();
  await run();
  return (performance.now() - started) / 1000;
}

function equal(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, index) => byte === b[index]);
}
