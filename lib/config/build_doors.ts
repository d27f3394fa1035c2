/** The record of doors from settings that are known to be right. @module */
import { type Network, parseNetwork, sha256 } from "../base/mod.ts";
import type { DoorOptions, KeyOptions, PairFiles } from "./doors.ts";
import { PROTECTABLE } from "./flags_doors.ts";
import type { Settings } from "./settings.ts";

/** The record that checked `settings` amount to; `keys` are all that were given one by one. */
export function doorOptions(settings: Settings, keys: readonly string[]): DoorOptions {
  const file = settings.optional("api-keys-file");
  const tls = pairOf(settings, "tls-cert", "tls-key");
  const clientCa = settings.optional("tls-client-ca");
  const client = pairOf(settings, "engine-tls-cert", "engine-tls-key");
  const serverName = settings.optional("engine-tls-server-name");
  const perAddress = settings.number("nixl-proxy-max-per-address");
  return {
    keys: {
      given: [...new Set(keys)].map(sha256),
      ...(file === undefined ? {} : { file }),
      open: openEndpoints(settings.list("protect")),
    },
    ...(tls === undefined
      ? {}
      : { tls: { ...tls, ...(clientCa === undefined ? {} : { clientCa }) } }),
    engineTls: {
      ...(client === undefined ? {} : { client }),
      ...(serverName === undefined ? {} : { serverName: serverName.replace(/^\[(.*)\]$/, "$1") }),
    },
    allowLinkLocalEngines: settings.on("allow-link-local-engines"),
    notifications: {
      allow: networksOf(settings.list("nixl-proxy-allow")),
      maxPerAddress: perAddress === 0 ? Infinity : perAddress,
    },
    trustedProxies: networksOf(settings.list("trusted-proxies")),
  };
}

/** The keys of `text`, separated by commas or white space, as a variable has them. */
export function splitKeys(text: string | undefined): readonly string[] {
  return (text ?? "").split(/[\s,]+/).filter((key) => key !== "");
}

/** The endpoints that stay open where `protect` says what it says; later items win. */
function openEndpoints(protect: readonly string[]): KeyOptions["open"] {
  const open = new Set<(typeof PROTECTABLE)[number]>(["/metrics", "/version"]);
  for (const item of protect) {
    for (const path of PROTECTABLE) {
      if (item === "all" || item === path) open.delete(path);
      else if (item === `!${path}`) open.add(path);
    }
  }
  return [...open];
}

function pairOf(
  settings: Settings,
  certName: "tls-cert" | "engine-tls-cert",
  keyName: "tls-key" | "engine-tls-key",
): PairFiles | undefined {
  const cert = settings.optional(certName);
  const key = settings.optional(keyName);
  return cert === undefined || key === undefined ? undefined : { cert, key };
}

function networksOf(texts: readonly string[]): readonly Network[] {
  return texts.flatMap((text) => parseNetwork(text) ?? []);
}
