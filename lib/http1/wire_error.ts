/** Bytes that are not HTTP/1.1, or more of them than there may be. @module */

/** A breach of HTTP/1.1 in what the other side sent; says what, and leaves the side to the catcher. */
export class WireError extends Error {
  override readonly name = "WireError";
  /** True where a limit was passed, false where no message looks like that. */
  readonly tooLarge: boolean;

  constructor(message: string, { tooLarge = false } = {}) {
    super(message);
    this.tooLarge = tooLarge;
  }
}
