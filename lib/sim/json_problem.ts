/** Where JSON text stops being JSON, in the words of Python's `json` module. @module */

/** A place, as a count of characters, and what is wrong there. */
export interface JsonProblem {
  readonly at: number;
  readonly reason: string;
}

/** What stands where a value, a key or a separator has to be; sticky, white space before it. */
const SCALAR =
  /[ \t\n\r]*(?:"(?:[^"\\]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null)/y;

/** The problem of a text that is not JSON. */
export function jsonProblem(text: string): JsonProblem {
  const scanner = new Scanner(text);
  scanner.value();
  return scanner.problem ?? { at: scanner.next(), reason: "Extra data" };
}

class Scanner {
  problem: JsonProblem | undefined;
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  /** Index of the next character that is not white space. */
  next(): number {
    while (/[ \t\n\r]/.test(this.#text[this.#at] ?? "")) this.#at++;
    return this.#at;
  }

  /** Pass over one value; false at a problem. */
  value(): boolean {
    const start = this.next();
    const first = this.#text[start];
    if (first === "{") return this.#members("}", () => this.#member());
    if (first === "[") return this.#members("]", () => this.value());
    SCALAR.lastIndex = start;
    if (!SCALAR.test(this.#text)) return this.#fail(start, "Expecting value");
    this.#at = SCALAR.lastIndex;
    return true;
  }

  #members(close: string, member: () => boolean): boolean {
    this.#at++;
    if (this.#text[this.next()] === close) return this.#pass();
    for (;;) {
      if (!member()) return false;
      const char = this.#text[this.next()];
      if (char === close) return this.#pass();
      if (char !== ",") return this.#fail(this.#at, "Expecting ',' delimiter");
      this.#at++;
    }
  }

  #member(): boolean {
    const start = this.next();
    if (this.#text[start] !== '"') {
      return this.#fail(start, "Expecting property name enclosed in double quotes");
    }
    if (!this.value()) return false;
    if (this.#text[this.next()] !== ":") return this.#fail(this.#at, "Expecting ':' delimiter");
    this.#at++;
    return this.value();
  }

  #pass(): boolean {
    this.#at++;
    return true;
  }

  #fail(at: number, reason: string): boolean {
    this.problem ??= { at, reason };
    return false;
  }
}
