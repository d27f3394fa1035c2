/** What `deno.json` says of the program. @module */
import { z } from "zod";

/** The parts of `deno.json` that a compiled program keeps. */
export interface Project {
  readonly version: string;
  /** The main module, relative to the project's folder. */
  readonly entry: string;
  /** Names of unstable features it needs. */
  readonly unstable: readonly string[];
}

const PROJECT = z.object({
  version: z.string(),
  exports: z.string(),
  unstable: z.array(z.string()).default([]),
});

/** Read the text of a `deno.json`. Throws when it is not JSON or a part is missing. */
export function parseProject(text: string): Project {
  const { version, exports, unstable } = PROJECT.parse(JSON.parse(text));
  return { version, entry: exports, unstable };
}
