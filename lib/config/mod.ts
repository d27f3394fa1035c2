/**
 * Configuration: the table of flags, and one checked `RouterConfig` from all that was said.
 *
 * Knows nothing of sockets, files or the process; reads what it is handed.
 * @module
 */
export { type AdminAddress, type AdminOptions, isLoopback } from "./admin.ts";
export * from "./engine_notation.ts";
export { clusterAddress, type ClusterOptions, parseClusterUrl } from "./cluster.ts";
export { USUAL_ADMIN } from "./flags_admin.ts";
export type { FileKind } from "./door_problems.ts";
export type { DnsAddress, DnsName, DnsOptions } from "./dns_options.ts";
export type { DoorOptions, KeyOptions, PairFiles } from "./doors.ts";
export * from "./flag.ts";
export { VARIABLE_PATTERNS } from "./environment.ts";
export { ENVIRONMENT_ONLY, findFlag, FLAG_GROUPS, FLAGS, type SupportedFlag } from "./flags.ts";
export { choicesText, defaultText, renderMarkdown } from "./docs.ts";
export { PEER_FLAG_NAMES, renderPeerFlags } from "./peer_docs.ts";
export { type ConfigFile, parseConfigText } from "./file.ts";
export { draftEngine, type EngineDraft } from "./draft.ts";
export { engineRecord, ranksFault, receiverAddresses, sharedAddress } from "./engines.ts";
export * from "./discovery_options.ts";
export * from "./engine_rules.ts";
export type { EngineRules, RawEngine, RecordRules } from "./raw_engine.ts";
export { type ModuleName, moduleName } from "./module_name.ts";
export { CLUSTER_VARIABLES, SERVICE_ACCOUNT_FOLDER } from "./flags_kubernetes.ts";
export type { ExternalProvider } from "./providers.ts";
export { FIRST_TOKENS, modesOfFirstToken } from "./first_token.ts";
export type { ObserveOptions } from "./observe_options.ts";
export type { OtlpEndpoint, Sampler, TracingOptions } from "./tracing_options.ts";
export { type AllowedOrigins, parseOrigins } from "./origins.ts";
export { guardedIn, isPassedThrough } from "./pass_through.ts";
export * from "./policy_names.ts";
export { reasonOf } from "./flags_reasons.ts";
export * from "./problem.ts";
export * from "./resolve.ts";
export * from "./schema.ts";
export { isDefault, type Setting, type Source } from "./settings.ts";
export { WORKER_VARIABLE } from "./flags_workers.ts";
export { maskUrls } from "./value.ts";
