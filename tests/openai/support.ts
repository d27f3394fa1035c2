/** Random JSON texts, and what the tests of this folder share. @module */
import fc from "fast-check";
import { decodeUtf8, encodeUtf8 } from "../../lib/base/mod.ts";

/** Runs of a property: the same ones each time, so that a failure is not a matter of luck. */
export const RUNS = { seed: 20_26, numRuns: 400 } as const;

/** UTF-8 bytes of `text`. */
export function bytesOf(text: string): Uint8Array {
  return encodeUtf8(text);
}

/** `value` as `JSON.parse` reads the text of `bytes`. */
export function parsed(bytes: Uint8Array): unknown {
  return JSON.parse(decodeUtf8(bytes));
}

/** `value`, which must be an object. */
export function recordOf(value: unknown): Readonly<Record<string, unknown>> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new TypeError(`Expected an object, received ${JSON.stringify(value)}`);
  }
  return Object.fromEntries(Object.entries(value));
}

/** Whether JSON text is an object, as the platform's parser sees it. */
export function isObjectText(text: string): boolean {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null && !Array.isArray(value);
  } catch {
    return false; // That it is no JSON is the answer.
  }
}

/** What makes one kind of random JSON text. */
interface TextParts {
  readonly space: fc.Arbitrary<string>;
  readonly string: fc.Arbitrary<string>;
  readonly key: fc.Arbitrary<string>;
}

/** A type and not an interface, as `fc.letrec` asks for. */
type Texts = Readonly<Record<"value" | "array" | "object", string>>;

const number = fc.oneof(
  fc.constantFrom("0", "-0", "1", "-1.5e+10", "0.000", "1E400", "12345678901234567890", "0e-0"),
  fc.stringMatching(/^-?(0|[1-9][0-9]{0,6})(\.[0-9]{1,6})?([eE][-+]?[0-9]{1,2})?$/),
);

const literal = fc.constantFrom("true", "false", "null");

function textsOf({ space, string, key }: TextParts): fc.LetrecValue<Texts> {
  const spaced = (text: fc.Arbitrary<string>): fc.Arbitrary<string> =>
    fc.tuple(space, text, space).map((pieces) => pieces.join(""));
  const listed = (
    open: string,
    item: fc.Arbitrary<string>,
    close: string,
  ): fc.Arbitrary<string> =>
    fc.oneof(
      space.map((gap) => open + gap + close),
      fc.array(spaced(item), { minLength: 1, maxLength: 5 })
        .map((items) => open + items.join(",") + close),
    );
  return fc.letrec<Texts>((tie) => ({
    value: fc.oneof(
      { maxDepth: 4, depthSize: "small" },
      number,
      literal,
      string,
      tie("array"),
      tie("object"),
    ),
    array: listed("[", tie("value"), "]"),
    object: listed(
      "{",
      fc.tuple(key, space, space, tie("value")).map(([name, before, after, value]) =>
        `${name}${before}:${after}${value}`
      ),
      "}",
    ),
  }));
}

const space = fc.stringMatching(/^[ \t\r\n]{0,3}$/);

/** Pieces of a string's inside that a scanner could trip over. */
const STRING_PIECES = [
  '\\"',
  "\\\\",
  "\\\\\\\\",
  "\\/",
  "\\b\\f\\n\\r\\t",
  "\\u0022",
  "\\u005c",
  "\\ud83d\\ude00",
  "\\ud800",
  "{",
  "}",
  "[",
  "]",
  ":",
  ",",
  "é世😀",
  "\u2028",
  "\ufeff",
  "x".repeat(31),
  "y".repeat(70),
  '\\"text\\":',
];

const string = fc.array(
  fc.oneof(fc.constantFrom(...STRING_PIECES), fc.stringMatching(/^[a-z0-9 ]{0,6}$/)),
  { maxLength: 6 },
).map((pieces) => `"${pieces.join("")}"`);

/** Keys as JSON strings: few, so that they repeat, some of them written in two ways. */
const KEYS = [
  '"a"',
  '"\\u0061"',
  '"b"',
  '"model"',
  '""',
  '"__proto__"',
  '"\\"q\\\\"',
  '"é"',
  '"1"',
];

/**
 * Keys that begin with a backslash are left out: having parsed one, the `JSON.parse` of V8 15.0
 * misreads escaped keys of other texts, and it is what the scanner is compared with.
 */
const anyKey = string.filter((text) => !/^"(\\\\|\\u005c)/.test(text));

const full = textsOf({
  space,
  string,
  key: fc.oneof({ arbitrary: fc.constantFrom(...KEYS), weight: 3 }, anyKey),
});

/** Any JSON object's text: white space, escapes and duplicate keys included. */
export const objectText: fc.Arbitrary<string> = fc
  .tuple(space, full.object, space).map((pieces) => pieces.join(""));

/** Any JSON array's text. */
export const arrayText: fc.Arbitrary<string> = full.array;

/** Any JSON value's text. */
export const valueText: fc.Arbitrary<string> = full.value;

const plainString = fc.stringMatching(/^[a-z0-9{}:,.[\]-]{0,5}$/).map((text) => `"${text}"`);
const plain = textsOf({
  space: fc.constantFrom("", "", " "),
  string: plainString,
  key: plainString,
});

/**
 * JSON objects spoilt by a few edits. Strings hold neither escapes nor control characters, so
 * whether the text is JSON depends on its structure alone.
 */
export const spoiltText: fc.Arbitrary<string> = fc.tuple(
  plain.object,
  fc.array(
    fc.record({
      at: fc.nat(),
      cut: fc.constantFrom(0, 0, 1, 2),
      put: fc.constantFrom("", ...'{}[]:,"0123456789.eE+-tn ', "true", "null", '"a":1', "01"),
    }),
    { minLength: 1, maxLength: 3 },
  ),
).map(([text, edits]) =>
  edits.reduce((spoilt, { at, cut, put }) => {
    const from = at % (spoilt.length + 1);
    return spoilt.slice(0, from) + put + spoilt.slice(from + cut);
  }, text)
);
