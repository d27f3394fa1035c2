/** JSON objects that are looked into and rewritten as bytes, beside `JSON.parse`. @module */
import { concatBytes, decodeUtf8, encodeUtf8, recordOf } from "../../../lib/base/mod.ts";
import { JsonObject, JsonScanError } from "../../../lib/openai/mod.ts";
import { JSON_CORPUS } from "../corpora/json.ts";
import { difference, outcomeOf, short } from "../outcome.ts";
import { parserTarget } from "../parser_target.ts";
import type { FuzzTarget } from "../target.ts";

/** Rewrites an object. */
export type Edit = (object: JsonObject, remove: string) => Uint8Array;

const SET = { "b": "[1]", "new\n": '"x"' };

function edited(object: JsonObject, remove: string): Uint8Array {
  return concatBytes(object.edited({ remove: new Set([remove]), set: SET }));
}

/** The target, with `edit` as what rewrites. */
export function jsonEditTarget(edit: Edit = edited): FuzzTarget {
  return parserTarget({
    name: "json-edit",
    about: "values of JSON objects, and objects rewritten by splicing",
    corpus: JSON_CORPUS,
    check(input) {
      const read = outcomeOf(() => new JsonObject(input), JsonScanError);
      if (!read.ok) return undefined;
      const object = read.value;
      const keys = [...object.keys()];
      for (const key of keys) outcomeOf(() => object.value(key), SyntaxError);
      const [remove = "a"] = keys;
      const bytes = edit(object, remove);
      const again = new JsonObject(bytes);
      if (remove in SET === false && again.member(remove) !== undefined) {
        return `kept: ${short(remove)}`;
      }
      const put = object.with("c", encodeUtf8("1"));
      if (decodeUtf8(put.bytes) !== decodeUtf8(concatBytes(put.parts))) return "parts: differ";
      const before = outcomeOf(() => JSON.parse(decodeUtf8(input)) as unknown, SyntaxError);
      if (!before.ok) return undefined;
      const { [remove]: _removed, ...kept } = recordOf(before.value) ?? {};
      const wanted = Object.entries({ ...kept, "b": [1], "new\n": "x" }).sort(byKey);
      const got = Object.entries(recordOf(JSON.parse(decodeUtf8(bytes))) ?? {}).sort(byKey);
      return difference("edited", got, wanted);
    },
  });
}

function byKey([one]: readonly [string, unknown], [other]: readonly [string, unknown]): number {
  return one < other ? -1 : one > other ? 1 : 0;
}
