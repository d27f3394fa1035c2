/** How a batch of spans reaches the collector. @module */
import type { ByteParts } from "../base/mod.ts";

/** What came of one attempt to hand a batch over. */
export type Delivery =
  | {
    readonly kind: "taken";
    /** Spans that the collector refuses. */
    readonly refused: number;
    /** Why. */
    readonly why?: string | undefined;
  }
  /** It may be taken later. */
  | { readonly kind: "later"; readonly why: string; readonly afterMs?: number | undefined }
  /** It never will be. */
  | { readonly kind: "refused"; readonly why: string };

/** A way to a collector. Disposing it closes its connections. */
export interface Transport extends Disposable {
  /** Hand a batch over, an `ExportTraceServiceRequest`. Never rejects; `signal` ends it at any point. */
  send(batch: ByteParts, signal: AbortSignal): Promise<Delivery>;
}
