/** Clients that are programs of their own in `programs/`, each in its language. @module */
import { run } from "../process.ts";
import { parseSeen, type Seen } from "./checks.ts";
import { MODEL } from "./engine.ts";
import type { Scene, Subject } from "./subject.ts";

const here = new URL("./programs/", import.meta.url).pathname;

/** What PyPI and npm are asked for. */
const PYTHON_PACKAGES = { httpx: "0.28.1", aiohttp: "3.12.15" } as const;
const UNDICI = "7.16.0";

/** Every one of them. */
export function programs(): readonly Subject[] {
  return [
    python("http.client"),
    python("httpx"),
    python("aiohttp"),
    node("node:http"),
    node("fetch"),
    node("undici"),
    {
      name: "java.net.http",
      prepare: async () => (await run("java", ["--version"])).split("\n")[0] ?? "",
      run: (scene) => told(scene, "java", [`${here}Client.java`], "java.net.http"),
    },
    {
      name: "net/http",
      prepare: async () => (await run("go", ["version"])).split(" ")[2] ?? "",
      run: (scene) => told(scene, "go", ["run", `${here}client.go`], "net/http"),
    },
  ];
}

function python(name: "http.client" | keyof typeof PYTHON_PACKAGES): Subject {
  const pythonOf = ({ cache }: Scene): string => `${cache}/python/bin/python`;
  return {
    name,
    async prepare(scene) {
      const wanted = Object.entries(PYTHON_PACKAGES).map((each) => each.join("=="));
      await once(`${scene.cache}/python`, wanted.join(" "), async (folder) => {
        await run("python3", ["-m", "venv", folder]);
        const pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check"];
        await run(pythonOf(scene), [...pip, ...wanted]);
      });
      const version = (await run(pythonOf(scene), ["--version"])).trim();
      return name === "http.client" ? version : `${PYTHON_PACKAGES[name]}, ${version}`;
    },
    run: (scene) => told(scene, pythonOf(scene), [`${here}client.py`], name),
  };
}

function node(name: "node:http" | "fetch" | "undici"): Subject {
  const folderOf = ({ cache }: Scene): string => `${cache}/node`;
  return {
    name,
    async prepare(scene) {
      await once(folderOf(scene), UNDICI, async (folder) => {
        await Deno.mkdir(folder, { recursive: true });
        const quiet = ["--no-audit", "--no-fund", "--loglevel=error"];
        await run("npm", ["install", "--prefix", folder, ...quiet, `undici@${UNDICI}`]);
      });
      const version = (await run("node", ["--version"])).trim();
      return name === "undici" ? `${UNDICI}, Node ${version}` : `Node ${version}`;
    },
    run: (scene) => told(scene, "node", [`${here}client.mjs`], name, folderOf(scene)),
  };
}

/** Run `make` for `folder` unless that was done for `what` already. */
async function once(
  folder: string,
  what: string,
  make: (folder: string) => Promise<void>,
): Promise<void> {
  const mark = `${folder}/made`;
  try {
    if (await Deno.readTextFile(mark) === what) return;
    await Deno.remove(folder, { recursive: true });
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  await make(folder);
  await Deno.writeTextFile(mark, what);
}

/** What a program has told. */
async function told(
  { url }: Scene,
  command: string,
  first: readonly string[],
  library: string,
  ...more: readonly string[]
): Promise<readonly Seen[]> {
  const output = await run(command, [...first, library, url, MODEL, ...more]);
  return output.split("\n").filter((line) => line !== "").map(parseSeen);
}
