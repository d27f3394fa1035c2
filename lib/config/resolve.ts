/**
 * The configuration in force: all values, checked one by one and together.
 *
 * Knows neither the command line nor files; whoever reads them hands in what they said.
 * @module
 */
import { type Engine, KV_PROTOCOLS } from "../base/mod.ts";
import { buildConfig } from "./build.ts";
import { adminProblems } from "./build_admin.ts";
import { addressProblems, doorProblems, type FileChecks, fileProblems } from "./door_problems.ts";
import { splitKeys } from "./build_doors.ts";
import { batchProblems } from "./batches.ts";
import { checkProblems } from "./checks.ts";
import { clusterProblems } from "./build_cluster.ts";
import { isDns, namesRole, readDns } from "./dns.ts";
import { joinDrafts } from "./draft.ts";
import { draftEntries, draftSpecs, draftStatic } from "./draft_sources.ts";
import { FIRST_TOKENS } from "./first_token.ts";
import { finishEngines, handoffProblems } from "./engines.ts";
import { type ConfigFile, type FileValues, readFileValues } from "./file.ts";
import { GATES_VARIABLE, readGates } from "./feature_gates.ts";
import { type ENVIRONMENT_ONLY, FLAGS } from "./flags.ts";
import { API_KEYS_VARIABLE } from "./flags_doors.ts";
import { isKubernetes, type KubernetesRead, readKubernetes } from "./kubernetes.ts";
import { eventPorts, goesByKv } from "./kv_events.ts";
import { observeProblems } from "./observe.ts";
import { parseOrigins } from "./origins.ts";
import { policyProblems } from "./policies.ts";
import { passThroughProblems } from "./pass_through.ts";
import type { Problem } from "./problem.ts";
import { protocolOf } from "./protocol.ts";
import { dynamicProblems, providersOf, toldOf } from "./resolve_peer.ts";
import type { EngineRules, ReceiverDefaults } from "./raw_engine.ts";
import type { DiscoveryOptions } from "./discovery_options.ts";
import type { RouterConfig } from "./schema.ts";
import { readSettings, type Setting, type Settings } from "./settings.ts";
import { readTracing } from "./tracing.ts";
import { unknownFlags } from "./unknown_flags.ts";

/** What was said, by layer. */
export interface ConfigInput extends FileChecks {
  /**
   * Every occurrence of a flag on the command line by its name without dashes, in order; `"true"`
   * for a flag without a value. Unknown names are welcome: they become problems.
   */
  readonly flags: ReadonlyMap<string, readonly string[]>;
  readonly env: (name: string) => string | undefined;
  readonly file?: ConfigFile | undefined;
  /** The file of `--dynamic-config-yaml` or `--dynamic-config-json`: defaults below all others. */
  readonly dynamic?: ConfigFile | undefined;
  /** The file of `--external-providers-config`. */
  readonly providers?: ConfigFile | undefined;
  /** What is known to be wrong already. */
  readonly problems?: readonly Problem[];
}

/** A configuration, or everything that is wrong with it; either way every flag's setting. */
export type ConfigResult =
  | {
    readonly ok: true;
    readonly config: RouterConfig;
    readonly settings: readonly Setting[];
    /** What an operator should know of it: for the log, at the start. */
    readonly notes: readonly string[];
  }
  | {
    readonly ok: false;
    readonly problems: readonly Problem[];
    readonly settings: readonly Setting[];
    /** Those engines that are right in themselves. */
    readonly engines: readonly Engine[];
  };

const NOTHING: FileValues = {
  values: new Map(),
  engines: [],
  invalid: new Set(),
  problems: [],
};

/** Settings that say which engines there are. */
const ENGINE_SETTINGS = [
  "service-discovery",
  "prefill",
  "decode",
  "both",
  "static-backends",
  "static-models",
  "static-model-labels",
  "prefill-model-labels",
  "decode-model-labels",
] as const;

/** Resolve all layers to one configuration. Precedence: flag, environment, file, default. */
export function resolveConfig(input: ConfigInput): ConfigResult {
  const { file, dynamic } = input;
  const content = contentOf(file);
  const defaults = contentOf(dynamic);
  const read = readSettings({
    flags: input.flags,
    env: input.env,
    file: content.values,
    filePath: file?.path ?? "",
    invalidInFile: content.invalid,
    dynamic: dynamic && { ...defaults, path: dynamic.path },
  });
  const settings = withImplied(read.settings);
  const files = [
    { content, path: file?.path ?? "" },
    { content: defaults, path: dynamic?.path ?? "" },
  ];
  const unread = [file, dynamic].flatMap((one) => one?.ok === false ? [one] : []);
  const kubernetes = readKubernetes(settings, input.env);
  const engines = readEngines(settings, { files, unread: unread.length > 0, kubernetes });
  const dns = readDns(settings);
  const gates = gatesOf(settings, input.env);
  const external = providersOf(settings, input);
  const tracing = readTracing(settings, input.env);
  const key = readApiKey(input.env);
  const extraKeys = splitKeys(input.env(API_KEYS_VARIABLE));
  const problems = [
    ...(input.problems ?? []),
    ...unknownFlags(input.flags.keys(), FLAGS.map(({ name }) => name)),
    ...unread.map(({ path: key, message }) => ({ key, message })),
    ...content.problems,
    ...defaults.problems,
    ...read.problems,
    ...dynamicProblems(settings),
    ...(unread.length > 0 ? [] : routingProblems(settings)),
    ...policyProblems(settings),
    ...gates.problems,
    ...external.problems,
    ...originProblems(settings),
    ...passThroughProblems(settings),
    ...kubernetes.problems,
    ...dns.problems,
    ...engines.problems,
    ...fileProblems(settings, input),
    ...bufferProblems(settings),
    ...checkProblems(settings),
    ...batchProblems(settings),
    ...doorProblems(settings, extraKeys),
    ...adminProblems(settings),
    ...observeProblems(settings),
    ...tracing.problems,
    ...clusterProblems(settings),
    ...key.problems,
  ];
  if (problems.length > 0) {
    return { ok: false, problems, settings: settings.all(), engines: engines.engines };
  }
  const found = dns.options === undefined ? {} : { dns: dns.options };
  const discovery = { ...engines.discovery, ...found };
  const built = buildConfig(settings, { ...engines, discovery }, {
    engines: key.apiKey,
    clients: [...settings.list("api-key"), ...extraKeys],
  });
  const config: RouterConfig = {
    ...built,
    ...(external.providers.length === 0 ? {} : { external: external.providers }),
    ...(tracing.options === undefined ? {} : { tracing: tracing.options }),
    ...(dynamic === undefined ? {} : { dynamic: toldOf(defaults, settings) }),
  };
  return { ok: true, config, settings: settings.all(), notes: gates.notes };
}

function contentOf(file: ConfigFile | undefined): FileValues {
  return file?.ok ? readFileValues(file.content, file.path) : NOTHING;
}

function gatesOf(settings: Settings, env: ConfigInput["env"]): ReturnType<typeof readGates> {
  const { where } = settings.get("feature-gates");
  return readGates([
    { where: GATES_VARIABLE, text: env(GATES_VARIABLE) ?? "" },
    { where, text: settings.text("feature-gates") },
  ]);
}

/** Whether prompts are handed over from prefill to decode engines. */
function isHandoff(settings: Settings): boolean {
  return protocolOf(settings) !== "none";
}

/** Whether prefill engines notify the router of their KV. */
function isNotified(settings: Settings): boolean {
  const protocol = protocolOf(settings);
  return protocol !== "none" && KV_PROTOCOLS[protocol].notifies;
}

/** `--prefill` and `--decode`, or `--both`, alone are enough to start with; so is `--dns-name`. */
function withImplied(said: Settings): Settings {
  const discovery = said.get("service-discovery");
  const isNamed = said.list("dns-name").length > 0;
  const given = isNamed && discovery.valid && discovery.value === undefined
    ? said.implying("service-discovery", "dns")
    : said;
  const isGiven = (name: "prefill" | "decode" | "both"): boolean =>
    given.list(name).length > 0 || namesRole(given, name);
  const settings = isGiven("both") ? withElastic(given) : given;
  if (!isGiven("prefill") && !isGiven("decode") && !isGiven("both")) return settings;
  const logic = settings.get("routing-logic");
  const proxy = settings.get("nixl-proxy-host");
  const routed = logic.valid && logic.value === undefined
    ? settings.implying("routing-logic", "disaggregated_prefill")
    : settings;
  const lmcache = routed.optional("routing-logic") === "disaggregated_prefill" &&
    (routed.optional("kv-protocol") ?? "lmcache") === "lmcache";
  return lmcache && proxy.valid && proxy.value === undefined
    ? routed.implying("nixl-proxy-host", "0.0.0.0")
    : routed;
}

/** LMCache's engines cannot be on either side. */
function withElastic(settings: Settings): Settings {
  const isOpen = (["routing-logic", "kv-protocol", "nixl-proxy-host"] as const).every((name) => {
    const { valid, value } = settings.get(name);
    return valid && (value === undefined || value === "disaggregated_prefill");
  });
  return isOpen ? settings.implying("kv-protocol", "nixl") : settings;
}

/** The key without the line feed that a secret from a file often ends in. */
function readApiKey(
  env: ConfigInput["env"],
): { readonly apiKey?: string; readonly problems: readonly Problem[] } {
  const key = "VLLM_API_KEY" satisfies (typeof ENVIRONMENT_ONLY)[number]["name"];
  const apiKey = env(key)?.trim();
  if (apiKey === undefined || apiKey === "") return { problems: [] };
  if (/^[\x21-\x7e]+$/.test(apiKey)) return { apiKey, problems: [] };
  return { problems: [{ key, message: "holds characters that an HTTP header cannot" }] };
}

function routingProblems(settings: Settings): readonly Problem[] {
  const logic = settings.get("routing-logic");
  const session = settings.get("session-key");
  const proxy = settings.get("nixl-proxy-host");
  const sessionKey = settings.optional("session-key");
  // The name is looked up among the request's headers, which refuse any other character.
  if (sessionKey !== undefined && !/^[\w!#$%&'*+.^`|~-]+$/.test(sessionKey)) {
    const message = "expected the name of a header or body field";
    return [{ key: session.where, value: sessionKey, message }];
  }
  if (!logic.valid) return [];
  if (logic.value === undefined && settings.optional("service-discovery") === "external-only") {
    return [];
  }
  if (logic.value === undefined) {
    const message = `required: ${logic.flag.choices?.join(", ")}; or give engines by --prefill ` +
      "and --decode";
    return [{ key: "--routing-logic", message }];
  }
  if (logic.value === "session" && session.valid && session.value === undefined) {
    const message = "required with --routing-logic session: the header or body field that names " +
      "the session";
    return [{ key: "--session-key", message }];
  }
  const protocol = settings.optional("kv-protocol");
  if (protocol !== undefined && !isHandoff(settings)) {
    const message = "needs --routing-logic disaggregated_prefill";
    return [{ key: settings.get("kv-protocol").where, value: protocol, message }];
  }
  if (isNotified(settings) && proxy.valid && proxy.value === undefined) {
    const message =
      "required with --kv-protocol lmcache: add --nixl-proxy-host 0.0.0.0, on which " +
      "KV-ready notifications are received";
    return [{ key: "--nixl-proxy-host", message }];
  }
  return [];
}

function originProblems(settings: Settings): readonly Problem[] {
  const { where, text } = settings.get("allowed-origins");
  const origins = parseOrigins(settings.list("allowed-origins"));
  return origins.ok ? [] : [{ key: where, value: text, message: origins.message }];
}

function readEngines(
  settings: Settings,
  { files, unread, kubernetes }: {
    readonly files: readonly { readonly content: FileValues; readonly path: string }[];
    readonly unread: boolean;
    readonly kubernetes: KubernetesRead;
  },
): {
  readonly engines: readonly Engine[];
  readonly problems: readonly Problem[];
  readonly discovery: DiscoveryOptions;
} {
  const handoff = isHandoff(settings);
  const { drafts, problems } = joinDrafts([
    draftSpecs(settings, "prefill"),
    draftSpecs(settings, "decode"),
    draftSpecs(settings, "both"),
    ...files.map(({ content, path }) => draftEntries(content.engines, path)),
    draftStatic(settings, handoff),
  ]);
  const rules = rulesOf(settings);
  const finished = finishEngines(drafts, rules.receivers, rules.usual, rules.events);
  const { engines } = finished;
  const all = [...problems, ...finished.problems, ...addressProblems(settings, drafts)];
  const found = isKubernetes(settings) || isDns(settings) ||
    settings.get("admin-listen").value !== undefined;
  const complete = problems.length === 0 && !unread && !found &&
    !files.some(({ content }) => content.invalid.has("engines")) &&
    ENGINE_SETTINGS.every((name) => settings.get(name).valid);
  const needed = settings.get("external-providers-config").value === undefined;
  if (complete && engines.length === 0 && needed) {
    const message = "none are given: add --prefill URL and --decode URL, or --static-backends " +
      "and --static-models";
    all.push({ key: "engines", message });
  } else if (complete && handoff) {
    all.push(...handoffProblems(engines));
  }
  const logic = settings.get("routing-logic");
  if (!handoff && logic.valid && logic.value !== undefined) {
    const strays = drafts.filter((draft) => draft.role === "prefill");
    // Plain requests crash a prefill engine: its LMCache expects a receiver with each.
    const message = "a prefill engine needs --routing-logic disaggregated_prefill";
    all.push(...strays.map(({ where, at }) => ({ key: where, value: at.url, message })));
  }
  const listed = drafts.map(({ where, raw }) => ({ where, raw }));
  const { options } = kubernetes;
  const discovery = { rules, listed, ...(options === undefined ? {} : { kubernetes: options }) };
  return { engines, problems: all, discovery };
}

/** What all engines are checked by. */
function rulesOf(settings: Settings): EngineRules {
  return {
    usual: protocolOf(settings),
    receivers: isNotified(settings) ? receivers(settings) : undefined,
    events: eventPorts(settings, goesByKv(settings)),
    labels: {
      prefill: settings.list("prefill-model-labels"),
      decode: settings.list("decode-model-labels"),
    },
    linkLocal: settings.on("allow-link-local-engines"),
  };
}

function receivers(
  settings: Settings,
): ReceiverDefaults {
  return {
    initPorts: settings.ports("nixl-peer-init-port"),
    allocPorts: settings.ports("nixl-peer-alloc-port"),
    firstToken: settings.choice("nixl-first-token", FIRST_TOKENS),
  };
}

/** The largest body that is taken has to find room. */
function bufferProblems(settings: Settings): readonly Problem[] {
  const [all, one] = [settings.get("max-buffered-bytes"), settings.get("max-request-bytes")];
  if (!all.valid || !one.valid) return [];
  const held = settings.number("max-buffered-bytes");
  const request = settings.number("max-request-bytes");
  if (held >= request) return [];
  const message = `must be at least --max-request-bytes, ${request}`;
  return [{ key: all.where, value: String(held), message }];
}
