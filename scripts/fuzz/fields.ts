/** Header fields out of text. @module */
import type { FrontHeaders } from "../../lib/front/mod.ts";
import type { HeaderField } from "../../lib/upstream/mod.ts";

/** `fields` as fronts hand them on: under lower-case names, several of one name joined. */
export function fieldsOf(fields: readonly HeaderField[]): FrontHeaders {
  const joined = new Map<string, string>();
  for (const [name, value] of fields) {
    const before = joined.get(name.toLowerCase());
    joined.set(name.toLowerCase(), before === undefined ? value : `${before}, ${value}`);
  }
  return { get: (name) => joined.get(name), [Symbol.iterator]: () => joined[Symbol.iterator]() };
}

const NAME = /^[\w!#$%&'*+.^`|~-]+$/;
const VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;

/** The fields in lines of `text`, as a head can hold them: what could not arrive is left out. */
export function fieldsIn(text: string): HeaderField[] {
  return text.split("\n").flatMap((line): HeaderField[] => {
    const colon = line.indexOf(":");
    const [name, value] = [line.slice(0, Math.max(0, colon)), line.slice(colon + 1).trim()];
    return NAME.test(name) && VALUE.test(value) ? [[name.toLowerCase(), value]] : [];
  });
}
