/** Where a configuration comes from, and what reading it again comes to. @module */
import type { Resolved } from "./plan.ts";

/** What was read: all of it right, or everything that is wrong with it. */
export type ConfigRead<Hooks> =
  & {
    /** Digest of the files that are watched, as they were read. */
    readonly digest: string;
  }
  & (
    | { readonly ok: true; readonly loaded: Loaded<Hooks> }
    | { readonly ok: false; readonly problems: readonly string[] }
  );

/** A configuration that can be taken. */
export interface Loaded<Hooks> extends Resolved {
  /** What an operator should know of it. */
  readonly notes: readonly string[];
  /** The operator's own modules, imported; the same value as long as they say the same. */
  readonly hooks: Hooks;
}

/** Whatever can read the configuration again. */
export interface ConfigOrigin<Hooks> {
  /** What the router was started with. */
  readonly start: { readonly digest: string; readonly loaded: Loaded<Hooks> };
  /** Read it all; rejects for faults of the program alone. */
  read(): Promise<ConfigRead<Hooks>>;
  /** Digest of the files that are watched, as they are; undefined where there are none. */
  readonly look?: (() => Promise<string>) | undefined;
  /** Told of what is in force from here on. */
  taken(loaded: Resolved): void;
}

/** What a reload has come to. */
export interface ReloadReport {
  /**
   * `applied`: something has changed; `unchanged`: nothing that could be taken; `refused`: everything
   * is as before, for `problems`.
   */
  readonly result: "applied" | "unchanged" | "refused";
  /** Names of what has changed: flags without dashes, `engines`, ... */
  readonly applied: readonly string[];
  /** Names of what differs from what is in force, and needs a start. */
  readonly restart: readonly string[];
  readonly problems: readonly string[];
}
