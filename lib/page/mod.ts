/**
 * The live page: files that a browser is given, and under which rules. What it shows it asks the admin
 * API for, as any other client does.
 *
 * Knows nothing of the router.
 * @module
 */
export { isPagePath, MAIN_PATH, pageAnswer } from "./page.ts";
