/** The one file for a kind of machine, the same bytes for the same sources. @module */
import { concatBytes } from "../../lib/base/mod.ts";
import { chooseAddon, compareGlibc, neededGlibc } from "../compile/addon.ts";
import { selfExtracting, sha256 } from "../compile/archive.ts";
import { writeExecutable } from "../compile/build.ts";
import { elfMachine, type Machine } from "./machines.ts";

/** What goes into the files of all machines. */
export interface Sources {
  /** Folder of the project, without a slash behind it. */
  readonly root: string;
  readonly version: string;
  /** The bundled program. */
  readonly program: Uint8Array;
  /** Arguments of `deno run` before the program. */
  readonly flags: readonly string[];
}

/** A file that was made. */
export interface ReleaseFile {
  readonly machine: Machine;
  /** Within the folder of the release. */
  readonly name: string;
  /** Bytes. */
  readonly size: number;
  readonly sha256: string;
  /** Of the Deno in it. */
  readonly runtimeSha256: string;
  /** Oldest glibc that runs it, e.g. `2.27`. */
  readonly glibc: string;
}

/** Make the file for `machine` around `runtime` in `folder`. */
export async function makeFile(
  sources: Sources,
  machine: Machine,
  runtime: Uint8Array,
  folder: string,
): Promise<ReleaseFile> {
  const { root, version, program, flags } = sources;
  const addon = await chooseAddon(`${root}/node_modules/zeromq`, machine.addon);
  const found = elfMachine(addon.bytes);
  if (found !== machine.elf) {
    throw new Error(`Cannot use ${addon.path}: its ELF header says machine ${found}`);
  }
  const template = await Deno.readTextFile(`${root}/scripts/compile/stub.sh`);
  const parts = selfExtracting(template, {
    version,
    machine: machine.title,
    runtime,
    program,
    addon: addon.bytes,
    flags,
  });
  const name = `pd-router-${version}-linux-${machine.name}`;
  await writeExecutable(`${folder}/${name}`, parts);
  const bytes = concatBytes(parts);
  const needed = neededGlibc(runtime);
  return {
    machine,
    name,
    size: bytes.length,
    sha256: sha256(bytes),
    runtimeSha256: sha256(runtime),
    glibc: (compareGlibc(addon.glibc, needed) > 0 ? addon.glibc : needed).join("."),
  };
}
