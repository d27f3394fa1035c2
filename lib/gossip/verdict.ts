/** What is held against an engine or a pair, as routers tell it each other. @module */
import type { ErrorCode } from "../base/mod.ts";
import type { PeerId } from "./bus.ts";

/** Durations in milliseconds from or until the moment at which it is told. */
export interface VerdictTold {
  /** Of two the higher holds; of equal ones that of the author who is later by name. */
  readonly version: number;
  /** Who has changed it last. */
  readonly author: PeerId;
  /** Absent where it is not shut. */
  readonly shut?: ShutTold | undefined;
  /** Of an engine: why it failed its last check. */
  readonly unfit?: { readonly why: ErrorCode; readonly agoMs: number } | undefined;
}

/** It has been shut, and has not shown better since. */
export interface ShutTold {
  readonly why: ErrorCode;
  /** The pause that it has, before chance. */
  readonly pauseMs: number;
  /** Since when it is shut. */
  readonly agoMs: number;
  /** Until it may be tried. */
  readonly leftMs: number;
  /** A request of `owner` tries it. */
  readonly trial?: TrialTold | undefined;
}

/** One request finds out whether it works again. */
export interface TrialTold {
  readonly owner: PeerId;
  /** Until another may take its place. */
  readonly leftMs: number;
  /** It is being answered: others may follow. */
  readonly answering: boolean;
}

/** Whether what is told at `version` by `author` is later than `known`. */
export function isLater(
  told: Pick<VerdictTold, "version" | "author">,
  known: Pick<VerdictTold, "version" | "author">,
): boolean {
  if (told.version !== known.version) return told.version > known.version;
  return told.author > known.author;
}
