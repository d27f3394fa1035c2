/** Which endpoints need a key, where there are keys: all that are not told here. Pure. @module */

/**
 * What balancers and orchestrators ask, who have no key. Nothing of what they are told is a secret, nor
 * of an engine.
 */
const ALWAYS_OPEN: ReadonlySet<string> = new Set(["/health", "/healthcheck", "/ping", "/ready"]);

const MODELS = "/v1/models";

/** Whether `method` on `path`, without the root path, needs a key; `open` is open by choice. */
export function needsKey(method: string, path: string, open: readonly string[]): boolean {
  // Asks what may be asked, and gets nothing else.
  if (method === "OPTIONS" || ALWAYS_OPEN.has(path)) return false;
  return !open.some((each) => path === each || (each === MODELS && path.startsWith(`${MODELS}/`)));
}
