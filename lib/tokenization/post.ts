/** How engines are asked about prompts. @module */
import type { ByteParts, Engine } from "../base/mod.ts";

/** A whole JSON answer of an engine. */
export interface JsonReply {
  readonly status: number;
  readonly body: Uint8Array;
}

/** On whose behalf an engine is asked: the fields it shall see, and when to give up. */
export interface Caller {
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly signal: AbortSignal;
}

/** Posts JSON to an engine; rejects with the upstream client's errors. */
export type PostJson = (
  engine: Engine,
  path: string,
  body: ByteParts,
  caller: Caller,
) => Promise<JsonReply>;
