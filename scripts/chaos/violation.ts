/** What may not happen, and has. @module */
import type { Ended } from "./ended.ts";
import type { ChaosRequest } from "./requests.ts";

/** One violation, with what there is to find out why. */
export interface Violation {
  readonly what: string;
  /** Absent where it is not about one request. */
  readonly request?: ChaosRequest;
  readonly ended?: Ended;
  /** What the router did, and logged. */
  readonly router: readonly string[];
  /** What befell the engines meanwhile. */
  readonly engines: readonly string[];
}

/** Longest text that is shown of one answer. */
const MAX_TEXT = 4_000;

/** A violation as text, for people. */
export function violationText({ what, request, ended, router, engines }: Violation): string {
  const asked = request === undefined ? [] : [
    `request ${request.id}: ${request.path} ${JSON.stringify(request.body)}`,
    `leaves: ${JSON.stringify(request.leaves) ?? "never"}, rests ${request.restMs} ms`,
  ];
  const got = ended === undefined ? [] : [
    ...listed("client", ended.history),
    `got ${ended.status} ${ended.contentType}: ${shortened(ended.text)}`,
  ];
  return [
    `VIOLATION: ${shortened(what)}`,
    ...asked,
    ...got,
    ...listed("router", router),
    ...listed("engines", engines),
  ].join("\n  ");
}

function listed(name: string, lines: readonly string[]): readonly string[] {
  return lines.map((line) => `${name}: ${line}`);
}

function shortened(text: string): string {
  return text.length <= MAX_TEXT
    ? text
    : `${text.slice(0, MAX_TEXT)}... (${text.length} characters)`;
}
