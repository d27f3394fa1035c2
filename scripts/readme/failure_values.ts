/** What rows of the table of failures say again and again. @module */
import type { ByShape, FlightEnd, Got } from "./failures.ts";

/** The client gets the answer. */
export const RIGHT: ByShape<Got> = { all: "right" };
/** The client gets what the engine says. */
export const WORDS: ByShape<Got> = { all: "its words" };

/** There was no connection. */
export const UNREACHABLE: ByShape<FlightEnd> = {
  all: { end: "failed", root: "upstream-unreachable" },
};
/** The engine took too long. */
export const TIMED_OUT: ByShape<FlightEnd> = { all: { end: "failed", root: "upstream-timeout" } };
/** The engine broke off, or spoke no HTTP. */
export const BROKEN: ByShape<FlightEnd> = { all: { end: "failed", root: "upstream-protocol" } };
