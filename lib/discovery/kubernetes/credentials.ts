/** What an API server is shown, and by what it is known, from files that change. @module */
import { type Clock, type FilePort, RouterError, WatchedFiles } from "../../base/mod.ts";

/** Files of a pod's service account are far smaller, in bytes. */
const MAX_FILE_BYTES = 1024 * 1024;

/**
 * The text of a file, as it is at the moment. One that cannot be read any more, as happens while
 * it is replaced, is what it was.
 */
export class FileText {
  readonly #files: WatchedFiles;
  readonly #what: string;
  #text: string | undefined;
  #problem = "";

  /** `what`: what messages call it. */
  constructor(
    path: string,
    what: string,
    { clock, files: port }: { readonly clock: Pick<Clock, "unixMs">; readonly files: FilePort },
  ) {
    this.#files = new WatchedFiles([path], { clock, port, limitBytes: MAX_FILE_BYTES });
    this.#what = `${what} ${path}`;
  }

  /** Throws `RouterError` `internal` where it never could be read. */
  read(): string {
    const look = this.#files.look();
    if (look.kind === "read") this.#text = look.texts[0]?.trim() ?? "";
    else if (look.kind === "unreadable") this.#problem = look.problem;
    if (this.#text !== undefined) return this.#text;
    throw new RouterError("internal", `Cannot read the ${this.#what}: ${this.#problem}`);
  }
}

/** What a token may be made of: a header carries it. */
const TOKEN = /^[\x21-\x7e]+$/;

/** The token of `file`. Throws `RouterError` where there is none that could be shown. */
export function tokenIn(file: FileText): string {
  const token = file.read();
  if (TOKEN.test(token)) return token;
  throw new RouterError("internal", "The token file holds no token");
}
