/** Server-sent events at every cut, beside a reading of the whole text line by line. @module */
import { RouterError } from "../../../lib/base/mod.ts";
import { SseDecoder } from "../../../lib/sse/mod.ts";
import { STREAMS } from "../corpora/answers.ts";
import { cut } from "../cuts.ts";
import { difference, outcomeOf } from "../outcome.ts";
import { parserTarget } from "../parser_target.ts";
import type { FuzzTarget } from "../target.ts";
import { textOf } from "../text.ts";

/** Splits a stream into the data of its events. Throws `RouterError`. */
export type Decoder = Pick<SseDecoder, "push" | "next">;

/** Makes a decoder that tells its comments. */
export type MakeDecoder = (onComment: (line: Uint8Array) => void) => Decoder;

/** The target, with decoders that `make` makes. */
export function sseTarget(
  make: MakeDecoder = (onComment) => new SseDecoder({ onComment }),
): FuzzTarget {
  const decode = (pieces: readonly Uint8Array[]): readonly string[] => {
    const told: string[] = [];
    const decoder = make((line) => told.push(`comment ${textOf(line)}`));
    for (const piece of pieces) {
      decoder.push(piece);
      for (let data = decoder.next(); data !== undefined; data = decoder.next()) {
        told.push(`data ${textOf(data)}`);
      }
      // The buffer of a read is filled again.
      piece.fill(0x58);
    }
    return told;
  };
  return parserTarget({
    name: "sse",
    about: "streams of events at every cut, beside a reading line by line",
    corpus: STREAMS,
    check(input, random) {
      const whole = outcomeOf(() => decode([input.slice()]), RouterError);
      const pieces = outcomeOf(() => decode(cut(input, random)), RouterError);
      const events = whole.ok ? whole.value.filter((line) => line.startsWith("data ")) : whole;
      return difference("cuts", pieces, whole) ??
        difference("lines", events, eventsIn(textOf(input)).map((data) => `data ${data}`));
    },
  });
}

/** The format as its specification has it (WHATWG HTML, "Event stream interpretation"). */
function eventsIn(text: string): readonly string[] {
  const lines = text.replace(/^\xef\xbb\xbf/, "").split(/\r\n|\r|\n/);
  // What no line end follows is no line.
  lines.pop();
  const events: string[] = [];
  let data: string[] = [];
  for (const line of lines) {
    if (line === "") {
      if (data.length > 0) events.push(data.join("\n"));
      data = [];
    } else if (line === "data") data.push("");
    else if (line.startsWith("data:")) data.push(line.slice("data:".length).replace(/^ /, ""));
  }
  return events;
}
