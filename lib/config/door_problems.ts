/** What is wrong with doors beyond single values: files, and what does not fit together. @module */
import { engineAddressProblem } from "../base/mod.ts";
import type { EngineDraft } from "./draft.ts";
import { API_KEYS_VARIABLE } from "./flags_doors.ts";
import { endpointProblem } from "./kv_events.ts";
import type { Problem } from "./problem.ts";
import type { Settings } from "./settings.ts";

/** What a file that a flag names must hold. */
export type FileKind = "authorities" | "certificate" | "private-key" | "api-keys";

/** Looks into files: why they cannot be used, or undefined when they can. Never tells a secret. */
export interface FileChecks {
  readonly checkFile?: (path: string, kind: FileKind) => string | undefined;
  /** Of two files that are right in themselves. */
  readonly checkPair?: (cert: string, key: string) => string | undefined;
}

/** Flags that name files which must be right at the start. */
const FILES = [
  ["tls-ca", "authorities"],
  ["tls-cert", "certificate"],
  ["tls-key", "private-key"],
  ["tls-client-ca", "certificate"],
  ["engine-tls-cert", "certificate"],
  ["engine-tls-key", "private-key"],
  ["api-keys-file", "api-keys"],
  ["k8s-ca-file", "authorities"],
  ["admin-api-keys-file", "api-keys"],
] as const;

const PAIRS = [["tls-cert", "tls-key"], ["engine-tls-cert", "engine-tls-key"]] as const;

/** The problems of files, and of pairs of them. */
export function fileProblems(settings: Settings, { checkFile, checkPair }: FileChecks): Problem[] {
  const problems: Problem[] = [];
  const broken = new Set<string>();
  for (const [name, kind] of FILES) {
    const path = settings.optional(name);
    const message = path === undefined ? undefined : checkFile?.(path, kind);
    if (path === undefined || message === undefined) continue;
    broken.add(name);
    problems.push({ key: settings.get(name).where, value: path, message });
  }
  for (const [certName, keyName] of PAIRS) {
    const [cert, key] = [settings.optional(certName), settings.optional(keyName)];
    if (cert === undefined && key === undefined) continue;
    if (cert === undefined || key === undefined) {
      const [given, missing] = key === undefined ? [certName, keyName] : [keyName, certName];
      problems.push({ key: settings.get(given).where, message: `needs --${missing} too` });
    } else if (!broken.has(certName) && !broken.has(keyName)) {
      const message = checkPair?.(cert, key);
      if (message !== undefined) problems.push({ key: settings.get(keyName).where, message });
    }
  }
  return problems;
}

/** What does not fit together; `extra` are keys of {@linkcode API_KEYS_VARIABLE}. */
export function doorProblems(settings: Settings, extra: readonly string[]): Problem[] {
  const problems: Problem[] = [];
  const given = [
    [settings.get("api-key").where, settings.list("api-key")],
    [API_KEYS_VARIABLE, extra],
  ] as const;
  for (const [key, keys] of given) {
    if (keys.every((text) => /^[\x21-\x7e]+$/.test(text))) continue;
    problems.push({ key, message: "a key holds characters that an HTTP header cannot" });
  }
  const keyed = extra.length + settings.list("api-key").length > 0 ||
    settings.get("api-keys-file").source !== "default";
  const { where } = settings.get("protect");
  if (settings.list("protect").length > 0 && !keyed) {
    problems.push({ key: where, message: "needs keys: add --api-keys-file, or --api-key" });
  }
  if (settings.optional("tls-client-ca") !== undefined && !hasPair(settings)) {
    const message = "needs --tls-cert and --tls-key too";
    problems.push({ key: settings.get("tls-client-ca").where, message });
  }
  const perAddress = settings.get("nixl-proxy-max-per-address");
  const native = settings.optional("nixl-proxy-socket") === "zeromq";
  if (native && perAddress.source !== "default" && perAddress.valid && perAddress.value !== 0) {
    const message = "libzmq cannot count the connections of one address: give 0, or " +
      "--nixl-proxy-socket builtin";
    problems.push({ key: perAddress.where, value: perAddress.text, message });
  }
  return problems;
}

function hasPair(settings: Settings): boolean {
  return settings.optional("tls-cert") !== undefined || settings.optional("tls-key") !== undefined;
}

/** Engines at addresses where there should be none. */
export function addressProblems(settings: Settings, drafts: readonly EngineDraft[]): Problem[] {
  if (settings.on("allow-link-local-engines")) return [];
  return drafts.flatMap(({ where, at: { url }, kvEvents }): Problem[] => {
    const message = engineAddressProblem(url) ?? (kvEvents && endpointProblem(kvEvents));
    return message === undefined ? [] : [{ key: where, value: url, message }];
  });
}
