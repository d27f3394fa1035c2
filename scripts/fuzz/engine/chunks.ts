/** Events of a completion's stream, read by what they have in common, beside each parsed by itself. @module */
import { concatBytes, decodeUtf8 } from "../../../lib/base/mod.ts";
import {
  CompletionChunkReader,
  type CompletionEvent,
  EventMerger,
  type MergedEvent,
} from "../../../lib/openai/mod.ts";
import { EVENTS } from "../corpora/answers.ts";
import { difference, outcomeOf } from "../outcome.ts";
import { parserTarget, type Verdict } from "../parser_target.ts";
import type { FuzzTarget } from "../target.ts";
import { bytesOf, textOf } from "../text.ts";

/** Events of one input that are looked at: what each costs is not what is looked for. */
const MAX_EVENTS = 200;

/** Reads events. Total. */
export type ChunkReader = Pick<CompletionChunkReader, "read">;
export type Merger = Pick<EventMerger, "read">;

/** The target of the reader of chunks. */
export function chunksTarget(make = (): ChunkReader => new CompletionChunkReader()): FuzzTarget {
  return parserTarget({
    name: "chunks",
    about: "events of a completion, beside each parsed by itself",
    corpus: EVENTS,
    check(input) {
      const reader = make();
      for (const line of textOf(input).split("\n", MAX_EVENTS)) {
        const data = bytesOf(line);
        const event = reader.read(data);
        const plain = new CompletionChunkReader({ parseAll: true }).read(data.slice());
        const wrong = event.kind === "text" ? textProblem(event.rawText, plain) : undefined;
        const other = event.kind === "text" ? undefined : difference("event", event, plain);
        // What was read is a view of a buffer that is filled again.
        data.fill(0x58);
        if ((wrong ?? other) !== undefined) return wrong ?? other;
      }
      return undefined;
    },
  });
}

/** Of a text, only the end was looked for: what is no JSON string may be found out by the client. */
function textProblem(rawText: Uint8Array, plain: CompletionEvent): Verdict {
  const text = outcomeOf(() => JSON.parse(`"${decodeUtf8(rawText)}"`) as unknown, SyntaxError);
  if (!text.ok) return plain.kind === "malformed" ? undefined : `text: ${plain.kind}`;
  return difference("text", text.value, plain.kind === "chunk" ? plain.chunk.text : plain.kind);
}

const IDENTITY = { id: "merged", created: 2 } as const;

/** The target of what rewrites the events of one prompt as those of a list. */
export function mergerTarget(
  make = (): Merger => new EventMerger(1, 2, IDENTITY),
): FuzzTarget {
  return parserTarget({
    name: "merger",
    about: "events rewritten for lists of prompts, beside each rewritten by itself",
    corpus: EVENTS,
    check(input) {
      const merger = make();
      for (const line of textOf(input).split("\n", MAX_EVENTS)) {
        const data = bytesOf(line);
        const event = merger.read(data);
        const alone = new EventMerger(1, 2, IDENTITY).read(data.slice());
        const wrong = difference("event", tell(event), tell(alone));
        if (wrong !== undefined) return wrong;
      }
      return undefined;
    },
  });
}

function tell(event: MergedEvent): unknown {
  switch (event.kind) {
    case "pass":
      return decodeUtf8(concatBytes(event.data));
    case "usage":
      return event.usage;
    case "error":
      return decodeUtf8(event.data);
    case "done":
    case "malformed":
      return event.kind;
    default:
      return event satisfies never;
  }
}
