/** Files that are read again when they have changed. @module */
import type { Clock } from "./clock.ts";
import { describeError } from "./errors.ts";

/** What is needed of a file system; both throw as `Deno.statSync` and `Deno.readTextFileSync` do. */
export interface FilePort {
  stat(path: string): FileStat;
  read(path: string): string;
}

/** What tells that a file has changed. */
export interface FileStat {
  /** False for folders, and for pipes, whose end may never come. */
  readonly isFile: boolean;
  /** In bytes. */
  readonly size: number;
  readonly mtime: Date | null;
  readonly ctime?: Date | null;
  readonly ino: number | null;
  readonly dev?: number;
}

/** What a look at the files has found. */
export type Look =
  | { readonly kind: "same" }
  /** Texts in the order of the paths. */
  | { readonly kind: "read"; readonly texts: readonly string[] }
  /** Told once for each problem. */
  | { readonly kind: "unreadable"; readonly path: string; readonly problem: string };

/**
 * A change is not told by the time of a file that was changed so short a time before it was read, in
 * milliseconds: it may be changed again within the same tick of the file system's clock.
 */
const TICK_MS = 50;

const SAME: Look = { kind: "same" };

/**
 * Several files that belong together, looked at when their owner wants to know. A look costs some
 * microseconds where nothing has changed. A file that is replaced (as Kubernetes replaces those of a
 * Secret, by a link to another folder) has changed.
 */
export class WatchedFiles {
  readonly #paths: readonly string[];
  readonly #clock: Pick<Clock, "unixMs">;
  readonly #port: FilePort;
  readonly #limitBytes: number;
  /** What the files looked like when they were last read. */
  #stamp: string | undefined;
  /** The stamp may stand for later changes too. */
  #settled = false;
  #texts: readonly string[] | undefined;
  #problem: string | undefined;

  /** `limitBytes`: a file that is larger is not read. */
  constructor(
    paths: readonly string[],
    { clock, port, limitBytes }: {
      readonly clock: Pick<Clock, "unixMs">;
      readonly port: FilePort;
      readonly limitBytes: number;
    },
  ) {
    this.#paths = paths;
    this.#clock = clock;
    this.#port = port;
    this.#limitBytes = limitBytes;
  }

  /** The texts where they are others than at the last look. */
  look(): Look {
    let path = "";
    try {
      let stamp = "";
      let newest = -Infinity;
      for (path of this.#paths) {
        const stat = this.#port.stat(path);
        if (!stat.isFile) return this.#failed(path, "it is no regular file");
        if (stat.size > this.#limitBytes) {
          return this.#failed(path, `it has ${stat.size} bytes, over ${this.#limitBytes}`);
        }
        stamp += stampOf(stat);
        newest = Math.max(newest, changedAt(stat));
      }
      if (stamp === this.#stamp && this.#settled) return this.#same();
      const texts: string[] = [];
      for (path of this.#paths) texts.push(this.#port.read(path));
      this.#stamp = stamp;
      this.#settled = this.#clock.unixMs() - newest > TICK_MS;
      const known = this.#texts;
      if (known !== undefined && texts.every((text, index) => text === known[index])) {
        return this.#same();
      }
      this.#texts = texts;
      this.#problem = undefined;
      return { kind: "read", texts };
    } catch (error) {
      this.#stamp = undefined;
      return this.#failed(path, fileErrorText(error));
    }
  }

  /** Files that are back as they were before they could not be read are told of again. */
  #same(): Look {
    const texts = this.#texts;
    if (this.#problem === undefined || texts === undefined) return SAME;
    this.#problem = undefined;
    return { kind: "read", texts };
  }

  #failed(path: string, problem: string): Look {
    if (problem === this.#problem) return SAME;
    this.#problem = problem;
    return { kind: "unreadable", path, problem };
  }
}

/** Why a file cannot be read, without its path. */
export function fileErrorText(error: unknown): string {
  const known = FILE_ERRORS.find(([type]) => error instanceof type);
  return known?.[1] ?? describeError(error);
}

const FILE_ERRORS = [
  [Deno.errors.NotFound, "there is none"],
  [Deno.errors.PermissionDenied, "permission denied"],
  [Deno.errors.NotCapable, "the program was started without --allow-read"],
  [Deno.errors.IsADirectory, "it is a directory"],
] as const;

function stampOf({ size, mtime, ctime, ino, dev }: FileStat): string {
  return `${dev}:${ino}:${size}:${mtime?.getTime()}:${ctime?.getTime()};`;
}

function changedAt({ mtime, ctime }: FileStat): number {
  return Math.max(mtime?.getTime() ?? -Infinity, ctime?.getTime() ?? -Infinity);
}
