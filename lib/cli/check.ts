/** The report of `pd-router check`: what is in force, where it comes from, and what is wrong. @module */
import { type Engine, KV_PROTOCOLS, type Mode } from "../base/mod.ts";
import {
  type ConfigResult,
  ENVIRONMENT_ONLY,
  FLAG_GROUPS,
  type Handoff,
  type KubernetesOptions,
  problemText,
  type Setting,
} from "../config/mod.ts";
import { neededPermissions } from "./permissions.ts";

/** Widest value that keeps the next column in line. */
const VALUE_WIDTH = 36;

/** The report's text. Secrets are masked; `env` is asked only whether they are set. */
export function checkReport(
  result: ConfigResult,
  env: (name: string) => string | undefined,
): string {
  const engines = result.ok ? result.config.engines : result.engines;
  const problems = result.ok ? [] : result.problems;
  const usual = usualOf(result);
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
    ...foundIn(result),
    section("Permissions", neededPermissions(result)),
    section(`Engines in use (${engines.length})`, engines.map((one) => engineRow(one, usual))),
    problems.length === 0
      ? "No problems"
      : section(`Problems (${problems.length})`, problems.map((problem) => problemText(problem))),
  ].join("\n\n");
}

function foundIn(result: ConfigResult): readonly string[] {
  const { kubernetes } = result.ok ? result.config.discovery : {};
  return kubernetes === undefined ? [] : [section("Engines besides", [foundText(kubernetes)])];
}

/** Which engines are found in Kubernetes. */
export function foundText({ by, selector, namespace, access }: KubernetesOptions): string {
  const what = by === "pod" ? "pods" : "Services";
  return `found in Kubernetes: ${what} with ${selector} in the namespace ${namespace}, by ` +
    access.url;
}

/** How KV moves but for engines that say otherwise; most of those there are where it is not known. */
function usualOf(result: ConfigResult): Handoff["kind"] {
  if (result.ok) return result.config.handoff.kind;
  return result.engines.find(({ kv }) => kv !== "none")?.kv ?? "none";
}

/** How KV moves, and what that asks of the engines. */
export function handoffText(handoff: Handoff): string {
  switch (handoff.kind) {
    case "none":
      return "none: each request is served by one engine";
    case "lmcache":
      return `${handoff.kind}: prefill engines write KV to decode engines and notify ` +
        `${handoff.proxy.host}:${handoff.proxy.port}`;
    default:
      return `${handoff.kind}: ${KV_PROTOCOLS[handoff.kind].how}`;
  }
}

const FIRST_TOKENS = {
  p1: "first token from the prefill engine",
  d1: "first token from the decode engine",
} as const satisfies Readonly<Record<Mode, string>>;

function firstTokenText(modes: readonly Mode[]): string {
  const [only] = modes;
  return only !== undefined && modes.length === 1
    ? FIRST_TOKENS[only]
    : "first token from either engine";
}

/** One engine's role, address and where KV is written to it; `usual` is how KV moves elsewhere. */
export function engineText(engine: Engine, usual: Handoff["kind"]): string {
  const models = engine.models.length === 0
    ? "models as the engine says"
    : `models ${engine.models.join(", ")}`;
  const parts = [`${engine.role} ${engine.url}`, models];
  if (engine.kv !== usual) parts.push(`KV by ${engine.kv}`);
  if (engine.notifications !== undefined) parts.push(`${engine.notifications} notifications`);
  if (engine.nixl !== undefined) {
    const { host, initPorts, allocPorts, queryPorts, modes } = engine.nixl;
    parts.push(`KV to ${host}, init ${initPorts.join(",")}, alloc ${allocPorts.join(",")}`);
    if (queryPorts !== undefined) parts.push(`query ${queryPorts.join(",")}`);
    parts.push(firstTokenText(modes));
  }
  return parts.join(", ");
}

/** Flags without effect are shown only when they were given. */
function isOfInterest(setting: Setting): boolean {
  return setting.source !== "default" || isSupported(setting);
}

function isSupported({ flag }: Setting): boolean {
  return flag.status === undefined;
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
      return "implied by --prefill or --decode, or by --both";
    case "flag":
    case "file":
    case "default":
      return source;
    default:
      return source satisfies never;
  }
}

function engineRow(engine: Engine, usual: Handoff["kind"]): string {
  return `${engine.id}: ${engineText(engine, usual)}`;
}

function row(name: string, value: string, source: string): string {
  return `${name.padEnd(24)} ${(value === "" ? "-" : value).padEnd(VALUE_WIDTH)} ${source}`;
}

function section(title: string, rows: readonly string[]): string {
  return [title, ...rows.map((line) => `  ${line}`)].join("\n");
}
