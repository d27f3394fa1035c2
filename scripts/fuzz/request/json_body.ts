/** Requests to generate, read for what decides on their way. @module */
import { recordOf, RouterError, type Sliced, SMALL_BYTES } from "../../../lib/base/mod.ts";
import {
  FEATURES,
  type GenerationForm,
  type GenerationRequest,
  readingGeneration,
} from "../../../lib/disagg/mod.ts";
import { invokedBy } from "../../../lib/http/invocations.ts";
import { laxBool, parsingRequest } from "../../../lib/openai/mod.ts";
import { oneIn, pick } from "../chance.ts";
import { REQUESTS } from "../corpora/requests.ts";
import { difference, outcomeOf, short, slicesFor, within } from "../outcome.ts";
import { parserTarget, type Verdict } from "../parser_target.ts";
import type { FuzzTarget } from "../target.ts";

/** Reads a body. Throws `RouterError` `bad-request`. */
export type ReadRequest = (form: GenerationForm, bytes: Uint8Array) => Sliced<GenerationRequest>;

const FORMS = ["completions", "chat", "responses", "messages"] as const;

function* readRequest(form: GenerationForm, bytes: Uint8Array): Sliced<GenerationRequest> {
  return yield* readingGeneration(form, yield* parsingRequest(bytes, { soleModel: "sole" }));
}

/** The target, with `read` as the reader. */
export function jsonBodyTarget(read: ReadRequest = readRequest): FuzzTarget {
  return parserTarget({
    name: "json-body",
    about: "bodies of requests to generate, beside JSON.parse",
    corpus: REQUESTS,
    check(input, random) {
      const form = pick(random, FORMS, "chat");
      const parse = (bytes: Uint8Array): Summary => {
        const request = within(slicesFor(bytes.length), read(form, bytes));
        for (const { present } of FEATURES) present(request);
        outcomeOf(() => invokedBy(request.body), RouterError);
        return summaryOf(request);
      };
      const found = outcomeOf(() => parse(input), RouterError);
      if (!found.ok && !isRefusal(found.error)) return `code: ${found.error.message}`;
      const beside = found.ok ? besideParse(input, found.value) : undefined;
      if (beside !== undefined || !oneIn(random, 8)) return beside;
      // What is large is read in another way.
      const padded = new Uint8Array(input.length + SMALL_BYTES + 1).fill(0x20);
      padded.set(input);
      const again = outcomeOf(() => parse(padded), RouterError);
      return difference("padded", found.ok ? found.value : "", again.ok ? again.value : "");
    },
  });
}

/** What was read, without the body itself. */
type Summary = Omit<GenerationRequest, "body">;

function summaryOf({ body: _body, ...summary }: GenerationRequest): Summary {
  return summary;
}

function isRefusal(error: Error): boolean {
  return error instanceof RouterError && error.code === "bad-request";
}

function besideParse(input: Uint8Array, { model, stream, form, prompt }: Summary): Verdict {
  const text = new TextDecoder("utf-8", { ignoreBOM: true }).decode(input);
  const parsed = outcomeOf(() => JSON.parse(text) as unknown, SyntaxError);
  const members = parsed.ok ? recordOf(parsed.value) : undefined;
  if (members === undefined) return undefined;
  const named = members["model"] ?? "";
  const wanted = [named === "" ? "sole" : named, laxBool(members["stream"] ?? false)];
  const wrong = difference("model or stream", [model, stream], wanted);
  if (wrong !== undefined || form !== "completions" || prompt.kind !== "tokens") return wrong;
  const given = members["prompt"];
  const ids = Array.isArray(given) && Array.isArray(given[0]) ? given[0] as unknown[] : given;
  return Array.isArray(ids) && ids.length !== prompt.count
    ? `prompt: ${prompt.count} ids of ${short(text)}`
    : undefined;
}
