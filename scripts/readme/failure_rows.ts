/** The table of failures: what comes of each, up to the wait for KV. The rest follows. @module */
import type { ByShape, FailureRow, FlightEnd, Then } from "./failures.ts";
import { DECODE_ROWS } from "./failure_rows_decode.ts";
import { DIRECT_ROWS } from "./failure_rows_direct.ts";
import { RIGHT, TIMED_OUT, UNREACHABLE, WORDS } from "./failure_values.ts";

const WELL: ByShape<FlightEnd> = { all: { end: "ok" } };
const REFUSED: ByShape<FlightEnd> = { all: { end: "ok", status: 400 } };
const FULL: ByShape<FlightEnd> = { all: { end: "failed", root: "prefill-failed", status: 503 } };
const ON: ByShape<Then> = { all: "on" };

const PREFILL_FAILED = {
  gets: RIGHT,
  direct: "right",
  then: { all: "p2 d2" },
  freed: { all: "drained", nixl: "nothing_moved" },
} as const satisfies Partial<FailureRow>;

const PREFILL_ERROR = { all: "prefill prefill-failed" } as const;
const PREFILL_LATE = { all: "prefill upstream-timeout" } as const;
const TOKENIZE_ERROR = { all: "tokenize tokenize-failed" } as const;

const TOKENIZE_FAILED = {
  gets: RIGHT,
  direct: "right",
  then: { all: "t2 p2 d1" },
  errors: TOKENIZE_ERROR,
} as const satisfies Partial<FailureRow>;

const UNCONNECTED = {
  gets: RIGHT,
  alone: { all: "502" },
  direct: "right",
  then: { all: "p2 d1" },
  freed: { all: "nothing_moved" },
  errors: PREFILL_ERROR,
  flight: UNREACHABLE,
} as const satisfies Partial<FailureRow>;

const PREFILL_ROWS: readonly FailureRow[] = [
  { ...UNCONNECTED, cells: [["connect", "refused", "reset"]] },
  {
    ...UNCONNECTED,
    cells: [["connect", "frozen", "timed out"]],
    after: { all: "--connect-timeout" },
  },
  {
    cells: [
      ["connect", "restart"],
      ["decode connect", "restart"],
      ["direct connect", "restart"],
    ],
    gets: RIGHT,
    alone: RIGHT,
    then: ON,
    flight: WELL,
  },
  {
    ...TOKENIZE_FAILED,
    cells: [["tokenize", "refused"]],
    alone: { all: "502" },
    flight: UNREACHABLE,
  },
  {
    ...TOKENIZE_FAILED,
    cells: [["tokenize", "reset", "other 5xx", "bad body"]],
    alone: { all: "502" },
    flight: { all: { end: "failed", root: "tokenize-failed" } },
  },
  {
    ...TOKENIZE_FAILED,
    cells: [["tokenize", "frozen"]],
    alone: { all: "504" },
    after: { all: "--frozen-after" },
    silent: true,
    flight: TIMED_OUT,
  },
  {
    ...TOKENIZE_FAILED,
    cells: [["tokenize", "timed out"]],
    alone: { all: "504" },
    after: { all: "--tokenize-timeout" },
    flight: TIMED_OUT,
  },
  {
    cells: [["tokenize", "4xx"]],
    gets: RIGHT,
    alone: RIGHT,
    then: { all: "one" },
    reason: "tokenize_refused",
    flight: REFUSED,
  },
  {
    cells: [["tokenize", "429", "503"]],
    gets: RIGHT,
    alone: WORDS,
    then: { all: "t2 p2 d1" },
    errors: TOKENIZE_ERROR,
    flight: { all: { end: "failed", root: "tokenize-failed", status: 429 } },
  },
  {
    cells: [["tokenize", "restart"]],
    gets: RIGHT,
    alone: RIGHT,
    then: { all: "t1 on" },
    flight: WELL,
  },
  {
    ...PREFILL_FAILED,
    cells: [
      ["prefill before its answer", "reset", "other 5xx", "bad body"],
      ["prefill within its answer", "reset", "other 5xx", "bad body", "restart"],
    ],
    alone: { all: "502" },
    errors: PREFILL_ERROR,
    flight: { all: { end: "failed", root: "prefill-failed" } },
  },
  {
    ...PREFILL_FAILED,
    cells: [["prefill before its answer", "frozen"]],
    alone: { all: "504" },
    errors: PREFILL_LATE,
    after: { all: "--frozen-after" },
    silent: true,
    flight: TIMED_OUT,
  },
  {
    ...PREFILL_FAILED,
    cells: [["prefill before its answer", "timed out"]],
    alone: { all: "504" },
    errors: PREFILL_LATE,
    after: { all: "--prefill-timeout" },
    flight: TIMED_OUT,
  },
  {
    ...PREFILL_FAILED,
    cells: [["prefill within its answer", "frozen", "timed out"]],
    alone: { all: "504" },
    errors: PREFILL_LATE,
    after: { all: "--stream-idle-timeout" },
    flight: TIMED_OUT,
  },
  {
    cells: [["prefill before its answer", "4xx"]],
    gets: WORDS,
    alone: WORDS,
    then: { all: "" },
    flight: REFUSED,
  },
  {
    cells: [["prefill within its answer", "4xx"]],
    gets: WORDS,
    alone: WORDS,
    then: { all: "" },
    flight: WELL,
  },
  {
    cells: [["prefill before its answer", "429"]],
    gets: RIGHT,
    alone: WORDS,
    then: { all: "p2 d1" },
    flight: { all: { end: "ok", status: 429 } },
  },
  {
    cells: [["prefill within its answer", "429"]],
    gets: RIGHT,
    alone: WORDS,
    then: { all: "p2 d1" },
    flight: WELL,
  },
  {
    cells: [["prefill before its answer", "503"]],
    gets: RIGHT,
    alone: WORDS,
    then: { all: "p2 d2" },
    freed: { all: "nothing_moved" },
    errors: PREFILL_ERROR,
    flight: FULL,
  },
  {
    cells: [["prefill within its answer", "503"]],
    gets: RIGHT,
    alone: WORDS,
    then: { all: "p2 d2" },
    freed: { all: "drained", nixl: "nothing_moved" },
    errors: PREFILL_ERROR,
    flight: FULL,
  },
  {
    cells: [["prefill before its answer", "restart"]],
    gets: RIGHT,
    alone: RIGHT,
    then: { all: "p2 d2" },
    aloneThen: { all: "p1 d1" },
    freed: { all: "drained", nixl: "nothing_moved" },
    errors: PREFILL_ERROR,
    flight: { all: { end: "failed", root: "upstream-lost" } },
  },
  {
    cells: [["KV wait", "frozen", "timed out", "bad body", "restart"]],
    gets: { all: "right", p1Stream: "event: 504" },
    alone: { all: "504", p1Stream: "event: 504" },
    direct: "right",
    then: { all: "p2 d2" },
    freed: { all: "drained" },
    after: { all: "--nixl-kv-ready-timeout" },
    flight: { all: { end: "failed", root: "kv-timeout" } },
  },
];

/** All rows, in the order of their phases. */
export const FAILURE_ROWS: readonly FailureRow[] = [
  ...PREFILL_ROWS,
  ...DECODE_ROWS,
  ...DIRECT_ROWS,
];
