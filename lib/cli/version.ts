/** The version of this program. @module */
// The one place where the version is kept is outside lib/.
// deno-lint-ignore floors/imports
import manifest from "../../deno.json" with { type: "json" };

/** Name and version, as `--version` prints them. */
export const VERSION_LINE = `pd-router ${manifest.version}`;
