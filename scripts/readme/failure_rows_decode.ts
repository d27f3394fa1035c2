/** The table of failures, from the decode leg's connection on. @module */
import type { ByShape, FailureRow, FlightEnd, Got, Then } from "./failures.ts";
import { BROKEN, RIGHT, TIMED_OUT, UNREACHABLE } from "./failure_values.ts";

const EVENT_502: ByShape<Got> = { all: "right", p1Stream: "event: 502" };
const EVENT_504: ByShape<Got> = { all: "right", p1Stream: "event: 504" };
const ALONE_502: ByShape<Got> = { all: "502", p1Stream: "event: 502" };
const ALONE_504: ByShape<Got> = { all: "504", p1Stream: "event: 504" };
const WORDS_IN_P1: ByShape<Got> = { all: "its words", p1Stream: "event: its words" };
const WORDS: ByShape<Got> = { all: "its words", stream: "event: its words" };
/** Where a prefill engine gives KV away, it may be its fault that there is none to load. */
const ANOTHER: ByShape<Then> = { all: "p1 d2", nixl: "p2 d2" };
const OTHER_DECODE: ByShape<Then> = { all: "p1 d2" };
const READ = { all: "drained", nixl: "" } as const;
/** A whole answer is only begun when it is there, though the KV has been read then. */
const READ_AGAIN = { all: "", d1Whole: "drained", nixlWhole: "" } as const;
const GONE = { all: "failed", nixl: "" } as const;
const FAILED = { all: "decode decode-failed" } as const;
const LATE = { all: "decode upstream-timeout" } as const;
const FAULTY: ByShape<FlightEnd> = { all: { end: "failed", root: "decode-failed" } };
const REFUSED: ByShape<FlightEnd> = { all: { end: "failed", root: "decode-failed", status: 400 } };
const FULL: ByShape<FlightEnd> = { all: { end: "failed", root: "decode-failed", status: 429 } };

const UNREACHED = {
  gets: EVENT_502,
  alone: ALONE_502,
  then: ANOTHER,
  freed: GONE,
  errors: FAILED,
  flight: UNREACHABLE,
} as const satisfies Partial<FailureRow>;
/** Before its first byte. */
const SILENT = {
  gets: EVENT_504,
  alone: ALONE_504,
  then: ANOTHER,
  errors: LATE,
  flight: TIMED_OUT,
} as const satisfies Partial<FailureRow>;
/** Behind it. */
const STALLED = {
  gets: { all: "right", stream: "event: 504" },
  alone: { all: "504", stream: "event: 504" },
  then: ANOTHER,
  errors: LATE,
  after: { all: "--stream-idle-timeout" },
  flight: TIMED_OUT,
} as const satisfies Partial<FailureRow>;
/** It has no room, and says so in place of an answer. */
const NO_ROOM = {
  gets: { all: "right", p1Stream: "event: its words" },
  alone: WORDS_IN_P1,
  then: OTHER_DECODE,
  freed: READ,
  flight: FULL,
} as const satisfies Partial<FailureRow>;
/** The same behind its first byte. */
const NO_ROOM_LATER = {
  gets: { all: "right", stream: "event: its words" },
  alone: WORDS,
  then: OTHER_DECODE,
  freed: READ_AGAIN,
} as const satisfies Partial<FailureRow>;

/** The decode leg of a handoff. */
export const DECODE_ROWS: readonly FailureRow[] = [
  { ...UNREACHED, cells: [["decode connect", "refused", "reset"]] },
  {
    ...UNREACHED,
    cells: [["decode connect", "frozen", "timed out"]],
    after: { all: "--connect-timeout" },
  },
  {
    cells: [["decode before its first byte", "reset"]],
    gets: EVENT_502,
    alone: ALONE_502,
    direct: "right",
    then: ANOTHER,
    freed: READ,
    errors: FAILED,
    flight: BROKEN,
  },
  {
    ...SILENT,
    cells: [["decode before its first byte", "frozen"]],
    freed: GONE,
    after: { all: "--frozen-after" },
    silent: true,
  },
  {
    ...SILENT,
    cells: [["decode before its first byte", "timed out"]],
    direct: "right",
    freed: READ,
    after: { all: "--first-byte-timeout", d1Whole: "--whole-answer-timeout" },
  },
  {
    cells: [["decode before its first byte", "4xx"]],
    gets: { ...WORDS_IN_P1, p1Whole: "right" },
    alone: { ...WORDS_IN_P1, p1Whole: "right" },
    then: { all: "one" },
    freed: READ,
    reason: "decode_refused",
    flight: REFUSED,
  },
  { ...NO_ROOM, cells: [["decode before its first byte", "429"]] },
  { ...NO_ROOM, cells: [["decode before its first byte", "503"]], errors: FAILED },
  {
    cells: [["decode before its first byte", "other 5xx", "bad body"]],
    gets: EVENT_502,
    alone: ALONE_502,
    direct: "right",
    then: ANOTHER,
    freed: READ,
    errors: FAILED,
    flight: FAULTY,
  },
  {
    cells: [["decode before its first byte", "restart"]],
    gets: RIGHT,
    alone: RIGHT,
    then: { all: "d1", nixl: "p2 d2" },
    aloneThen: { all: "d1", nixl: "p1 d1" },
    errors: { all: "", nixl: "decode decode-failed" },
    flight: { all: { end: "ok" }, nixl: { end: "failed", root: "upstream-lost" } },
  },
  {
    cells: [["mid-stream", "reset", "restart"]],
    gets: { all: "right", stream: "event: 502" },
    alone: { all: "502", stream: "event: 502" },
    direct: "right",
    then: ANOTHER,
    freed: READ_AGAIN,
    errors: { all: "decode upstream-protocol", d1Whole: "decode decode-failed" },
    flight: BROKEN,
  },
  {
    ...STALLED,
    cells: [["mid-stream", "frozen"]],
    direct: "502",
    freed: { ...READ_AGAIN, d1Whole: "failed" },
  },
  {
    ...STALLED,
    cells: [["mid-stream", "timed out"]],
    direct: "right",
    freed: READ_AGAIN,
  },
  {
    ...NO_ROOM_LATER,
    cells: [["mid-stream", "4xx"]],
    gets: { ...WORDS, p1Whole: "right" },
    flight: { ...REFUSED, d1: { end: "ok" } },
  },
  { ...NO_ROOM_LATER, cells: [["mid-stream", "429"]], flight: { ...FULL, d1: { end: "ok" } } },
  { ...NO_ROOM_LATER, cells: [["mid-stream", "503"]], errors: FAILED, flight: FULL },
  {
    cells: [["mid-stream", "other 5xx"]],
    gets: { all: "right", p1Stream: "event: 502", d1Stream: "event: its words" },
    alone: { all: "502", p1Stream: "event: 502", d1Stream: "event: its words" },
    direct: "right",
    then: ANOTHER,
    freed: READ_AGAIN,
    errors: FAILED,
    flight: FAULTY,
  },
  {
    cells: [["mid-stream", "bad body"]],
    gets: { all: "as it came", p1Whole: "right", p1Stream: "event: 502" },
    alone: { all: "as it came", p1Whole: "502", p1Stream: "event: 502" },
    direct: "right",
    then: OTHER_DECODE,
    errors: { all: "", p1: "decode decode-failed" },
    flight: { all: { end: "ok" }, p1: { end: "failed", root: "decode-failed" } },
  },
];
