/** Names whose addresses are engines, from settings. @module */
import { isDnsName, parseAddress, type Role } from "../base/mod.ts";
import { draftEngine } from "./draft.ts";
import { SPEC_KEYS, specEngine, splitSpec } from "./draft_sources.ts";
import { DNS_TYPES } from "./flags_dns.ts";
import { type Problem, withSuggestion } from "./problem.ts";
import type { DnsAddress, DnsName, DnsOptions } from "./dns_options.ts";
import type { Settings } from "./settings.ts";
import { maskUrls, parsePorts } from "./value.ts";

/** The options, absent where no names are asked for or one is wrong, and what is wrong. */
export interface DnsRead {
  readonly options?: DnsOptions;
  readonly problems: readonly Problem[];
}

/** Keys of a name's own. */
const NAME_KEYS = ["role", "port", "type", "scheme"] as const;

const ROLES = ["any", "prefill", "decode", "both"] as const satisfies readonly Role[];

/** One host is not that of all engines. */
const FIELDS_OF: Readonly<Record<Role, readonly string[]>> = {
  any: SPEC_KEYS.both,
  prefill: SPEC_KEYS.prefill,
  decode: SPEC_KEYS.decode.filter((key) => key !== "host"),
  both: SPEC_KEYS.both,
};

/** Whether engines are found by DNS. */
export function isDns(settings: Settings): boolean {
  return settings.optional("service-discovery") === "dns";
}

/** Whether some name is one of engines of `role`. */
export function namesRole(settings: Settings, role: Role): boolean {
  return settings.list("dns-name").some((spec) =>
    spec.split(";").some((part) => part.replaceAll(" ", "") === `role=${role}`)
  );
}

/** Read them. */
export function readDns(settings: Settings): DnsRead {
  const names = settings.get("dns-name");
  const discovery = settings.get("service-discovery");
  const specs = settings.list("dns-name");
  if (!isDns(settings)) {
    if (specs.length === 0 || !discovery.valid) return { problems: [] };
    const message = "--dns-name needs --service-discovery dns: leave one of the two out";
    return { problems: [{ key: discovery.where, value: discovery.text, message }] };
  }
  const problems: Problem[] = [];
  if (specs.length === 0 && names.valid) {
    const message = "required with --service-discovery dns: the name of the engines";
    problems.push({ key: "--dns-name", message });
  }
  const read: DnsName[] = [];
  const seen = new Set<string>();
  for (const spec of specs) {
    const wrong: string[] = [];
    const name = readName(spec, settings, wrong);
    const value = maskUrls(spec);
    const key = `${name.name} ${name.type} ${name.port}`;
    if (wrong.length === 0 && seen.has(key)) wrong.push("given twice, with one port");
    seen.add(key);
    problems.push(...wrong.map((message) => ({ key: names.where, value, message })));
    read.push(name);
  }
  const servers = readServers(settings, problems);
  const [minTtlMs, maxTtlMs] = [settings.ms("dns-min-ttl"), settings.ms("dns-max-ttl")];
  if (minTtlMs > maxTtlMs) {
    const { where, text } = settings.get("dns-max-ttl");
    problems.push({ key: where, value: text, message: "must be at least --dns-min-ttl" });
  }
  if (problems.length > 0) return { problems };
  const staleMs = settings.ms("dns-stale");
  return { options: { names: read, servers, minTtlMs, maxTtlMs, staleMs }, problems };
}

function readName(spec: string, settings: Settings, wrong: string[]): DnsName {
  const known = [...new Set([...NAME_KEYS, ...Object.values(FIELDS_OF).flat()])];
  const { url: text, fields, wrong: unread } = splitSpec(spec, known);
  wrong.push(...unread);
  const pick = <T extends string>(key: string, among: readonly T[], usual: T): T => {
    const said = fields.get(key) ?? usual;
    const found = among.find((one) => one === said);
    if (found === undefined) {
      wrong.push(withSuggestion(`${key}: expected one of ${among.join(", ")}`, said, among));
    }
    return found ?? usual;
  };
  const name = text.toLowerCase();
  const role = pick("role", ROLES, "any");
  const usual = name.startsWith("_") ? "srv" : settings.choice("dns-type", DNS_TYPES);
  const type = pick("type", DNS_TYPES, usual);
  const scheme = pick("scheme", ["http", "https"], "http");
  const problem = nameProblem(name);
  if (problem !== undefined) wrong.push(problem);
  for (const key of fields.keys()) {
    if (NAME_KEYS.some((own) => own === key) || FIELDS_OF[role].includes(key)) continue;
    wrong.push(`"${key}" does not belong to engines of role ${role}`);
  }
  const given = fields.get("port");
  if (given !== undefined && type === "srv") wrong.push("port: that of a service is in its record");
  const ports = given === undefined ? undefined : parsePorts([given]);
  if (ports?.ok === false) wrong.push("port: expected one from 1 to 65535");
  const port = ports?.ok ? ports.value[0] : undefined;
  if (!/^\d*$/.test(fields.get("kv_events") ?? "")) {
    wrong.push("kv_events: expected a port, which each engine has at its own address");
  }
  const engine = specEngine(fields, role, wrong);
  // What is wrong with the fields does not depend on the address.
  const draft = draftEngine("", "", { ...engine, url: "http://192.0.2.1:8000" });
  wrong.push(...draft.problems.map(({ message }) => message));
  return { name, type, port: port ?? settings.number("dns-port"), scheme, engine };
}

function nameProblem(name: string): string | undefined {
  if (parseAddress(name.replace(/^\[|\]$/g, "")) !== undefined) {
    return "expected a name, not an address: --prefill, --decode and --static-backends take these";
  }
  return isDnsName(name) ? undefined : "expected a name such as vllm.default.svc.cluster.local";
}

const DNS_PORT = 53;

function readServers(settings: Settings, problems: Problem[]): readonly DnsAddress[] {
  const { where } = settings.get("dns-servers");
  return settings.list("dns-servers").flatMap((text) => {
    const server = serverIn(text);
    if (server !== undefined) return [server];
    const message = "expected addresses such as 10.96.0.10, 127.0.0.1:8600 or [fd00::a]:53";
    problems.push({ key: where, value: text, message });
    return [];
  });
}

function serverIn(text: string): DnsAddress | undefined {
  const bracketed = /^\[([^\]]+)\](?::(\d+))?$/.exec(text);
  const plain = /^([\d.]+)(?::(\d+))?$/.exec(text);
  const [, host = text, port = String(DNS_PORT)] = bracketed ?? plain ?? [];
  const ports = parsePorts([port]);
  return parseAddress(host) === undefined || !ports.ok
    ? undefined
    : { host, port: ports.value[0] ?? DNS_PORT };
}
