/** Where replicas meet, from settings. @module */
import { type ClusterOptions, parseClusterUrl } from "./cluster.ts";
import type { Problem } from "./problem.ts";
import type { Settings } from "./settings.ts";

/** What is wrong with the settings. */
export function clusterProblems(settings: Settings): readonly Problem[] {
  const problems: Problem[] = [];
  const { where, text, value } = settings.get("cluster");
  if (typeof value === "string") {
    const parsed = parseClusterUrl(value);
    if (!parsed.ok) problems.push({ key: where, value: text, message: parsed.message });
  }
  const name = settings.get("cluster-name");
  if (!/^[\w.:-]{1,64}$/.test(String(name.value))) {
    const message = "expected 1 to 64 letters, digits, `_`, `.`, `:` and `-`";
    problems.push({ key: name.where, value: name.text, message });
  }
  return problems;
}

/** What `--cluster` says; nothing for a router by itself. */
export function clusterOptions(settings: Settings): { readonly cluster?: ClusterOptions } {
  const text = settings.optional("cluster");
  const server = text === undefined ? undefined : parseClusterUrl(text);
  if (!server?.ok) return {};
  return { cluster: { ...server.value, name: settings.text("cluster-name") } };
}
