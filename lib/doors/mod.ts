/**
 * Who may come in, how much each may have, and who is told to have sent a request.
 *
 * Knows nothing of endpoints' answers, of engines, or of how connections are accepted.
 * @module
 */
export type { ApiKey, KeyLimits } from "./api_key.ts";
export { KEY_FIELDS, shownKeys } from "./credentials.ts";
export * from "./doors.ts";
export { KeyGossip, type KeyGossipDeps } from "./key_gossip.ts";
export type { KeySharing } from "./key_state.ts";
export { KeyStore, type KeyStoreOptions } from "./key_store.ts";
export { type KeysFile, MAX_KEYS_FILE_BYTES, parseKeysFile } from "./keys_file.ts";
export { type ModelAsk, OPEN_PASS, type Pass } from "./pass.ts";
export type { Visitor } from "./visitor.ts";
