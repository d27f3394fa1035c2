/** JSON in other encodings than UTF-8, beside `TextDecoder`. @module */
import { RouterError, type Sliced } from "../../../lib/base/mod.ts";
import { toUtf8 } from "../../../lib/http/utf8.ts";
import { below } from "../chance.ts";
import { REQUESTS } from "../corpora/requests.ts";
import { difference, outcomeOf, slicesFor, within } from "../outcome.ts";
import { parserTarget, type Verdict } from "../parser_target.ts";
import type { FuzzTarget } from "../target.ts";

/** Makes UTF-8 of bytes in another encoding. Throws `RouterError` `bad-request`. */
export type Transcribe = (bytes: Uint8Array, take: (bytes: number) => void) => Sliced<Uint8Array>;

/** An encoding: the bytes of a text in it, with or without a mark. */
interface Encoding {
  readonly bytes: 2 | 4;
  readonly littleEndian: boolean;
  readonly marked: boolean;
}

/** The target, with `transcribe` as the parser. */
export function encodingsTarget(transcribe: Transcribe = toUtf8): FuzzTarget {
  const run = (bytes: Uint8Array): Verdict | Uint8Array => {
    let told = -1;
    const result = outcomeOf(
      () => within(slicesFor(bytes.length), transcribe(bytes, (size) => told = size)),
      RouterError,
    );
    if (!result.ok) return undefined;
    const { value } = result;
    const made = value.buffer !== bytes.buffer;
    return made && told !== value.length ? `size: ${told} told, ${value.length} made` : value;
  };
  return parserTarget({
    name: "encodings",
    about: "bodies in UTF-8, UTF-16 and UTF-32, beside TextDecoder",
    corpus: REQUESTS,
    check(input, random) {
      const raw = run(input);
      if (typeof raw === "string") return raw;
      // A character that is not of ASCII could be taken for a mark, if it were the first.
      const text = `{${new TextDecoder().decode(input).replaceAll("\0", "")}`;
      const encoding: Encoding = {
        bytes: random.next() < 0.5 ? 2 : 4,
        littleEndian: random.next() < 0.5,
        marked: random.next() < 0.5,
      };
      const encoded = encode(text, encoding);
      const back = run(encoded);
      if (typeof back === "string") return back;
      const wrong = difference("decoded", back && new TextDecoder().decode(back), text);
      if (wrong !== undefined) return wrong;
      const cut = run(encoded.subarray(0, below(random, encoded.length + 1)));
      return typeof cut === "string" ? cut : undefined;
    },
  });
}

function encode(text: string, { bytes, littleEndian, marked }: Encoding): Uint8Array {
  const units = bytes === 2
    ? Array.from({ length: text.length }, (_, at) => text.charCodeAt(at))
    : Array.from(text, (character) => character.codePointAt(0) ?? 0);
  const all = marked ? [0xfeff, ...units] : units;
  const encoded = new Uint8Array(all.length * bytes);
  const view = new DataView(encoded.buffer);
  for (const [index, unit] of all.entries()) {
    if (bytes === 2) view.setUint16(index * bytes, unit, littleEndian);
    else view.setUint32(index * bytes, unit, littleEndian);
  }
  return encoded;
}
