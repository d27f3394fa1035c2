/** Options of a simulated engine, checked. @module */
import type { Role } from "../base/mod.ts";
import { mergeFaults, noFaults, parseFaultFlag, type SimFaults } from "./faults.ts";
import { SIM_FLAGS, type SimFlag } from "./flags.ts";
import type { SharedStore } from "./shared_store.ts";

/** How KV moves between engines. */
export type KvConnector = "none" | "lmcache" | "nixl" | "shared_storage";
/** Generations of LMCache's messages; see notify.ts. */
export type Generation = "A" | "B" | "C" | "D";

/** Everything one engine is told; all have defaults, see `simOptions`. */
export interface SimOptions {
  readonly role: Role;
  readonly host: string;
  readonly port: number;
  readonly models: readonly string[];
  readonly maxModelLen: number;
  readonly maxNewTokens: number | undefined;
  readonly overrideMaxNewTokens: number | undefined;
  readonly ranks: number;
  readonly mla: boolean;
  readonly kvConnector: KvConnector;
  readonly chunkSize: number;
  readonly saveUnfullChunk: boolean;
  readonly skipLastNTokens: number;
  readonly hashSeed: string;
  readonly onMiss: "recompute" | "fail";
  readonly proxyHost: string | undefined;
  readonly proxyPort: number;
  /** One per rank; 0 for a free one. */
  readonly initPorts: readonly number[];
  readonly allocPorts: readonly number[];
  readonly generation: Generation;
  /** When the notification leaves: before the HTTP answer, or so many milliseconds after it. */
  readonly notify: "before" | number;
  readonly prefillMsPerToken: number;
  readonly ttftMs: number;
  readonly itlMs: number;
  readonly maxNumSeqs: number;
  readonly streamInterval: number;
  readonly eventsPerWrite: number;
  readonly firstToken: boolean;
  readonly apiKey: string | undefined;
  readonly detokenizer: "fast" | "slow";
  readonly toolParser: boolean;
  readonly reasoningParser: "none" | "uncounted" | "counted";
  readonly scaleOut: boolean;
  readonly promptTokensDetails: boolean;
  readonly prefixCaching: boolean;
  readonly blockSize: number;
  readonly cacheDtype: string;
  readonly vllmVersion: string | undefined;
  readonly kvBlocks: number;
  readonly kvLeaseMs: number;
  readonly kvLoadFailurePolicy: "fail" | "recompute";
  readonly errorStyle: "finish" | "status" | "event";
  readonly sideChannelHost: string | undefined;
  readonly sideChannelPort: number;
  readonly kvEventsEndpoint: string | undefined;
  readonly kvEventsReplay: string | undefined;
  readonly kvEventsTopic: string;
  readonly kvEventsEncoding: "array" | "map" | "map-batch";
  readonly leakAfterMs: number;
  readonly seed: number;
  readonly faults: SimFaults;
  /** The directory of connector `shared_storage`; give the same to all engines of one process. */
  readonly sharedStore?: SharedStore;
}

/** Options that contradict one another or are out of range; all problems at once. */
export class SimOptionsError extends Error {
  override readonly name = "SimOptionsError";
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super(problems.join("\n"));
    this.problems = problems;
  }
}

/** Options from a few fields, the rest by default. Throws SimOptionsError. */
export function simOptions(given: Partial<SimOptions> = {}): SimOptions {
  const { role, kvConnector, ranks = 1 } = given;
  const defaults = parseSimOptions({ role, kvConnector });
  const initPorts = portsPerRank(defaults.initPorts, ranks);
  const allocPorts = portsPerRank(defaults.allocPorts, ranks);
  const options = { ...defaults, initPorts, allocPorts, ...given };
  const problems = problemsOf(options);
  if (problems.length > 0) throw new SimOptionsError(problems);
  return options;
}

/**
 * Options from flag values: keys are flag names in kebab-case, snake_case or camelCase, values are
 * text or of the flag's type, a list for repeatable flags. Throws SimOptionsError.
 */
export function parseSimOptions(raw: Readonly<Record<string, unknown>>): SimOptions {
  const reader = new RawReader(raw);
  const role = oneOf(reader.text("role"), ["prefill", "decode", "any"] as const);
  const connector = reader.optionalText("kv-connector") ?? (role === "any" ? "none" : "lmcache");
  const ranks = reader.number("ranks");
  const { faults, problems } = parseFaults(reader.texts("fault"));
  const notify = reader.text("notify");
  const options: SimOptions = {
    role,
    host: reader.text("host"),
    port: reader.number("port"),
    models: reader.texts("model"),
    maxModelLen: reader.number("max-model-len"),
    maxNewTokens: reader.optionalNumber("max-new-tokens"),
    overrideMaxNewTokens: reader.optionalNumber("override-max-new-tokens"),
    ranks,
    mla: reader.flag("mla"),
    kvConnector: oneOf(connector, ["none", "lmcache", "nixl", "shared_storage"] as const),
    chunkSize: reader.number("chunk-size"),
    saveUnfullChunk: !reader.flag("no-save-unfull-chunk"),
    skipLastNTokens: reader.number("skip-last-n-tokens"),
    hashSeed: reader.text("hash-seed"),
    onMiss: oneOf(reader.text("on-miss"), ["recompute", "fail"] as const),
    proxyHost: reader.optionalText("proxy-host"),
    proxyPort: reader.number("proxy-port"),
    initPorts: portsPerRank(reader.numbers("init-port"), ranks),
    allocPorts: portsPerRank(reader.numbers("alloc-port"), ranks),
    generation: oneOf(reader.text("generation"), ["A", "B", "C", "D"] as const),
    notify: notify === "before" ? "before" : notify === "after" ? 0 : Number(notify),
    prefillMsPerToken: reader.number("prefill-ms-per-token"),
    ttftMs: reader.number("ttft-ms"),
    itlMs: reader.number("itl-ms"),
    maxNumSeqs: reader.number("max-num-seqs"),
    streamInterval: reader.number("stream-interval"),
    eventsPerWrite: reader.number("events-per-write"),
    firstToken: !reader.flag("no-first-token"),
    apiKey: reader.optionalText("api-key"),
    detokenizer: oneOf(reader.text("detokenizer"), ["fast", "slow"] as const),
    toolParser: !reader.flag("no-tool-parser"),
    reasoningParser: oneOf(
      reader.text("reasoning-parser"),
      ["none", "uncounted", "counted"] as const,
    ),
    scaleOut: !reader.flag("no-scale-out"),
    promptTokensDetails: reader.flag("enable-prompt-tokens-details"),
    prefixCaching: !(reader.optionalFlag("no-prefix-caching") ?? role === "decode"),
    blockSize: reader.number("block-size"),
    cacheDtype: reader.text("cache-dtype"),
    vllmVersion: reader.optionalText("vllm-version"),
    kvBlocks: reader.number("kv-blocks"),
    kvLeaseMs: reader.number("kv-lease-ms"),
    kvLoadFailurePolicy: oneOf(
      reader.text("kv-load-failure-policy"),
      ["fail", "recompute"] as const,
    ),
    errorStyle: oneOf(reader.text("error-style"), ["finish", "status", "event"] as const),
    sideChannelHost: reader.optionalText("side-channel-host"),
    sideChannelPort: reader.number("side-channel-port"),
    kvEventsEndpoint: reader.optionalText("kv-events-endpoint"),
    kvEventsReplay: reader.optionalText("kv-events-replay"),
    kvEventsTopic: reader.text("kv-events-topic"),
    kvEventsEncoding: oneOf(
      reader.text("kv-events-encoding"),
      ["array", "map", "map-batch"] as const,
    ),
    leakAfterMs: reader.number("leak-after-ms"),
    seed: reader.number("seed"),
    faults,
  };
  const all = [...reader.problems(), ...problems, ...problemsOf(options)];
  if (all.length > 0) throw new SimOptionsError(all);
  return options;
}

function problemsOf(options: SimOptions): readonly string[] {
  const problems: string[] = [];
  const need = (holds: boolean, text: string): void => {
    if (!holds) problems.push(text);
  };
  const { ranks, initPorts, allocPorts, models, notify } = options;
  need(models.length > 0 && models.every((model) => model !== ""), "model: must not be empty");
  need(ranks >= 1, `ranks: must be at least 1, received ${ranks}`);
  need(options.chunkSize >= 1, `chunk-size: must be at least 1, received ${options.chunkSize}`);
  need(options.blockSize >= 1, `block-size: must be at least 1, received ${options.blockSize}`);
  need(options.maxModelLen >= 2, `max-model-len: must be at least 2`);
  need((options.maxNewTokens ?? 1) >= 1, "max-new-tokens: must be at least 1");
  need((options.overrideMaxNewTokens ?? 1) >= 1, "override-max-new-tokens: must be at least 1");
  need(options.maxNumSeqs >= 1, "max-num-seqs: must be at least 1");
  need(options.streamInterval >= 1, "stream-interval: must be at least 1");
  need(options.eventsPerWrite >= 1, "events-per-write: must be at least 1");
  need(
    initPorts.length === ranks && allocPorts.length === ranks,
    `init-port, alloc-port: need one port per rank (${ranks}), received ${initPorts.length} and ` +
      `${allocPorts.length}`,
  );
  need(
    [options.port, options.proxyPort, options.sideChannelPort, ...initPorts, ...allocPorts]
      .every((port) => port <= 65535),
    "ports must be at most 65535",
  );
  need(
    notify === "before" || notify >= 0,
    `notify: must be before, after or milliseconds, received ${notify}`,
  );
  return problems;
}

function parseFaults(
  flags: readonly string[],
): { readonly faults: SimFaults; readonly problems: readonly string[] } {
  const faults = noFaults();
  const problems = mergeFaults(faults, Object.fromEntries(flags.map(parseFaultFlag)));
  return { faults, problems };
}

function portsPerRank(given: readonly number[], ranks: number): readonly number[] {
  const [only] = given;
  return given.length === 1 && only === 0 ? new Array<number>(Math.max(ranks, 0)).fill(0) : given;
}

/** `value` was checked against the flag's choices; a wrong one is a problem already noted. */
function oneOf<T extends string>(value: string, choices: readonly [T, ...T[]]): T {
  return choices.find((choice) => choice === value) ?? choices[0];
}

/** Reads flag values by the table, collecting problems. */
class RawReader {
  readonly #values = new Map<string, unknown>();
  readonly #problems: string[] = [];

  constructor(raw: Readonly<Record<string, unknown>>) {
    for (const [key, value] of Object.entries(raw)) {
      if (value === undefined) continue;
      const name = kebab(key);
      if (SIM_FLAGS.some((flag) => flag.name === name)) this.#values.set(name, value);
      else this.#problems.push(`${key}: unknown option`);
    }
  }

  problems(): readonly string[] {
    return this.#problems;
  }

  text(name: string): string {
    return this.optionalText(name) ?? "";
  }

  optionalText(name: string): string | undefined {
    return this.texts(name).at(-1);
  }

  texts(name: string): readonly string[] {
    const flag = flagOf(name);
    const texts = this.#list(flag).map(String);
    for (const text of texts) {
      if (flag.choices !== undefined && !flag.choices.includes(text)) {
        this.#problems.push(`${name}: must be one of ${flag.choices.join(", ")}, received ${text}`);
      }
    }
    return texts;
  }

  number(name: string): number {
    return this.optionalNumber(name) ?? 0;
  }

  optionalNumber(name: string): number | undefined {
    return this.numbers(name).at(-1);
  }

  numbers(name: string): readonly number[] {
    const flag = flagOf(name);
    return this.#list(flag).flatMap((item) => String(item).split(",")).map((text) => {
      const value = Number(text);
      const whole = flag.type === "float" || Number.isSafeInteger(value);
      if (text.trim() === "" || !Number.isFinite(value) || value < 0 || !whole) {
        const kind = flag.type === "float" ? "a number" : "a whole number";
        this.#problems.push(`${name}: must be ${kind} of at least 0, received ${text}`);
        return 0;
      }
      return value;
    });
  }

  flag(name: string): boolean {
    return this.optionalFlag(name) ?? false;
  }

  optionalFlag(name: string): boolean | undefined {
    const value = this.#values.get(name) ?? flagOf(name).default;
    if (value === undefined || typeof value === "boolean") return value;
    if (value === "true" || value === "false") return value === "true";
    this.#problems.push(`${name}: must be true or false, received ${String(value)}`);
    return false;
  }

  #list(flag: SimFlag): readonly unknown[] {
    const value = this.#values.get(flag.name) ?? flag.default;
    if (value === undefined) return [];
    return Array.isArray(value) ? value : [value];
  }
}

function flagOf(name: string): SimFlag {
  const flag = SIM_FLAGS.find((entry) => entry.name === name);
  if (flag === undefined) throw new TypeError(`No flag named ${name}`);
  return flag;
}

function kebab(key: string): string {
  return key.replaceAll("_", "-").replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}
