/** Waiting for what another process or socket brings about. @module */
import { fail } from "./assert.ts";

/** Resolve once `holds` is true; fail with its last explanation after `timeoutMs`:
 * long by default, as what holds is waited for no longer, and machines may be busy. */
export async function eventually(
  holds: () => boolean | Promise<boolean>,
  explain: () => string = () => "condition",
  timeoutMs = 60_000,
): Promise<void> {
  const end = performance.now() + timeoutMs;
  while (!await holds()) {
    if (performance.now() > end) fail(`Not within ${timeoutMs} ms: ${explain()}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
