/** A file on its way into the store. @module */
import { RouterError } from "../base/mod.ts";
import type { Disk, DiskWriter } from "./disk.ts";
import type { StoredFile } from "./stored_file.ts";

/** What an upload is made from. */
export interface UploadParts {
  readonly disk: Disk;
  /** The name of the file until it is complete. */
  readonly name: string;
  readonly writer: DiskWriter;
  readonly limitBytes: number;
  /** Takes room for so many bytes; throws where there is none. */
  readonly grow: (bytes: number) => void;
  readonly shrink: (bytes: number) => void;
  /** Told once, however it ends. */
  readonly onEnd: () => void;
  readonly add: (file: Omit<StoredFile, "seq" | "owner" | "createdAt">) => StoredFile;
  readonly newId: () => string;
}

/** What a client says of its file. */
export interface UploadNote {
  readonly filename: string;
  readonly purpose: string;
}

/** Written beside its place, under a name that nobody knows, until it is whole. */
export class Upload implements AsyncDisposable {
  readonly #parts: UploadParts;
  #bytes = 0;
  #ended = false;
  /** The name that it has on disk. */
  #name: string;

  constructor(parts: UploadParts) {
    this.#parts = parts;
    this.#name = parts.name;
  }

  /** Throws `body-too-large` where the file, or all there are, become too large. */
  async write(bytes: Uint8Array): Promise<void> {
    const { limitBytes, grow, writer } = this.#parts;
    if (this.#bytes + bytes.length > limitBytes) {
      const message = `The file has more than ${limitBytes} bytes (--max-file-bytes)`;
      throw new RouterError("body-too-large", message, { param: "file" });
    }
    grow(bytes.length);
    this.#bytes += bytes.length;
    await writer.write(bytes);
  }

  /** The file is whole: it is there, and on disk, when this resolves. */
  async finish({ filename, purpose }: UploadNote): Promise<StoredFile> {
    const { disk, writer, add, newId, onEnd } = this.#parts;
    const id = newId();
    await writer.finish();
    await disk.rename(this.#name, id);
    this.#name = id;
    const file = add({ id, filename, purpose, bytes: this.#bytes });
    this.#ended = true;
    onEnd();
    return file;
  }

  /** What is not finished leaves nothing. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#ended) return;
    this.#ended = true;
    const { disk, writer, shrink, onEnd } = this.#parts;
    writer.close();
    shrink(this.#bytes);
    onEnd();
    await disk.remove(this.#name);
  }
}
