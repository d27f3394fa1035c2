/** The report of `pd-router check`: what is in force, where it comes from, and what is wrong. @module */
import type { Engine } from "../base/mod.ts";
import {
  type ConfigResult,
  ENVIRONMENT_ONLY,
  FLAG_GROUPS,
  type Handoff,
  problemText,
  type Setting,
} from "../config/mod.ts";

/** Widest value that keeps the next column in line. */
const VALUE_WIDTH = 36;

/** The report's text. Secrets are masked; `env` is asked only whether they are set. */
export function checkReport(
  result: ConfigResult,
  env: (name: string) => string | undefined,
): string {
  const engines = result.ok ? result.config.engines : result.engines;
  const problems = result.ok ? [] : result.problems;
  const settings = new Map(result.settings.map((setting) => [setting.flag.name, setting]));
  const groups = FLAG_GROUPS.flatMap((group) => {
    const shown = group.flags.flatMap((flag) => settings.get(flag.name) ?? []).filter(isOfInterest);
    return shown.length === 0 ? [] : [section(group.title, shown.map(settingRow))];
  });
  const secrets = ENVIRONMENT_ONLY.map(({ name }) => {
    const isSet = (env(name) ?? "") !== "";
    return row(name, isSet ? "***" : "", isSet ? "environment" : "default");
  });
  return [
    ...groups,
    section("Environment only", secrets),
    ...(result.ok ? [section("Handoffs", [handoffText(result.config.handoff)])] : []),
    section(`Engines in use (${engines.length})`, engines.map(engineRow)),
    problems.length === 0
      ? "No problems"
      : section(`Problems (${problems.length})`, problems.map((problem) => problemText(problem))),
  ].join("\n\n");
}

/** How KV moves, and what that asks of the engines. */
export function handoffText(handoff: Handoff): string {
  switch (handoff.kind) {
    case "none":
      return "none: each request is served by one engine";
    case "lmcache":
      return "lmcache: prefill engines write KV to decode engines and notify " +
        `${handoff.proxy.host}:${handoff.proxy.port}`;
    case "nixl":
      return "nixl: decode engines read KV from prefill engines (vLLM's NixlConnector)";
    case "shared_storage":
      return "shared_storage: engines share a store; LMCache over NIXL needs --nixl-proxy-host";
    default:
      return handoff satisfies never;
  }
}

const FIRST_TOKENS = {
  prefill: "first token from the prefill engine",
  decode: "first token from the decode engine",
  both: "first token from either engine",
} as const;

/** One engine's role, address and where KV is written to it. */
export function engineText(engine: Engine): string {
  const models = engine.models.length === 0
    ? "models as the engine says"
    : `models ${engine.models.join(", ")}`;
  const parts = [`${engine.role} ${engine.url}`, models];
  if (engine.kvProtocol !== undefined) parts.push(`KV by ${engine.kvProtocol}`);
  if (engine.notifications !== undefined) parts.push(`${engine.notifications} notifications`);
  if (engine.nixl !== undefined) {
    const { host, initPorts, allocPorts, queryPorts, firstToken } = engine.nixl;
    parts.push(`KV to ${host}, init ${initPorts.join(",")}, alloc ${allocPorts.join(",")}`);
    if (queryPorts !== undefined) parts.push(`query ${queryPorts.join(",")}`);
    parts.push(FIRST_TOKENS[firstToken]);
  }
  return parts.join(", ");
}

/** Flags without effect are shown only when they were given. */
function isOfInterest(setting: Setting): boolean {
  return setting.source !== "default" || isSupported(setting);
}

function isSupported({ flag }: Setting): boolean {
  return flag.status !== "unsupported" && flag.status !== "without-effect";
}

function settingRow(setting: Setting): string {
  const remark = setting.valid ? "" : "; not valid";
  return row(setting.flag.name, setting.text, sourceText(setting) + remark);
}

function sourceText({ source, where }: Setting): string {
  switch (source) {
    case "environment":
      return `environment, ${where}`;
    case "implied":
      return "implied by --prefill or --decode";
    case "flag":
    case "file":
    case "default":
      return source;
    default:
      return source satisfies never;
  }
}

function engineRow(engine: Engine): string {
  return `${engine.id}: ${engineText(engine)}`;
}

function row(name: string, value: string, source: string): string {
  return `${name.padEnd(24)} ${(value === "" ? "-" : value).padEnd(VALUE_WIDTH)} ${source}`;
}

function section(title: string, rows: readonly string[]): string {
  return [title, ...rows.map((line) => `  ${line}`)].join("\n");
}
