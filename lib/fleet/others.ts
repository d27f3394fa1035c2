/** What other routers have under way at the engines of a fleet: what it needs to be told of it. @module */
import type { Engine } from "../base/mod.ts";
import type { EngineSum } from "../gossip/mod.ts";

/** What the other routers have at one engine. Disposed once the engine has gone. */
export interface Elsewhere extends Disposable {
  /** The engine as all routers call it. */
  readonly name: string;
  readonly sum: EngineSum;
  /** What this router has taken of the engine is to be told at once: little is left. */
  hurry(): void;
}

/** What the other routers have. */
export interface Others {
  at(engine: Engine): Elsewhere;
}

/** What routers that know of the same engine call it: a URL has no blanks. */
export function nameOf({ id, url }: Pick<Engine, "id" | "url">): string {
  return `${url} ${id}`;
}

/** What is called `name`. */
export function namedBy(name: string): Pick<Engine, "id" | "url"> {
  const at = name.indexOf(" ");
  return { url: name.slice(0, at), id: name.slice(at + 1) };
}
