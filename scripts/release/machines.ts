/** The machines that a release has a file for. @module */
import type { AddonArch } from "../compile/addon.ts";

/** One kind of machine. */
export interface Machine {
  /** As `uname -m` calls it; part of the file's name. */
  readonly name: string;
  /** As people call it. */
  readonly title: string;
  /** npm's package of Deno for it; the executable in it is `deno`. */
  readonly runtime: string;
  readonly addon: AddonArch;
  /** As Deno calls what it was made for. */
  readonly target: string;
  /** `e_machine` of its executables' ELF header. */
  readonly elf: number;
}

/** All of them, Linux with glibc. */
export const MACHINES: readonly Machine[] = [
  {
    name: "x86_64",
    title: "x86-64",
    runtime: "@deno/linux-x64-glibc",
    addon: "x64",
    target: "x86_64-unknown-linux-gnu",
    elf: 62,
  },
  {
    name: "aarch64",
    title: "aarch64",
    runtime: "@deno/linux-arm64-glibc",
    addon: "arm64",
    target: "aarch64-unknown-linux-gnu",
    elf: 183,
  },
];

/** The kind of machine that an ELF executable is for, by its header; undefined for what is none. */
export function elfMachine(bytes: Uint8Array): number | undefined {
  const isElf = bytes[0] === 0x7f && bytes[1] === 0x45 && bytes[2] === 0x4c && bytes[3] === 0x46;
  if (!isElf || bytes.length < 20) return undefined;
  return new DataView(bytes.buffer, bytes.byteOffset).getUint16(18, true);
}
