/**
 * What every front is to the rest of the router, and what it hands on of a request.
 *
 * Knows no front.
 * @module
 */
export * from "./front.ts";
