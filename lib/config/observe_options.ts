/** What is told of single requests. @module */

/** How a line of the access log looks. */
export const ACCESS_FORMATS = ["json", "text"] as const;
export type AccessFormat = typeof ACCESS_FORMATS[number];

/** What is told of single requests. */
export interface ObserveOptions {
  /** Share of requests that have a line in the access log, 0 to 1. */
  readonly accessShare: number;
  readonly accessFormat: AccessFormat;
  /** Where the lines go; absent: standard output. */
  readonly accessFile?: string;
  /** Answers tell where the time went. */
  readonly serverTiming: boolean;
  /** Requests that are kept for those who run the router. */
  readonly keepRequests: number;
}
