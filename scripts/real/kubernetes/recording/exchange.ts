/** What is kept of an API server's answers, and how it is made the same on every machine. @module */

/** Whose token is shown. */
export type Asker = "router" | "stranger" | "nobody" | "other" | "administrator";

/** One question and its answer. */
export interface KubernetesExchange {
  readonly name: string;
  readonly as: Asker;
  /** Path and query; what depends on the run is in round brackets. */
  readonly path: string;
  readonly status: number;
  readonly type: string;
  /** Of a list, or of an error. */
  readonly body?: unknown;
  /** Of a watch, in order, up to its end. */
  readonly events?: readonly unknown[];
}

/** What is asked of whoever answers. */
export interface Answered {
  readonly status: number;
  readonly type: string;
  readonly body: unknown;
}

/** What came of a watch. */
export interface Watched extends Omit<Answered, "body"> {
  /** Of an answer that is no stream. */
  readonly body?: unknown;
  readonly events: readonly WatchEvent[];
}

/** One line of a watch. */
export interface WatchEvent {
  readonly type: string;
  readonly object: {
    readonly kind?: string;
    readonly metadata?: { readonly resourceVersion?: string; readonly [field: string]: unknown };
    readonly [field: string]: unknown;
  };
}

/** Fields that servers keep for themselves, and what they put into pods that say nothing. */
const LEFT_OUT: ReadonlySet<string> = new Set(["managedFields", "spec", "generation", "qosClass"]);

/** Values that are others in every run. */
const CHANGING: Readonly<Record<string, string>> = {
  resourceVersion: "(version)",
  uid: "(uid)",
  continue: "(continue)",
  creationTimestamp: "(time)",
  deletionTimestamp: "(time)",
};

/** What is left of an answer once what depends on the run, or is read by nobody, is taken out. */
export function plain(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value === "string") return plainText(value);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).filter(([name]) => !LEFT_OUT.has(name)).map(([name, field]) => [
      name,
      typeof field === "string" && field !== "" && name in CHANGING ? CHANGING[name] : plain(field),
    ]),
  );
}

/** Versions within messages are others in every run as well. */
export function plainText(text: string): string {
  return text.replaceAll(/resource version: \d+ \(\d+\)/g, "resource version: (version) (version)")
    .replaceAll(
      /(Too large resource version: )\d+, current: \d+/g,
      "$1(version), current: (version)",
    );
}
