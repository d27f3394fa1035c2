/** A client, or a proxy in front, that is looked at. @module */
import type { Seen } from "./checks.ts";

/** Where it is looked at. */
export interface Scene {
  /** The router, e.g. `http://127.0.0.1:8001`. */
  readonly url: string;
  /** Folder of what is installed for these runs, absolute. */
  readonly cache: string;
  /** Folder of files and logs of this run. */
  readonly folder: string;
}

/** One that can be run. */
export interface Subject {
  readonly name: string;
  /** Find or install it: how it calls itself. Rejects, with what is to be installed, where it is not there. */
  prepare(scene: Scene): Promise<string>;
  /** Rejects where it cannot be run to its end. */
  run(scene: Scene): Promise<readonly Seen[]>;
}
