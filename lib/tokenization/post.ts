/** How engines are asked about prompts. @module */
import type { AbortWatch, ByteParts, Engine, Refusal, Spans } from "../base/mod.ts";

/** A whole JSON answer of an engine. */
export interface JsonReply {
  readonly status: number;
  readonly body: Uint8Array;
  /** Set where the client is to know the answer as it is. */
  readonly refusal?: Refusal | undefined;
}

/** On whose behalf an engine is asked: the fields it shall see, and when to give up. */
export interface Caller {
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly signal: AbortWatch;
  /** Of the request; with spans where it is traced. */
  readonly trace?: { readonly spans?: Spans | undefined } | undefined;
}

/** What an engine is asked. */
export interface Question<Found> {
  readonly path: string;
  readonly body: ByteParts;
  /** What the answer says. Throws `RouterError` where it is none: then the engine has failed. */
  readonly read: (reply: JsonReply) => Found | Promise<Found>;
  /** The error to reject with when there is no answer. */
  readonly failure: (cause: unknown) => unknown;
}

/** Posts JSON to an engine and has the answer read. Rejects with the question's own errors. */
export type PostJson = <Found>(
  engine: Engine,
  question: Question<Found>,
  caller: Caller,
) => Promise<Found>;
