/** Responses on the wire: heads, framing and bodies at every cut. @module */
import {
  type BodyDecoder,
  type ByteWindow,
  ChunkedBody,
  ClosingBody,
  FixedBody,
  WireError,
} from "../../../lib/http1/mod.ts";
import { responseFraming } from "../../../lib/upstream/framing.ts";
import { HeadParser } from "../../../lib/upstream/head.ts";
import { forwardResponseHeaders } from "../../../lib/upstream/mod.ts";
import { HOP_BY_HOP } from "../../../lib/upstream/headers.ts";
import { cut } from "../cuts.ts";
import type { Corpus } from "../mutate.ts";
import { difference } from "../outcome.ts";
import { parserTarget, type Verdict } from "../parser_target.ts";
import type { FuzzTarget } from "../target.ts";
import { textOf } from "../text.ts";
import { feed, type WireReader } from "../wire.ts";

/** What reads responses. */
export interface ResponseReaders {
  readonly head: () => Pick<HeadParser, "parse">;
  readonly chunked: () => BodyDecoder;
}

const READERS: ResponseReaders = {
  head: () => new HeadParser(),
  chunked: () => new ChunkedBody(),
};

const OK = "HTTP/1.1 200 OK\r\n";

const CORPUS: Corpus = {
  seeds: [
    `${OK}content-type: application/json\r\ncontent-length: 2\r\n\r\n{}`,
    `${OK}transfer-encoding: chunked\r\n\r\n5\r\nhello\r\n00A;a=b\r\n0123456789\r\n0\r\nt: u\r\n\r\n`,
    `HTTP/1.1 100 Continue\r\n\r\n${OK}content-length: 0\r\n\r\n`,
    `HTTP/1.0 200\r\nserver: x\r\n\r\nto the end`,
    `HTTP/1.1 204 No Content\r\nset-cookie: a\r\nset-cookie: b\r\n\r\n${OK}\r\n`,
    `HTTP/1.1 429 Too Many\r\nretry-after: 5\r\nConnection: close, x-a\r\nx-a: \xe9\r\n\r\n`,
    `${OK}content-length: 5, 5\r\nx:\r\nx: \t a \t\r\n\r\nhello`,
    `${OK}content-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n`,
    `${OK}transfer-encoding: gzip, chunked\r\n\r\n`,
    `${OK}content-length: 99999999999999999\r\n\r\n`,
    `${OK}Content-Length : 5\r\n\r\n`,
    `${OK}x: a\r\n folded\r\n\r\n`,
    "HTTP/1.1 200 OK\n\n",
    "HTTP/2 200\r\n\r\n",
    "SSH-2.0-OpenSSH\r\n",
    `${OK}transfer-encoding: chunked\r\n\r\nFFFFFFFFFFFFF\r\n`,
  ],
  words: [
    ...": ;,\t",
    "\r",
    "\n",
    "\r\n",
    "\r\n\r\n",
    "HTTP/1.1 ",
    "200",
    "5\r\nhello\r\n",
    "0\r\n\r\n",
    "0\r\n",
    "content-length: 5\r\n",
    "transfer-encoding: chunked\r\n",
    "connection: close\r\n",
    "chunked",
    "f",
  ],
  lineEnd: "\r\n",
};

class Responses implements WireReader {
  readonly seen: string[] = [];
  readonly #readers: ResponseReaders;
  readonly #head: Pick<HeadParser, "parse">;
  #body: BodyDecoder | undefined;
  #bytes = "";

  constructor(readers: ResponseReaders) {
    this.#readers = readers;
    this.#head = readers.head();
  }

  take(window: ByteWindow): boolean {
    return this.#guarded(() => this.#take(window));
  }

  end(): void {
    this.#guarded(() => this.#body?.end());
    this.seen.push(`end ${this.#bytes}`);
  }

  #guarded<T>(run: () => T): T {
    try {
      return run();
    } catch (error) {
      if (error instanceof WireError) this.seen.push(`refused ${error.message}`, this.#bytes);
      throw error;
    }
  }

  #take(window: ByteWindow): boolean {
    const body = this.#body;
    if (body !== undefined) {
      const part = body.take(window);
      if (part !== undefined) this.#bytes += textOf(part);
      if (body.done) this.#ended();
      return part !== undefined || body.done;
    }
    const head = this.#head.parse(window);
    if (head === undefined) return false;
    const framed = responseFraming("POST", head);
    const { framing } = framed;
    this.seen.push(JSON.stringify([head, framed, forwardResponseHeaders(head.headers)]));
    this.#body = framing.kind === "chunked"
      ? this.#readers.chunked()
      : framing.kind === "length"
      ? new FixedBody(framing.length)
      : new ClosingBody();
    if (this.#body.done) this.#ended();
    return true;
  }

  #ended(): void {
    this.seen.push(`body ${this.#bytes}`);
    this.#bytes = "";
    this.#body = undefined;
  }
}

/** The target, with `readers` in place of the router's own. */
export function responseTarget(readers: Partial<ResponseReaders> = {}): FuzzTarget {
  const all = { ...READERS, ...readers };
  const read = (pieces: readonly Uint8Array[]): readonly string[] => {
    const responses = new Responses(all);
    feed(responses, pieces, [WireError]);
    return responses.seen;
  };
  return parserTarget({
    name: "response",
    about: "heads, framing and bodies of engines' responses at every cut",
    corpus: CORPUS,
    check(input, random) {
      const whole = read([input]);
      return difference("cuts", read(cut(input, random)), whole) ??
        headProblem(textOf(input), whole);
    },
  });
}

/** Nothing that could end a line, and nothing of the connection, goes on; the head is as it came. */
function headProblem(text: string, [first = ""]: readonly string[]): Verdict {
  if (!first.startsWith("[")) return undefined;
  const [head, , forwarded] = JSON.parse(first) as [
    { readonly status: number; readonly headers: readonly [string, string][] },
    unknown,
    readonly [string, string][],
  ];
  const stray = forwarded.find(([name]) => HOP_BY_HOP.has(name.toLowerCase()));
  if (stray !== undefined) return `hop: ${stray[0]} goes on`;
  const lines = text.slice(0, text.indexOf("\r\n\r\n")).split("\r\n");
  const wanted = lines.slice(1).map((line) => {
    const colon = line.indexOf(":");
    return [line.slice(0, colon), line.slice(colon + 1).trim()];
  });
  return difference("status", String(head.status), lines[0]?.slice(9, 12)) ??
    difference("fields", head.headers, wanted);
}
