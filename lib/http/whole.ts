/** Endpoints on which a router tells of itself, or of all that are seen as one with it. @module */
import type { Answer } from "../request/mod.ts";
import type { HttpDeps, ToldOfItself } from "./context.ts";
import { engines, health, metrics } from "./info.ts";
import { ready } from "./ready.ts";

const OWN: Readonly<Record<ToldOfItself, (deps: HttpDeps) => Answer | Promise<Answer>>> = {
  metrics,
  engines,
  health,
  ready,
};

/** What this router alone tells. */
export function toldOfItself(deps: HttpDeps, what: ToldOfItself): Answer | Promise<Answer> {
  return OWN[what](deps);
}

/** What a client is told. */
export function told(what: ToldOfItself): (deps: HttpDeps) => Answer | Promise<Answer> {
  return (deps) => deps.whole?.tell(what) ?? toldOfItself(deps, what);
}
