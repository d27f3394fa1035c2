/** Forms, read for where their parts are. @module */
import { RouterError } from "../../../lib/base/mod.ts";
import { type FormPart, scanningForm } from "../../../lib/http/multipart.ts";
import type { Corpus } from "../mutate.ts";
import { difference, outcomeOf, slicesFor, within } from "../outcome.ts";
import { parserTarget, type Verdict } from "../parser_target.ts";
import type { FuzzTarget } from "../target.ts";

/** Reads a form. Throws `RouterError` `bad-request`. */
export type ReadForm = typeof scanningForm;

const HEAD = "Content-Disposition: form-data; name=";

const FORMS: Corpus = {
  seeds: [
    `--B\r\n${HEAD}"model"\r\n\r\nm\r\n--B--\r\n`,
    `--B\r\n${HEAD}"file"; filename="a.wav"\r\nContent-Type: audio/wav\r\n\r\n\r\n--b\r\n\r\n--B` +
    `\r\n${HEAD}model\r\n\r\n\r\n--B--`,
    `before\r\n--B \t\r\n${HEAD}"a\\"b"\r\n\r\n1\r\n--Bc\r\n\r\n--B--after`,
    `--B\r\n${HEAD}"a"; name*=UTF-8''b\r\n\r\n1\r\n--B--`,
    "--B--",
  ],
  words: ["\r\n", "\r\n\r\n", "--B", "\r\n--B\r\n", "\r\n--B--", HEAD, '"a"', ";", ": ", "\r", " "],
};

/** The target, with `read` as the reader. */
export function formTarget(read: ReadForm = scanningForm): FuzzTarget {
  return parserTarget({
    name: "form",
    about: "multipart forms, beside a reader by regular expressions",
    corpus: FORMS,
    check(input) {
      const found = outcomeOf(
        () => within(slicesFor(input.length), read(input, "B")),
        RouterError,
      );
      if (found.ok) return beside(input, found.value);
      const { error } = found;
      const refused = error instanceof RouterError && error.code === "bad-request";
      return refused ? undefined : `code: ${error.message}`;
    },
  });
}

function beside(input: Uint8Array, parts: readonly FormPart[]): Verdict {
  // One character for each byte.
  const text = String.fromCharCode(...input);
  const places = parts.map(({ start, end }) => [start, end]);
  const wanted: (readonly [start: number, end: number])[] = [];
  const delimiter = /(?:^|\r\n)--B(--|[ \t]*\r\n)/g;
  let open = delimiter.exec(text);
  while (open !== null && open[1] !== "--") {
    const start = text.indexOf("\r\n\r\n", delimiter.lastIndex) + 4;
    delimiter.lastIndex = start;
    open = delimiter.exec(text);
    wanted.push([start, open?.index ?? -1]);
  }
  return difference("parts", places, wanted);
}
