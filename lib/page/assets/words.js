// @ts-check
/** What is said of engines, pairs and requests: a word, a shape and a tone for each. Pure. @module */

/** @typedef {import("../../observe/mod.ts").EngineLive} EngineLive */
/** @typedef {import("../../observe/mod.ts").PairLive} PairLive */
/** @typedef {import("../../observe/mod.ts").RequestView} RequestView */
/** @typedef {"good" | "warn" | "bad" | "idle"} Tone */
/**
 * How something stands. `icon` names a shape of icons.js: a tone is never told by its color alone.
 * @typedef {object} Standing
 * @property {Tone} tone
 * @property {string} icon
 * @property {string} label
 * @property {string} why Empty for nothing.
 */

/** @type {Readonly<Record<string, readonly [tone: Tone, icon: string, label: string, why: string]>>} */
const STATES = {
  ready: ["good", "dot", "ready", ""],
  joining: ["idle", "dashes", "joining", "It has not answered the router yet"],
  slow_start: ["idle", "half", "slow start", "It has just come, and gets its share step by step"],
  sleeping: ["idle", "moon", "sleeping", "It sleeps, and gets nothing until it is woken"],
  draining: ["idle", "half", "draining", "It gets nothing new, and ends what it has"],
  drained: ["idle", "ring", "drained", "It gets nothing, and has nothing under way"],
  left_out: ["bad", "cross", "left out", "It cannot be used as it is described"],
  gone: ["bad", "cross", "gone", "Its source does not list it any more"],
};

/** What speaks against an engine or a pair, by the code of the failure. */
/** @type {Readonly<Record<string, string>>} */
const WHY = {
  "upstream-unreachable": "It takes no connections",
  "upstream-lost": "Its connections broke off",
  "upstream-timeout": "It did not answer in time",
  "upstream-protocol": "What it answered is no answer",
  "engine-unhealthy": "It says of itself that it cannot serve",
  "check-failed": "It did not answer a request that the router tried it with",
  "key-refused": "It does not take the router's key",
  "tokenize-failed": "It failed to tokenize",
  "prefill-failed": "Prefills failed in a row",
  "decode-failed": "Decodes failed in a row",
  "kv-timeout": "The KV cache did not come in time",
  "pair-unequal": "The two differ in model, version or size",
  "internal": "Something failed for a reason that is not known",
};

/** What is likely wrong where KV is computed again. */
/** @type {Readonly<Record<string, string>>} */
const RECOMPUTE = {
  hash_seed: "None of the KV is found: PYTHONHASHSEED must be set, and equal, on both engines",
  chunk_size: "Only short prompts are found: LMCache's chunk_size must be equal on both engines",
  skip_last_n_tokens: "Last chunks are not found: skip_last_n_tokens must be 1 with the first " +
    "token from prefill, else 0, and discard_partial_chunks false",
  lost_chunks: "A part of the KV is missing: look for failed transfers and a full PD buffer",
  block_size: "KV is not found: compare block size, KV dtype, layout and vLLM version",
  model: "The engines do not serve the same: compare model and dtype",
};

/**
 * What a code says, for people; the code itself where there are no words for it.
 * @param {string | null} code
 * @returns {string}
 */
export function whyText(code) {
  return code === null ? "" : WHY[code] ?? code;
}

/**
 * @param {string | null} cause
 * @returns {string}
 */
export function recomputeText(cause) {
  return cause === null ? "" : RECOMPUTE[cause] ?? cause;
}

/**
 * How an engine stands: what speaks against it comes before what it is doing.
 * @param {EngineLive} engine
 * @returns {Standing}
 */
export function engineStanding(engine) {
  const [tone, icon, label, what] = STATES[engine.state] ?? ["idle", "dashes", engine.state, ""];
  const serves = tone === "good" || engine.state === "slow_start" || engine.state === "joining";
  const why = whyText(engine.why);
  if (serves && engine.verdict === "shut") {
    return { tone: "bad", icon: "square", label: "shut", why };
  }
  if (serves && engine.verdict === "probation") {
    return { tone: "warn", icon: "triangle", label: "on probation", why };
  }
  if (serves && "recompute_suspected" in engine.remarks) {
    const why = "KV that should come from its peer is likely computed again";
    return { tone: "warn", icon: "triangle", label: "recomputes", why };
  }
  return { tone, icon, label, why: why || what };
}

/**
 * How a pair stands.
 * @param {PairLive} pair
 * @returns {Standing}
 */
export function pairStanding(pair) {
  const why = whyText(pair.why);
  if (pair.verdict === "shut") return { tone: "bad", icon: "square", label: "shut", why };
  if (pair.verdict === "probation") {
    return { tone: "warn", icon: "triangle", label: "on probation", why };
  }
  if (pair.recompute !== null) {
    const why = recomputeText(pair.recompute);
    return { tone: "warn", icon: "triangle", label: "recomputes", why };
  }
  return { tone: "good", icon: "dot", label: "good", why: "" };
}

/** @type {Readonly<Record<string, readonly [tone: Tone, icon: string, label: string]>>} */
const OUTCOMES = {
  ok: ["good", "dot", "ok"],
  client_error: ["warn", "triangle", "refused"],
  server_error: ["bad", "square", "failed"],
  stream_error: ["bad", "square", "broke off"],
  client_gone: ["idle", "ring", "client left"],
};

/** Parts of a request's time, and what requests under way are doing. */
/** @type {Readonly<Record<string, string>>} */
export const PHASE_NAMES = {
  arrived: "arrived",
  queue: "queue",
  tokenize: "tokenize",
  prefill: "prefill",
  kv_wait: "KV wait",
  first_byte: "first byte",
  stream: "stream",
};

/**
 * How a request stands.
 * @param {RequestView} request
 * @returns {Standing}
 */
export function requestStanding({ outcome, state, error, status }) {
  if (outcome === null) {
    return { tone: "idle", icon: "half", label: PHASE_NAMES[state] ?? state, why: "" };
  }
  const [tone, icon, label] = OUTCOMES[outcome] ?? ["idle", "ring", outcome];
  const why = error === null ? "" : `${error}${status === null ? "" : ` (${status})`}`;
  return { tone, icon, label, why };
}

/**
 * The way a request took, for people.
 * @param {Pick<RequestView, "route" | "reason" | "prefill" | "decode">} request
 * @returns {string}
 */
export function wayText({ route, reason, prefill, decode }) {
  if (prefill !== null && decode !== null) return `${prefill} → ${decode}`;
  const why = reason === null ? "" : ` (${reason})`;
  return `${route === "none" ? "no engine" : decode ?? route.replaceAll("_", " ")}${why}`;
}
