/** Bodies of requests as they arrive: bounded, counted, decoded. @module */
import {
  deflateRawSync,
  deflateSync,
  gunzipSync,
  gzipSync,
  inflateRawSync,
  inflateSync,
} from "node:zlib";
import { ByteBudget, RouterError } from "../../../lib/base/mod.ts";
import type { FrontBody } from "../../../lib/front/mod.ts";
import { readBody } from "../../../lib/http/body.ts";
import type { Coding } from "../../../lib/http/coding.ts";
import { oneIn, pick } from "../chance.ts";
import { REQUESTS } from "../corpora/requests.ts";
import { cut } from "../cuts.ts";
import type { Corpus } from "../mutate.ts";
import { difference, type Outcome, outcomeOfAsync } from "../outcome.ts";
import { parserTarget, type Verdict } from "../parser_target.ts";
import type { FuzzTarget } from "../target.ts";
import { textOf } from "../text.ts";

/** Reads a body. */
export type ReadBody = typeof readBody;

const LIMIT_BYTES = 32 * 1024;

/** The body of `pieces`, which are its reader's. */
function bodyOf(pieces: readonly Uint8Array[], length: number | undefined): FrontBody {
  const left = pieces.map((piece) => piece.slice());
  return { length, read: () => Promise.resolve(left.shift()) };
}

/** What reading them came to; what is counted as held has to be what is held, and given back. */
async function reading(
  read: ReadBody,
  pieces: readonly Uint8Array[],
  length: number | undefined,
  coding: Coding | undefined,
): Promise<Outcome<Uint8Array> | string> {
  const budget = new ByteBudget(2 * LIMIT_BYTES);
  const share = budget.share();
  const outcome = await outcomeOfAsync(
    () => read(bodyOf(pieces, length), LIMIT_BYTES, { share, coding }),
    RouterError,
  );
  const { held } = budget;
  if (outcome.ok && held !== outcome.value.length) return `held: ${held} counted`;
  if (outcome.ok && outcome.value.buffer.byteLength > 2 * held + 1024) return "held: not counted";
  share.release();
  return budget.held === 0 ? outcome : `held: ${budget.held} not given back`;
}

/** The target of bodies without a coding, with `read` as the reader. */
export function bodyTarget(read: ReadBody = readBody): FuzzTarget {
  return parserTarget({
    name: "body",
    about: "bodies of requests in pieces, and what is counted of them",
    corpus: REQUESTS,
    async check(input, random) {
      const length = oneIn(random, 2) ? input.length : undefined;
      const got = await reading(read, cut(input, random), length, undefined);
      if (typeof got === "string") return got;
      if (got.ok) return difference("body", got.value, input);
      return input.length > LIMIT_BYTES ? undefined : `refused: ${got.error.message}`;
    },
  });
}

const PLAIN = '{"model":"m","prompt":"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"}';
const BOMB = "a".repeat(4 * 1024 * 1024);

const CODINGS: Corpus = {
  seeds: [PLAIN, "", "a", BOMB].flatMap((text) =>
    [gzipSync, deflateSync, deflateRawSync].map((pack) => textOf(pack(text)))
  ),
  words: [...["\x1f\x8b\x08\0", "\x78\x9c", "\0\0\xff\xff", "\x01\0\0\xff\xff"], "\x03\0"],
};

/** The target of bodies with one. */
export function codingTarget(read: ReadBody = readBody): FuzzTarget {
  return parserTarget({
    name: "coding",
    about: "bodies in gzip and deflate, beside zlib in one go",
    corpus: CODINGS,
    async check(input, random) {
      const coding = pick(random, ["gzip", "deflate"] as const, "gzip");
      const pieces = cut(input, random);
      const whole = await reading(read, [input].filter((all) => all.length > 0), undefined, coding);
      const got = await reading(read, pieces, undefined, coding);
      if (typeof got === "string" || typeof whole === "string") return String(got);
      // Which of two faults comes first depends on the cuts where there is too much.
      const large = input.length > LIMIT_BYTES && !got.ok && !whole.ok;
      if (large) return undefined;
      return difference("cuts", resultOf(got), resultOf(whole)) ?? besideZlib(input, coding, whole);
    },
  });
}

function resultOf(outcome: Outcome<Uint8Array>): unknown {
  return outcome.ok ? outcome.value : outcome.error instanceof RouterError && outcome.error.code;
}

function besideZlib(input: Uint8Array, coding: Coding, got: Outcome<Uint8Array>): Verdict {
  // More than may be sent is refused before it is looked into.
  if (input.length > LIMIT_BYTES) return got.ok ? "taken: too large" : undefined;
  if (input.length === 0) return got.ok && got.value.length === 0 ? undefined : "empty: refused";
  const unpack = coding === "gzip"
    ? gunzipSync
    : ((input[0] ?? 0) & 15) === 8
    ? inflateSync
    : inflateRawSync;
  let wanted: Uint8Array | undefined;
  try {
    wanted = new Uint8Array(unpack(input, { maxOutputLength: LIMIT_BYTES }));
  } catch {
    // What it refuses, or has no room for, we refuse.
    return got.ok ? `taken: ${got.value.length} bytes` : undefined;
  }
  if (!got.ok) return `refused: ${got.error.message}`;
  return difference("decoded", got.value, wanted);
}
