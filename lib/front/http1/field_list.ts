/** The fields of a request, taken out of its head as they are asked for. @module */
import type { RawHead } from "../../http1/mod.ts";
import type { HeaderField } from "../../upstream/mod.ts";
import type { FrontHeaders } from "../contract/mod.ts";

/** Fields of a head whose names are in lower case already. */
export class FieldList implements FrontHeaders {
  readonly #text: string;
  readonly #marks: readonly number[];

  constructor({ text, marks }: RawHead) {
    this.#text = text;
    this.#marks = marks;
  }

  get(name: string): string | undefined {
    const marks = this.#marks;
    let value: string | undefined;
    for (let mark = 0; mark < marks.length; mark += 4) {
      const start = marks[mark] ?? 0;
      if ((marks[mark + 1] ?? 0) - start !== name.length) continue;
      if (!this.#text.startsWith(name, start)) continue;
      const next = this.#text.slice(marks[mark + 2], marks[mark + 3]);
      value = value === undefined ? next : `${value}, ${next}`;
    }
    return value;
  }

  [Symbol.iterator](): Iterator<HeaderField> {
    const fields: HeaderField[] = [];
    const text = this.#text;
    const marks = this.#marks;
    for (let mark = 0; mark < marks.length; mark += 4) {
      fields.push([
        text.slice(marks[mark], marks[mark + 1]),
        text.slice(marks[mark + 2], marks[mark + 3]),
      ]);
    }
    return fields[Symbol.iterator]();
  }
}
