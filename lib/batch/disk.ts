/** A folder of files: written so that what is said to be written outlives the machine. @module */
import type { ByteParts } from "../base/mod.ts";

/** Reads a stretch of a file. */
export interface DiskReader {
  /** The next bytes, the caller's to keep; undefined at the end. */
  read(): Promise<Uint8Array | undefined>;
  /** Wants no more. Any number of times. */
  cancel(): void;
}

/** A file that is being written from its beginning. */
export interface DiskWriter {
  write(bytes: Uint8Array): Promise<void>;
  /** Resolves when what was written is on disk; nothing more may be written. */
  finish(): Promise<void>;
  /** Write no more, and give the descriptor back. Any number of times. */
  close(): void;
}

/** A half-open stretch of bytes. */
export interface Stretch {
  readonly start: number;
  readonly end: number;
}

/** Files by plain names. All reject as Deno's functions do. */
export interface Disk {
  create(name: string): Promise<DiskWriter>;
  /**
   * Write `parts` behind the first `at` bytes of a file, which there need not be; what was behind these
   * is lost. Resolves when they are on disk.
   */
  append(name: string, at: number, parts: ByteParts): Promise<void>;
  /** Of all bytes, or of a stretch. */
  read(name: string, stretch?: Stretch): Promise<DiskReader>;
  /** Resolves when the file has its other name on disk too. */
  rename(from: string, to: string): Promise<void>;
  /** Fine where there is none. */
  remove(name: string): Promise<void>;
  list(): Promise<readonly string[]>;
}

/** Bytes that are read at a time. */
const READ_BYTES = 64 * 1024;
const NOTHING = new Uint8Array(0);

/** The files of the folder `path`, made where there is none, for this user alone. */
export async function openDisk(path: string): Promise<Disk> {
  await Deno.mkdir(path, { recursive: true, mode: 0o700 });
  return new Folder(path);
}

class Folder implements Disk {
  readonly #path: string;

  constructor(path: string) {
    this.#path = path;
  }

  async create(name: string): Promise<DiskWriter> {
    const options = { write: true, createNew: true, mode: 0o600 };
    const file = await Deno.open(this.#at(name), options);
    let open = true;
    const close = (): void => {
      if (open) file.close();
      open = false;
    };
    return {
      write: (bytes) => writeAll(file, bytes),
      async finish() {
        await file.syncData();
        close();
      },
      close,
    };
  }

  async append(name: string, at: number, parts: ByteParts): Promise<void> {
    {
      const options = { write: true, create: true, mode: 0o600 };
      using file = await Deno.open(this.#at(name), options);
      // A tail that was torn when the process ended goes.
      await file.truncate(at);
      await file.seek(at, Deno.SeekMode.Start);
      for (const part of parts) await writeAll(file, part);
      await file.syncData();
    }
    if (at === 0) await this.#sync();
  }

  async read(name: string, stretch: Stretch = { start: 0, end: Infinity }): Promise<DiskReader> {
    const file = await Deno.open(this.#at(name), { read: true });
    let left = stretch.end - stretch.start;
    let open = true;
    const cancel = (): void => {
      if (open) file.close();
      open = false;
    };
    try {
      if (stretch.start > 0) await file.seek(stretch.start, Deno.SeekMode.Start);
    } catch (error) {
      cancel();
      throw error;
    }
    return {
      async read() {
        const bytes = open ? new Uint8Array(Math.min(READ_BYTES, left)) : NOTHING;
        try {
          const count = bytes.length === 0 ? null : await file.read(bytes);
          left -= count ?? 0;
          if (count !== null) return bytes.subarray(0, count);
        } catch (error) {
          // Cancelled meanwhile, it may say so.
          if (open) throw error;
        }
        cancel();
        return undefined;
      },
      cancel,
    };
  }

  async rename(from: string, to: string): Promise<void> {
    await Deno.rename(this.#at(from), this.#at(to));
    await this.#sync();
  }

  async remove(name: string): Promise<void> {
    try {
      await Deno.remove(this.#at(name));
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }

  async list(): Promise<readonly string[]> {
    const names: string[] = [];
    for await (const { name, isFile } of Deno.readDir(this.#path)) if (isFile) names.push(name);
    return names;
  }

  /** A name in a folder is on disk when the folder is. */
  async #sync(): Promise<void> {
    using folder = await Deno.open(this.#path, { read: true });
    await folder.sync();
  }

  #at(name: string): string {
    return `${this.#path}/${name}`;
  }
}

async function writeAll(file: Deno.FsFile, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length;) at += await file.write(bytes.subarray(at));
}
