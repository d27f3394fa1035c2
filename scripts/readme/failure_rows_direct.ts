/** The table of failures of requests that one engine serves. @module */
import type { ByShape, FailureRow, Got } from "./failures.ts";
import { BROKEN, RIGHT, TIMED_OUT, UNREACHABLE, WORDS } from "./failure_values.ts";

const NOBODY = { all: "" } as const;
const ANOTHER = { all: "a2" } as const;
const UNCONNECTED = { all: "direct upstream-unreachable" } as const;
const PROTOCOL = { all: "direct upstream-protocol" } as const;
const LATE = { all: "direct upstream-timeout" } as const;
const TOLD: ByShape<Got> = { all: "as it came", stream: "event: its words" };
const UNREACHED = {
  gets: RIGHT,
  alone: { all: "502" },
  then: ANOTHER,
  errors: UNCONNECTED,
  flight: UNREACHABLE,
} as const satisfies Partial<FailureRow>;
const TOLD_ERROR = { all: "", stream: "direct decode-failed" } as const;

/** The one leg of a request that goes direct. */
export const DIRECT_ROWS: readonly FailureRow[] = [
  { ...UNREACHED, cells: [["direct connect", "refused", "reset"]] },
  {
    ...UNREACHED,
    cells: [["direct connect", "frozen", "timed out"]],
    after: { all: "--connect-timeout" },
  },
  {
    cells: [["direct before its first byte", "reset", "bad body"]],
    gets: RIGHT,
    alone: { all: "502" },
    then: ANOTHER,
    errors: PROTOCOL,
    flight: BROKEN,
  },
  {
    cells: [["direct before its first byte", "frozen"]],
    gets: RIGHT,
    alone: { all: "504" },
    then: ANOTHER,
    errors: LATE,
    flight: TIMED_OUT,
    after: { all: "--frozen-after" },
    silent: true,
  },
  {
    // It is at work: to ask another one as well would be twice the load.
    cells: [["direct before its first byte", "timed out"]],
    gets: { all: "504" },
    alone: { all: "504" },
    then: NOBODY,
    errors: LATE,
    flight: TIMED_OUT,
    after: { all: "--first-byte-timeout", whole: "--whole-answer-timeout" },
  },
  {
    cells: [["direct before its first byte", "4xx"]],
    gets: WORDS,
    alone: WORDS,
    then: NOBODY,
    flight: { all: { end: "ok", status: 400 } },
  },
  {
    cells: [["direct before its first byte", "429", "503"]],
    gets: RIGHT,
    alone: WORDS,
    then: ANOTHER,
    flight: { all: { end: "ok", status: 429 } },
  },
  {
    cells: [["direct before its first byte", "other 5xx"]],
    gets: RIGHT,
    alone: WORDS,
    then: ANOTHER,
    flight: { all: { end: "ok", status: 500 } },
  },
  {
    cells: [["direct before its first byte", "restart"]],
    gets: RIGHT,
    alone: RIGHT,
    then: { all: "a1" },
    flight: { all: { end: "ok" } },
  },
  {
    cells: [["direct mid-answer", "reset", "restart"]],
    gets: { ...RIGHT, stream: "event: 502" },
    alone: { all: "502", stream: "event: 502" },
    then: { ...ANOTHER, stream: "" },
    errors: PROTOCOL,
    flight: BROKEN,
  },
  {
    cells: [["direct mid-answer", "frozen", "timed out"]],
    gets: { all: "504", stream: "event: 504" },
    alone: { all: "504", stream: "event: 504" },
    then: NOBODY,
    errors: LATE,
    after: { all: "--stream-idle-timeout" },
    flight: TIMED_OUT,
  },
  {
    cells: [["direct mid-answer", "4xx", "429"]],
    gets: TOLD,
    alone: TOLD,
    then: NOBODY,
    flight: { all: { end: "ok" } },
  },
  {
    cells: [["direct mid-answer", "503"]],
    gets: TOLD,
    alone: TOLD,
    then: NOBODY,
    errors: TOLD_ERROR,
    flight: {
      all: { end: "ok" },
      stream: { end: "failed", root: "decode-failed", status: 503 },
    },
  },
  {
    cells: [["direct mid-answer", "other 5xx"]],
    gets: TOLD,
    alone: TOLD,
    then: NOBODY,
    errors: TOLD_ERROR,
    flight: { all: { end: "ok" }, stream: { end: "failed", root: "decode-failed" } },
  },
  {
    cells: [["direct mid-answer", "bad body"]],
    gets: { all: "as it came" },
    alone: { all: "as it came" },
    then: NOBODY,
    flight: { all: { end: "ok" } },
  },
];
