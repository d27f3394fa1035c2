/** The self-extracting form: script and gzip streams in one file. @module */
import { createHash } from "node:crypto";
import { gzipSync } from "node:zlib";
import { type ByteParts, concatBytes, encodeUtf8 } from "../../lib/base/mod.ts";
import { type PackedFile, renderStub } from "./stub.ts";

/** Names of the three unpacked files. The program loads the addon from beside itself. */
export const RUNTIME_NAME = "pd-router";
export const PROGRAM_NAME = "main.js";
export const ADDON_NAME = "addon.node";

/** What goes into the file. */
export interface Contents {
  readonly version: string;
  /** The machines that it runs on, for people. @default "x86-64" */
  readonly machine?: string;
  /** The `deno` executable. */
  readonly runtime: Uint8Array;
  /** The bundled program. */
  readonly program: Uint8Array;
  /** The native addon. */
  readonly addon: Uint8Array;
  /** Arguments of `deno run` before the program. */
  readonly flags: readonly string[];
}

/**
 * The bytes of an executable that unpacks and runs `contents`, the same for the same contents.
 *
 * The folders are named for what is in them, so releases that share a runtime unpack it once and
 * never touch each other's files.
 */
export function selfExtracting(template: string, contents: Contents): ByteParts {
  const { version, machine, flags } = contents;
  const runtimeFolder = sha256(contents.runtime).slice(0, 12);
  const programFolder = sha256(concatBytes([contents.program, contents.addon])).slice(0, 12);
  const runtime = pack(`${runtimeFolder}/${RUNTIME_NAME}`, contents.runtime, true);
  const program = pack(`${programFolder}/${PROGRAM_NAME}`, contents.program, false);
  const addon = pack(`${programFolder}/${ADDON_NAME}`, contents.addon, false);
  const stub = renderStub(template, {
    version,
    ...(machine === undefined ? {} : { machine }),
    flags,
    runtime: runtime.file,
    program: program.file,
    addon: addon.file,
  });
  return [encodeUtf8(stub), runtime.packed, program.packed, addon.packed];
}

function pack(
  path: string,
  bytes: Uint8Array,
  executable: boolean,
): { readonly file: PackedFile; readonly packed: Uint8Array } {
  const packed = gzipSync(bytes);
  const file = {
    path,
    executable,
    size: bytes.length,
    sha256: sha256(bytes),
    packedSize: packed.length,
  };
  return { file, packed };
}

/** SHA-256 of `bytes`, lower-case hex. */
export function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}
