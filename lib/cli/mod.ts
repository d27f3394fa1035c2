/**
 * The command line: argv, environment, files, signals and standard streams in, an exit code out.
 *
 * Knows how to start the router and its simulated engines; nothing of how they work.
 * @module
 */
export { main } from "./main.ts";
