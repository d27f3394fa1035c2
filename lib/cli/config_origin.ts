/** The configuration of a command line, to be read again while the router serves. @module */
import { describeError, errorCodeOf, sha256 } from "../base/mod.ts";
import { type ConfigResult, problemText, type RouterConfig } from "../config/mod.ts";
import { type LoadedHooks, loadHooks } from "../hooks/mod.ts";
import type { ConfigOrigin, ConfigRead, Loaded, Resolved } from "../reload/mod.ts";
import type { ParsedArgv } from "./argv.ts";
import { digestOf, type FileText, readFileText, readFileTexts } from "./config_files.ts";
import { loadConfig, namedFile } from "./load.ts";
import type { CliPorts } from "./ports.ts";

/** What is read with. */
export type OriginPorts = Pick<CliPorts, "env" | "readFile" | "files" | "importModule">;

/** A configuration that a router can be started with, and its origin; or everything that is wrong. */
export type OpenedOrigin =
  | { readonly ok: true; readonly origin: ConfigOrigin<LoadedHooks> }
  | { readonly ok: false; readonly result: Extract<ConfigResult, { readonly ok: false }> };

/** Flags that name files which are looked at. */
const WATCHED = [
  "config",
  "dynamic-config-yaml",
  "dynamic-config-json",
  "external-providers-config",
] as const;

/** A configuration may name files, which name none that name others: so many rounds find them all. */
const MAX_ROUNDS = 8;

/** What a configuration comes to at a start, and the files that say it. */
export interface FirstRead {
  readonly result: ConfigResult;
  readonly read: ReadonlyMap<string, FileText>;
}

/** Read the configuration of `argv`, and nothing that it names but files that are to be checked. */
export function firstRead(
  argv: ParsedArgv,
  ports: Pick<OriginPorts, "env" | "readFile">,
): FirstRead {
  const read = new Map<string, FileText>();
  const readFile = (path: string): string => {
    const text = ports.readFile(path);
    read.set(path, { text });
    return text;
  };
  return { result: loadConfig(argv, { env: ports.env, readFile }), read };
}

/** The texts of those that were read and cannot be read again: pipes. */
export async function passingTexts(
  { read }: FirstRead,
  files: OriginPorts["files"],
): Promise<readonly (readonly [path: string, text: string])[]> {
  const texts: [path: string, text: string][] = [];
  for (const [path, file] of read) {
    if ("text" in file && !await isFile(path, files)) texts.push([path, file.text]);
  }
  return texts;
}

/** `origin`, whose configurations are what `map` makes of them. */
export function mappedOrigin<Hooks>(
  origin: ConfigOrigin<Hooks>,
  map: (config: RouterConfig) => RouterConfig,
): ConfigOrigin<Hooks> {
  const mapped = <T extends Resolved>(loaded: T): T => ({ ...loaded, config: map(loaded.config) });
  return {
    ...origin,
    start: { ...origin.start, loaded: mapped(origin.start.loaded) },
    async read() {
      const read = await origin.read();
      return read.ok ? { ...read, loaded: mapped(read.loaded) } : read;
    },
  };
}

/**
 * Read the configuration of `argv`, as for a start. `onTaken` is told of what is in force, before
 * any module is imported, and after each change. Rejects with `RouterError` where a module cannot be used.
 */
export async function openOrigin(
  argv: ParsedArgv,
  ports: OriginPorts,
  onTaken: (config: RouterConfig) => void,
  { result, read }: FirstRead = firstRead(argv, ports),
): Promise<OpenedOrigin> {
  if (!result.ok) return { ok: false, result };
  const { config, settings, notes } = result;
  onTaken(config);
  const modules = new Modules(ports);
  const hooks = await modules.first(config);
  const watched = await watchedFiles(argv, ports, read);
  const { paths, kept } = watched;
  const known = new Map(paths.map((path) => [path, read.get(path) ?? { text: "" }]));
  const loaded: Loaded<LoadedHooks> = { config, settings, notes, hooks };
  const origin: ConfigOrigin<LoadedHooks> = {
    start: { digest: digestOf(known), loaded },
    look: paths.length === 0
      ? undefined
      : async () => digestOf(await readFileTexts(paths, ports.files)),
    read: () => readAgain(argv, { ports, paths, kept, modules }),
    taken: ({ config }: Resolved) => onTaken(config),
  };
  return { ok: true, origin };
}

/** Which files are looked at, and the texts of those that can be read once: pipes. */
async function watchedFiles(
  argv: ParsedArgv,
  { env, files }: OriginPorts,
  read: ReadonlyMap<string, FileText>,
): Promise<{ readonly paths: readonly string[]; readonly kept: ReadonlyMap<string, FileText> }> {
  const named = [...new Set(WATCHED.flatMap((name) => namedFile(argv, env, name) ?? []))];
  const kept = new Map<string, FileText>();
  for (const path of named) {
    const text = read.get(path);
    if (text !== undefined && !await isFile(path, files)) kept.set(path, text);
  }
  return { paths: named.filter((path) => !kept.has(path)), kept };
}

async function isFile(path: string, files: OriginPorts["files"]): Promise<boolean> {
  try {
    return (await files.stat(path)).isFile;
  } catch {
    // It was there a moment ago: whether it comes back is for the looks to find out.
    return true;
  }
}

/** What reading again needs. */
interface Again {
  readonly ports: OriginPorts;
  readonly paths: readonly string[];
  readonly kept: ReadonlyMap<string, FileText>;
  readonly modules: Modules;
}

/** All files are read before the configuration is resolved: it is of one time, and nothing waits. */
async function readAgain(
  argv: ParsedArgv,
  { ports, paths, kept, modules }: Again,
): Promise<ConfigRead<LoadedHooks>> {
  const watched = await readFileTexts(paths, ports.files);
  const digest = digestOf(watched);
  const texts = new Map([...kept, ...watched]);
  for (let round = 0; round < MAX_ROUNDS; round++) {
    const missing = new Set<string>();
    const readFile = (path: string): string => {
      const known = texts.get(path);
      if (known === undefined) missing.add(path);
      else if ("error" in known) throw known.error;
      return known?.text ?? "";
    };
    const result = loadConfig(argv, { env: ports.env, readFile });
    if (missing.size === 0) return await withHooks(result, digest, modules);
    for (const [path, text] of await readFileTexts(missing, ports.files)) texts.set(path, text);
  }
  return { ok: false, digest, problems: ["The configuration names more and more files"] };
}

async function withHooks(
  result: ConfigResult,
  digest: string,
  modules: Modules,
): Promise<ConfigRead<LoadedHooks>> {
  if (!result.ok) return { ok: false, digest, problems: result.problems.map(problemText) };
  const { config, settings, notes } = result;
  try {
    const hooks = await modules.of(config);
    return { ok: true, digest, loaded: { config, settings, notes, hooks } };
  } catch (error) {
    if (errorCodeOf(error) === undefined) throw error;
    return { ok: false, digest, problems: [describeError(error)] };
  }
}

/** The operator's modules, imported again where their texts are others. */
class Modules {
  readonly #ports: Pick<OriginPorts, "importModule" | "files">;
  /** Digests of the files at the start: what was imported then is imported under its own name. */
  readonly #first = new Map<string, string>();
  #key = "";
  #loaded: LoadedHooks = {};

  constructor(ports: Pick<OriginPorts, "importModule" | "files">) {
    this.#ports = ports;
  }

  async first(config: RouterConfig): Promise<LoadedHooks> {
    for (const [file, digest] of await this.#digests(config)) this.#first.set(file, digest);
    return await this.of(config);
  }

  /** The same value as long as files and names are the same. */
  async of(config: RouterConfig): Promise<LoadedHooks> {
    const digests = await this.#digests(config);
    const { callbacks, rewriter } = config.hooks ?? {};
    const key = JSON.stringify([callbacks, rewriter, [...digests]]);
    if (key === this.#key) return this.#loaded;
    const loaded = await loadHooks(config.hooks ?? {}, (file) => {
      const digest = digests.get(file);
      const version = digest === this.#first.get(file) ? undefined : digest;
      return this.#ports.importModule(file, version);
    });
    this.#key = key;
    return this.#loaded = loaded;
  }

  async #digests({ hooks }: RouterConfig): Promise<ReadonlyMap<string, string>> {
    const files = [hooks?.callbacks, hooks?.rewriter].flatMap((module) => module?.file ?? []);
    const digests = [...new Set(files)].map(async (file) => {
      const read = await readFileText(file, this.#ports.files);
      return [file, "text" in read ? sha256(read.text).slice(0, 16) : "unread"] as const;
    });
    return new Map(await Promise.all(digests));
  }
}
