/** Who stands at a door: as much of a request as doors look at. @module */
import type { HeaderField } from "../upstream/mod.ts";

/** A request's header fields, under lower-case names. */
export interface FrontHeaders extends Iterable<HeaderField> {
  /** The value of a field by lower-case name, several joined by ", "; undefined when absent. */
  get(name: string): string | undefined;
}

/** A request whose head has arrived. */
export interface Visitor {
  readonly method: string;
  readonly headers: FrontHeaders;
  /** Where the connection comes from. */
  readonly remote: { readonly hostname: string };
}
