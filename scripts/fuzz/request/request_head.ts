/** Heads and bodies of requests on the wire, as the router's own front reads them. @module */
import type { Random } from "../../../lib/base/mod.ts";
import { Refusal } from "../../../lib/front/http1/refusal.ts";
import { type RequestHead, RequestHeadReader } from "../../../lib/front/http1/request_head.ts";
import { MAX_LINE_BYTES } from "../../../lib/front/http1/request_line.ts";
import { type ByteWindow, ChunkedBody, FixedBody, WireError } from "../../../lib/http1/mod.ts";
import { cut } from "../cuts.ts";
import { GOOD, HOSTILE } from "../front/corpus.ts";
import { FRONT_WORDS } from "../front/mutate.ts";
import { difference } from "../outcome.ts";
import { parserTarget, type Verdict } from "../parser_target.ts";
import type { FuzzTarget } from "../target.ts";
import { textOf } from "../text.ts";
import { feed, type WireReader } from "../wire.ts";

/** Reads heads one after the other. Throws `Refusal`. */
export type HeadReading = Pick<RequestHeadReader, "read">;

/** One connection's requests, as lines of text. */
class Requests implements WireReader {
  readonly seen: string[] = [];
  readonly #heads: HeadReading;
  readonly #long: boolean;
  #body: ChunkedBody | FixedBody | undefined;
  #bytes = "";

  /** What of a line that is too long is refused first depends on how it comes: `long` says no more. */
  constructor(heads: HeadReading, long: boolean) {
    this.#heads = heads;
    this.#long = long;
  }

  take(window: ByteWindow): boolean {
    try {
      return this.#body === undefined ? this.#head(window) : this.#more(window, this.#body);
    } catch (error) {
      if (!(error instanceof Refusal) && !(error instanceof WireError)) throw error;
      const status = error instanceof Refusal ? error.status : 400;
      // What of a body was handed on before depends on the cuts; that all of it was, does not.
      this.seen.push(this.#long ? "refused" : `refused ${status} ${error.message}`, this.#bytes);
      throw error;
    }
  }

  end(): void {
    this.seen.push(`end ${this.#bytes}`);
  }

  #head(window: ByteWindow): boolean {
    const head = this.#heads.read(window);
    if (head === undefined) return false;
    this.seen.push(tell(head));
    const { length } = head.framing;
    if (length !== 0) {
      this.#body = length === undefined ? new ChunkedBody({ strict: true }) : new FixedBody(length);
    }
    return true;
  }

  #more(window: ByteWindow, body: ChunkedBody | FixedBody): boolean {
    const part = body.take(window);
    if (part !== undefined) this.#bytes += textOf(part);
    if (body.done) {
      this.seen.push(`body ${this.#bytes}`);
      this.#bytes = "";
      this.#body = undefined;
      return true;
    }
    return part !== undefined;
  }
}

function tell({ method, target, minor, headers, framing }: RequestHead): string {
  return JSON.stringify([method, target, minor, [...headers], framing]);
}

/** The target, with `make` for what reads heads. */
export function requestHeadTarget(make = (): HeadReading => new RequestHeadReader()): FuzzTarget {
  const read = (pieces: readonly Uint8Array[]): readonly string[] => {
    const size = pieces.reduce((sum, piece) => sum + piece.length, 0);
    const requests = new Requests(make(), size > MAX_LINE_BYTES);
    feed(requests, pieces, [Refusal, WireError]);
    return requests.seen;
  };
  return parserTarget({
    name: "request-head",
    about: "heads, Expect, framing and bodies of requests at every cut",
    corpus: { seeds: [...GOOD, ...HOSTILE], words: FRONT_WORDS, lineEnd: "\r\n" },
    check(input, random: Random): Verdict {
      const whole = read([input]);
      for (const line of whole) {
        if (line.startsWith("[") && /[\0\r\n]/.test(line)) return "line: a control character";
      }
      return difference("cuts", read(cut(input, random)), whole);
    },
  });
}
