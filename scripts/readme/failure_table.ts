/** The table of failures as Markdown. @module */
import type { Engine, ErrorCode } from "../../lib/base/mod.ts";
import { type Leg, lessonsOf, type Outcome } from "../../lib/fleet/mod.ts";
import { FAILURE_ROWS } from "./failure_rows.ts";
import {
  type ByShape,
  type FailureRow,
  type FlightEnd,
  type Freed,
  type Got,
  type Phase,
  RETRY_REASONS,
  type Then,
} from "./failures.ts";
import { LESSON_WORDS, table } from "./markdown.ts";

const ANY: Engine = { id: "a", url: "http://a", role: "any", models: [], kv: "none" };

/** The leg whose flight ends in a phase: of a wait for KV, that of the decode which waits for it. */
const LEGS: Readonly<Record<Phase, Leg>> = {
  "connect": "prefill",
  "tokenize": "tokenize",
  "prefill before its answer": "prefill",
  "prefill within its answer": "prefill",
  "KV wait": "decode",
  "decode connect": "decode",
  "decode before its first byte": "decode",
  "mid-stream": "decode",
  "direct connect": "direct",
  "direct before its first byte": "direct",
  "direct mid-answer": "direct",
};

/** What `lessonsOf` is told of a flight that ends so. */
export function flightOf(
  phase: Phase,
  { end, root, status }: FlightEnd,
): readonly [outcome: Outcome, root: ErrorCode | undefined] {
  const leg = LEGS[phase];
  const peer = leg === "prefill" || leg === "decode" ? ANY : undefined;
  return [{ engine: ANY, leg, peer, end, code: root, status, headMs: undefined, ms: 0 }, root];
}

const GOT: Readonly<Record<Got, string>> = {
  "right": "the answer",
  "its words": "what the engine says",
  "502": "502",
  "504": "504",
  "event: its words": "an event with what the engine says",
  "event: 502": "an event with 502",
  "event: 504": "an event with 504",
  "as it came": "what came, as it is",
};

const THEN: Readonly<Record<Then, string>> = {
  "": "",
  "on": "it goes on",
  "one": "one engine serves",
  "p2 d1": "another prefill engine, the same decode engine",
  "p2 d2": "another pair",
  "p1 d1": "the same pair",
  "p1 d2": "another decode engine, the same prefill engine",
  "d1": "the same engine, on another connection",
  "t2 p2 d1": "another prefill engine, the same decode engine",
  "t1 on": "the same engine, on another connection",
  "a1": "the same engine, on another connection",
  "a2": "another engine",
};

const FREED: Readonly<Record<Freed, string>> = {
  "": "",
  "drained": "read and thrown away",
  "nothing_moved": "none has moved",
  "failed": "cannot be read",
};

const SHAPES: readonly (readonly [key: keyof ByShape<unknown>, text: string])[] = [
  ["p1", "P1"],
  ["p1Whole", "P1 whole"],
  ["p1Stream", "P1 stream"],
  ["d1", "D1"],
  ["d1Whole", "D1 whole"],
  ["d1Stream", "D1 stream"],
  ["nixl", "`nixl`"],
  ["nixlWhole", "`nixl` whole"],
  ["nixlStream", "`nixl` stream"],
  ["whole", "whole"],
  ["stream", "stream"],
];

/** What is said of all, and of those of which something else is said. */
function byShape<T>(by: ByShape<T>, textOf: (of: T) => string): string {
  const all = textOf(by.all);
  const said = SHAPES.flatMap(([key, text]) => {
    const of = by[key];
    const what = of === undefined ? all : textOf(of);
    return what === all ? [] : [`${text}: ${what || "nothing"}`];
  });
  return [...(all === "" && said.length > 0 ? [] : [all]), ...said].join("; ");
}

function causeOf({ cells }: FailureRow): string {
  return cells.map(([phase, ...failures]) => `${phase} x ${failures.join(", ")}`).join("; ");
}

function aloneOf({ gets, alone, direct, aloneThen }: FailureRow): string {
  const others = byShape(gets, (got) => GOT[got]);
  const told = byShape(alone, (got) => GOT[got]);
  const text = told === others ? "the same" : told;
  const again = aloneThen === undefined ? "" : ` (${byShape(aloneThen, (then) => THEN[then])})`;
  const serves = direct === "right" ? "; one engine serves" : "";
  return text + again + serves;
}

function countedOf(row: FailureRow): string {
  const { errors = { all: "" }, cells: [[phase]], reason } = row;
  const [then = ""] = Object.values(row.then).filter((each) => /^(t2|p)/.test(each));
  const retried = then === "" ? [] : [`retry \`${RETRY_REASONS[phase]}\``];
  const failed = byShape(
    errors,
    (each) => each === "" ? "" : `error \`${each.replace(" ", "` `")}\``,
  );
  return [...retried, ...(reason === undefined ? [] : [`direct \`${reason}\``]), failed]
    .filter((text) => text !== "").join("; ");
}

function learntOf(row: FailureRow, of: "engine" | "pair"): string {
  const { cells: [[phase]], flight, silent } = row;
  const learnt = byShape(flight, (end) => LESSON_WORDS[lessonsOf(...flightOf(phase, end))[of]]);
  return of === "engine" && silent === true
    ? `${learnt}; shut until it shows a sign of life`
    : learnt;
}

/** Every row. */
export function failureTable(): string {
  const rows = FAILURE_ROWS.map((row) => [
    causeOf(row),
    row.after === undefined ? "" : byShape(row.after, (flag) => `\`${flag}\``),
    byShape(row.gets, (got) => GOT[got]),
    byShape(row.then, (then) => THEN[then]),
    aloneOf(row),
    byShape<Freed>(row.freed ?? { all: "" }, (freed) => FREED[freed]),
    countedOf(row),
    learntOf(row, "engine"),
    learntOf(row, "pair"),
  ]);
  return table([
    "where, and what",
    "ends after",
    "the client gets",
    "asked then",
    "where no other engine is left",
    "KV at the decode engine",
    "counted",
    "its engine",
    "its pair",
  ], rows);
}
