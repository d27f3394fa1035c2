/** The C engine and the C load client, compiled where they are not yet. @module */

const SOURCES = new URL("../c/", import.meta.url);

/** What the programs are made of, beside their own file. */
const HEADERS: Readonly<Record<Tool, readonly string[]>> = {
  engine: ["common.h", "chunks.h", "request.h", "answers.h", "notifier.h"],
  client: ["common.h", "chunks.h", "response.h", "samples.h"],
};

/** The programs there are. */
export type Tool = "engine" | "client";

/** Where what is built and fetched is kept, between runs and checkouts. */
export function cacheFolder(): string {
  const home = Deno.env.get("HOME");
  const usual = home === undefined ? Deno.env.get("TMPDIR") ?? "/tmp" : `${home}/.cache`;
  return `${Deno.env.get("XDG_CACHE_HOME") ?? usual}/pd-router-bench`;
}

/** The paths of both. */
export type Tools = Readonly<Record<Tool, string>>;

/** Both programs, compiled where they are not yet. Rejects where they cannot be. */
export async function buildTools(): Promise<Tools> {
  return { engine: await toolPath("engine"), client: await toolPath("client") };
}

/** The path of `tool`, which gcc has compiled of the sources as they are. Rejects where it cannot. */
async function toolPath(tool: Tool): Promise<string> {
  const folder = cacheFolder();
  const path = `${folder}/${tool}-${await sourceDigest(tool)}`;
  if (await exists(path)) return path;
  await Deno.mkdir(folder, { recursive: true });
  // Others may do the same at the same time.
  const made = await Deno.makeTempFile({ dir: folder });
  await compile(new URL(`${tool}.c`, SOURCES).pathname, made);
  await Deno.rename(made, path);
  return path;
}

async function compile(source: string, into: string): Promise<void> {
  const { success, stderr } = await gcc(["-O2", "-Wall", "-Wextra", "-o", into, source]);
  if (!success) throw new Error(`Cannot compile ${source}: ${new TextDecoder().decode(stderr)}`);
}

async function gcc(args: readonly string[]): Promise<Deno.CommandOutput> {
  try {
    return await new Deno.Command("gcc", { args: [...args] }).output();
  } catch (cause) {
    if (!(cause instanceof Deno.errors.NotFound)) throw cause;
    throw new Error("Cannot compile: gcc is missing (Debian: apt-get install gcc libc6-dev)", {
      cause,
    });
  }
}

async function sourceDigest(tool: Tool): Promise<string> {
  const files = [`${tool}.c`, ...HEADERS[tool]];
  const texts = await Promise.all(files.map((file) => Deno.readTextFile(new URL(file, SOURCES))));
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(texts.join("\0")));
  return new Uint8Array(digest).slice(0, 8).toHex();
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
