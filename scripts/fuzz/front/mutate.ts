/** Inputs made of the corpus of requests. @module */
import type { Random } from "../../../lib/base/mod.ts";
import { type Corpus, makeInput as make } from "../mutate.ts";
import { GOOD, HOSTILE } from "./corpus.ts";

/** Texts that mean something to one reader or another. */
export const FRONT_WORDS: readonly string[] = [
  " ",
  "\t",
  "\r",
  "\n",
  "\r\n",
  "\r\n\r\n",
  "\r\n ",
  "\0",
  "\x0b",
  "\x0c",
  "\x1f",
  "\x7f",
  "\x80",
  "\xa0",
  "\xff",
  ":",
  ",",
  ";",
  "=",
  '"',
  "\\",
  "#",
  "%",
  "*",
  "+",
  "-",
  "0",
  "1",
  "5",
  "0x",
  "a",
  "chunked",
  "identity",
  "close",
  "keep-alive",
  "content-length: 5\r\n",
  "content-length: 0\r\n",
  "transfer-encoding: chunked\r\n",
  "host: b\r\n",
  "connection: close\r\n",
  "expect: 100-continue\r\n",
  "upgrade: h2c\r\n",
  "HTTP/1.0",
  "HTTP/1.1",
  "GET / HTTP/1.1\r\n",
  "0\r\n\r\n",
  "5\r\nhello\r\n",
  "1;a=b\r\nx\r\n",
];

/** Good and hostile requests, as often one as the other. */
const CORPUS: Corpus = {
  seeds: [...GOOD, ...GOOD, ...GOOD, ...HOSTILE],
  words: FRONT_WORDS,
  lineEnd: "\r\n",
  maxGrownBytes: 4_000,
};

/** One input: some requests of the corpus, with up to four mutations. */
export function makeInput(random: Random): string {
  return make(random, CORPUS);
}
