/** The shell script at the head of the self-extracting form, filled in from `stub.sh`. @module */
import { encodeUtf8 } from "../../lib/base/mod.ts";

/** One file the script unpacks. */
export interface PackedFile {
  /** Path below the cache folder, `<folder>/<name>`; the folder's name changes with the content. */
  readonly path: string;
  readonly executable: boolean;
  /** Bytes when unpacked. */
  readonly size: number;
  /** Lower-case hex, of the unpacked bytes. */
  readonly sha256: string;
  /** Bytes of its gzip stream. */
  readonly packedSize: number;
}

/** What the script is filled in with. */
export interface StubValues {
  readonly version: string;
  /** The machines that it runs on, for people. @default "x86-64" */
  readonly machine?: string;
  /** In the order of their gzip streams. */
  readonly runtime: PackedFile;
  readonly program: PackedFile;
  readonly addon: PackedFile;
  /** Arguments of `deno run` before the program; `--allow-ffi` for the addon is the script's own. */
  readonly flags: readonly string[];
}

/** Digits kept for the two lengths the script must know of itself before it is finished. */
const LENGTH_DIGITS = 12;

/** Folder beside the program for what is compiled of it: another program finds nothing there. */
export const CACHES_NAME = "caches";

/** What the script shares with the tasks of a checkout. */
const LAUNCH = Deno.readTextFileSync(new URL("launch.sh", import.meta.url));

/** Permissions that the script narrows at a start: where they are in what it shares. */
const NARROWED: Readonly<Record<string, string>> = {
  "--allow-read": '"$allow_read"',
  "--allow-net": '"$allow_net"',
};

function flagWord(flag: string): string {
  return NARROWED[flag] ?? shellQuote(flag);
}

/** `text` as one word of POSIX `sh`. */
export function shellQuote(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

/**
 * The script with `values` in place; the gzip streams follow its last byte.
 *
 * Throws `TypeError` for a version or path that is not plain, and for a name without a value.
 */
export function renderStub(template: string, values: StubValues): string {
  const files = [values.runtime, values.program, values.addon];
  plain("version", values.version);
  for (const { path } of files) plain("path", path);
  const fields: Readonly<Record<string, string>> = {
    VERSION: values.version,
    MACHINE: values.machine ?? "x86-64",
    FILES: fileCalls(files),
    RUNTIME: values.runtime.path,
    PROGRAM: values.program.path,
    ADDON: values.addon.path,
    CACHES: `${values.program.path.replace(/[^/]*$/, "")}${CACHES_NAME}`,
    FLAGS: values.flags.map(flagWord).join(" \\\n    "),
    LAUNCH: LAUNCH.trimEnd(),
    START: "".padEnd(LENGTH_DIGITS),
    TOTAL: "".padEnd(LENGTH_DIGITS),
  };
  const fill = (known: Readonly<Record<string, string>>): string =>
    template.replaceAll(/@([A-Z]+)@/g, (_, name: string) => {
      const value = known[name];
      if (value === undefined) throw new TypeError(`Cannot fill in the stub: "${name}" is unknown`);
      return value;
    });
  const start = encodeUtf8(fill(fields)).length;
  const total = files.reduce((sum, file) => sum + file.packedSize, start);
  return fill({
    ...fields,
    START: String(start).padEnd(LENGTH_DIGITS),
    TOTAL: String(total).padEnd(LENGTH_DIGITS),
  });
}

function fileCalls(files: readonly PackedFile[]): string {
  let offset = 0;
  const calls = files.map((file) => {
    const call = `  "$1" ${file.path} ${file.executable ? 500 : 400} ${file.size} ` +
      `${file.sha256} ${offset} ${file.packedSize}`;
    offset += file.packedSize;
    return call;
  });
  return calls.join(" &&\n");
}

function plain(what: string, text: string): void {
  if (!/^[A-Za-z0-9][A-Za-z0-9._+/-]*$/.test(text)) {
    throw new TypeError(`Cannot fill in the stub: ${what} ${JSON.stringify(text)} is not plain`);
  }
}
