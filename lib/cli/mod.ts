/**
 * The command line: argv, environment, files, signals and standard streams in, an exit code out.
 *
 * Starts the router and its simulated engines; of how they work it knows what `explain` and the
 * pictures of `demo` tell.
 * @module
 */
export { main } from "./main.ts";
