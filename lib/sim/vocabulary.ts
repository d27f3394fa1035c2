/** The token table: specials, the 256 bytes, and words with a leading space. @module */

/** Special tokens in id order, from id 0. Decoding a generated text skips them, as vLLM does. */
const SPECIALS = [
  "<unk>",
  "<s>",
  "</s>",
  "<|im_start|>",
  "<|im_end|>",
  "<|image|>",
  "<pad>",
  "<|reserved_7|>",
  "<|reserved_8|>",
  "<|reserved_9|>",
] as const;

/** Ids of the special tokens the engine acts on. */
export const BOS = 1;
export const EOS = 2;
export const IM_START = 3;

/** Id of byte 0; byte `b` has id `BYTE_BASE + b`. */
export const BYTE_BASE = 16;

/** First id after the bytes. */
const WORD_BASE = BYTE_BASE + 256;

/** Tokens with a meaning of their own to the simulator; ordinary text otherwise. */
const MARKERS = [
  "[[sim:",
  "assistant",
  "user",
  "system",
  "tool",
  "<tool_call>",
  "</tool_call>",
  "<think>",
  "</think>",
] as const;

/** The token that opens a directive, see directive.ts. */
export const DIRECTIVE = WORD_BASE;
/** The role word of an assistant message. */
export const ASSISTANT = WORD_BASE + 1;

const CAPITALS =
  ("The A It We They This That When After Before Each Some Every One Most Here There " +
    "Now Then Still Near Under Over Between Nobody Everyone Morning Evening Later Soon Perhaps")
    .split(" ");

const LOWERS =
  ("the of and to in is was for on with as by at from it that this be are were an or but " +
    "not have has had his her their its they we you she he one two three four five six seven eight " +
    "nine ten first second third last next old young long short high low small large great good " +
    "quiet bright dark warm cold soft hard early late slow fast deep wide narrow open clear green " +
    "blue red white black golden silver river mountain forest field garden valley island harbour " +
    "bridge road path street house window door table chair lamp letter book page word story song " +
    "voice hand eye heart mind day night morning evening hour minute week month year season spring " +
    "summer autumn winter rain snow wind storm cloud sun moon star light shadow fire water stone " +
    "iron glass paper wood grass leaf tree root branch flower seed fruit bread salt sugar tea coffee " +
    "cup plate spoon knife boat ship sail train wheel engine machine clock bell key lock box bag " +
    "coat hat shoe shirt thread needle cloth wool child mother father brother sister friend " +
    "neighbour teacher doctor farmer sailor baker painter writer reader king queen city town village " +
    "market school library station tower wall gate roof floor stair corner room kitchen cellar walks " +
    "runs stands sits waits watches listens speaks writes reads sings works builds carries brings " +
    "takes gives finds keeps holds opens closes turns moves falls rises grows shines sleeps wakes " +
    "dreams remembers forgets returns leaves stays begins ends slowly quickly gently carefully " +
    "always never often sometimes again together alone above below beside behind through across " +
    "along around against without within while because until although where there here then once " +
    "more less much many few every each other another same different new own between under over " +
    "about into after before during since than so such only even still just almost enough")
    .split(" ");

/** Words no other text generates: a decode over KV that has not landed speaks these. */
const GARBAGE_WORDS = [" qxz", " vrkk", " zzyq", " wqpf", " jxjx", " kvkv", " xqqz", " pfpf"];

function unique(words: readonly string[]): readonly string[] {
  return [...new Set(words)];
}

const starts = unique(CAPITALS);
const spacedStarts = starts.map((word) => ` ${word}`);
const spacedWords = unique(LOWERS).map((word) => ` ${word}`);

const WORDS: readonly string[] = [
  ...MARKERS,
  ...starts,
  ...spacedStarts,
  ...spacedWords,
  ...GARBAGE_WORDS,
];

/** A range of ids: `first`, and how many from there. */
export interface IdRange {
  readonly first: number;
  readonly count: number;
}

const startsFirst = WORD_BASE + MARKERS.length;

/** Capitalised words without a leading space: they open a text or a line. */
export const START_WORDS: IdRange = { first: startsFirst, count: starts.length };
/** Capitalised words with a leading space: they open a sentence. */
export const SPACED_START_WORDS: IdRange = {
  first: startsFirst + starts.length,
  count: starts.length,
};
/** Lower-case words with a leading space. */
export const SPACED_WORDS: IdRange = {
  first: startsFirst + 2 * starts.length,
  count: spacedWords.length,
};
/** See GARBAGE_WORDS. */
export const GARBAGE: IdRange = {
  first: SPACED_WORDS.first + spacedWords.length,
  count: GARBAGE_WORDS.length,
};

/** One more than the highest id. */
export const VOCAB_SIZE = WORD_BASE + WORDS.length;

/** True for ids that are markers of structure, not text. */
export function isSpecial(id: number): boolean {
  return id < BYTE_BASE;
}

/** The byte a byte token stands for, or undefined for any other token. */
export function byteOf(id: number): number | undefined {
  return id >= BYTE_BASE && id < WORD_BASE ? id - BYTE_BASE : undefined;
}

/** Every token that is spelled as text (specials and words), as `[text, id]`. */
export function spelledTokens(): readonly (readonly [text: string, id: number])[] {
  const specials = SPECIALS.map((text, id) => [text, id] as const);
  const words = WORDS.map((text, index) => [text, WORD_BASE + index] as const);
  return [...specials, ...words];
}
