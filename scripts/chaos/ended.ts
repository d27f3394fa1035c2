/** How a request ended for its client. @module */

/** What came of a request. */
export interface Ended {
  readonly kind:
    /** The answer has come to its end. */
    | "answered"
    /** The connection broke within the answer. */
    | "broken"
    /** It broke before there was an answer. */
    | "unanswered"
    | "left"
    /** The client has waited longer than any request may take. */
    | "overdue";
  /** Of the answer's head; 0 without one. */
  readonly status: number;
  readonly contentType: string;
  /** All of the body that came. */
  readonly text: string;
  /** What broke. */
  readonly error?: string;
  /** On the clock's scale. */
  readonly beganMs: number;
  readonly endedMs: number;
  /** What happened when, for whoever has to find out why. */
  readonly history: readonly string[];
}
