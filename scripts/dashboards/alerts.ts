/** The alerts that are shipped, as promtool sees them. @module */
import { run } from "../real/process.ts";

const DEPLOY = new URL("../deploy/", import.meta.url);

/** Their file. */
export const ALERTS_FILE = new URL("helm/pd-router/files/alerts.yaml", DEPLOY).pathname;

const TESTS_FILE = new URL("alerts_test.yaml", DEPLOY).pathname;

/**
 * Have the promtool beside `prometheus` check the rules and run their tests; gives what it said. Rejects
 * with what is wrong.
 */
export async function checkRules(prometheus: string): Promise<string> {
  const promtool = prometheus.replace(/prometheus$/, "promtool");
  const said = [
    await run(promtool, ["check", "rules", ALERTS_FILE]),
    await run(promtool, ["test", "rules", TESTS_FILE]),
  ];
  return said.join("").trimEnd();
}
