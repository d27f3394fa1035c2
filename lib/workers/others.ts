/** The other routers that are seen as one with this one, as the router knows them. @module */
import type { AskedEverywhere, Everywhere, HandChanges, JsonAnswer } from "../admin/mod.ts";
import type { ToldOfItself, Whole } from "../http/mod.ts";
import type { AskParts, LivePart } from "../observe/mod.ts";
import type { Answer } from "../request/mod.ts";

/** What one router gives for all. */
export interface OwnPart {
  /** What it tells of itself. */
  tell(what: ToldOfItself): Answer | Promise<Answer>;
  /** Absent where it has no admin API. */
  readonly admin?: {
    /** Do what was asked of another. Throws `RouterError`. */
    do(asked: AskedEverywhere, signal: AbortSignal): Promise<JsonAnswer>;
    /** What was changed by hand. */
    changes(): HandChanges;
    /** What it tells at this moment, with requests behind the first `known`; undefined for none. */
    live(known: number | undefined): LivePart;
  } | undefined;
}

/** What one router has of the others. */
export interface OtherRouters extends Whole {
  /** What was changed by hand in them before this one. */
  readonly changes: HandChanges | undefined;
  /** By which all of them call engines the same. */
  readonly secret: string;
  /** A number for a request that has come: no other of theirs has it, and later ones have greater ones. */
  readonly nextNumber: () => number;
  readonly everywhere: Everywhere;
  /** What all tell at a moment. */
  readonly live: AskParts;
  /** The router is there: it gives its part. */
  attach(own: OwnPart): void;
}
