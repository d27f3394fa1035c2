/** `pd-router explain`: which way a request would take, and why. Sends nothing. @module */
import {
  describeError,
  encodeUtf8,
  type Engine,
  KV_NAMES,
  KV_PROTOCOLS,
  type KvName,
  type Mode,
  MODES,
  RouterError,
} from "../base/mod.ts";
import {
  FIRST_TOKENS,
  modesOfFirstToken,
  type Problem,
  type RouterConfig,
  withSuggestion,
} from "../config/mod.ts";
import { type GenerationForm, readGeneration } from "../disagg/mod.ts";
import { NO_RULES, ROUTE_WISHES, type RouteWish } from "../flow/mod.ts";
import { KV_TABLE } from "../kv/mod.ts";
import { type ApiRequest, parseRequest } from "../openai/mod.ts";
import { idleCandidate, ModelGroup } from "../selection/mod.ts";
import { parseArgv, type ParsedArgv } from "./argv.ts";
import { explainRequest, featureTable, type Setup } from "./explain_text.ts";
import type { WorthSetup } from "./explain_worth.ts";
import { commandHelp } from "./help.ts";
import { loadConfig } from "./load.ts";
import type { CliPorts } from "./ports.ts";
import { refuse } from "./report.ts";
import { VERSION_LINE } from "./version.ts";

const FORMS = ["chat", "completions", "responses", "messages"] as const;

const FLAGS = [
  {
    name: "request",
    placeholder: "FILE",
    text: "Body of the request, - for standard input; without it, the whole table is printed",
    choices: "",
    byDefault: "",
  },
  {
    name: "endpoint",
    placeholder: "NAME",
    text: "Where the request would be sent; by default the body tells: completions with prompt, " +
      "responses with input, else chat",
    choices: FORMS.join(", "),
    byDefault: "",
  },
  {
    name: "first-token",
    placeholder: "NAME",
    text: "Modes that the decode engines take, as --nixl-first-token; several with commas",
    choices: FIRST_TOKENS.join(", "),
    byDefault: "prefill; decode with nixl and shared_storage",
  },
  {
    name: "kv-protocol",
    placeholder: "NAME",
    text: "How KV moves",
    choices: KV_NAMES.join(", "),
    byDefault: "lmcache",
  },
  {
    name: "route",
    placeholder: "NAME",
    text: "What the client asks for by x-pd-route",
    choices: ROUTE_WISHES.join(", "),
    byDefault: "",
  },
  {
    name: "disagg-min-prompt-tokens",
    placeholder: "N",
    text: "Least prompt that is handed off, in tokens",
    choices: "",
    byDefault: "0",
  },
  {
    name: "config",
    placeholder: "FILE",
    text: "The router's configuration file, which then tells modes and protocols",
    choices: "",
    byDefault: "",
  },
] as const;

const KNOWN = FLAGS.map(({ name }) => ({ name, type: "string" }));

/** Help of `pd-router explain`. */
export function explainHelp(): string {
  return commandHelp("pd-router explain [--request FILE] [flags]", [
    { title: "Explain", flags: FLAGS },
  ]);
}

/**
 * Run the command; resolves to the exit code: 0 when the decision or the table is printed, 1 when
 * the request cannot be read or the router would refuse it, 2 for a wrong command line.
 */
export async function runExplain(argv: readonly string[], ports: CliPorts): Promise<number> {
  const parsed = parseArgv(KNOWN, argv);
  const { out, err } = ports.stdio;
  if (parsed.help || parsed.version) {
    await out.print(parsed.help ? explainHelp() : VERSION_LINE);
    return 0;
  }
  const asked = readFlags(parsed, ports);
  if (!asked.ok) return await refuse(asked.problems, ports, "pd-router help explain");
  if (asked.file === undefined) {
    await out.print(featureTable());
    return 0;
  }
  try {
    const request = parseRequest(encodeUtf8(await readText(asked.file, ports)));
    const form = asked.form ?? formOf(request);
    const { config } = asked;
    const { model, setup } = config === undefined
      ? { model: request.model, setup: madeUp(asked, request.model) }
      : configured(config, request.model, asked.wish);
    await out.print(explainRequest(readGeneration(form, { ...request, model }), setup));
    return 0;
  } catch (error) {
    if (!(error instanceof RouterError)) throw error;
    await err.print(`pd-router: ${describeError(error)}`);
    return 1;
  }
}

async function readText(
  file: string,
  { readFile, readStdin }: Pick<CliPorts, "readFile" | "readStdin">,
): Promise<string> {
  try {
    return file === "-" ? await readStdin() : readFile(file);
  } catch (cause) {
    const name = file === "-" ? "standard input" : file;
    throw new RouterError("bad-request", `Cannot read ${name}`, { cause });
  }
}

/** The endpoint that a body without one named is probably for. */
function formOf({ body }: ApiRequest): GenerationForm {
  if (body.has("messages")) return "chat";
  if (body.has("prompt")) return "completions";
  return body.has("input") ? "responses" : "chat";
}

type Asked =
  | {
    readonly ok: true;
    readonly file: string | undefined;
    readonly form: GenerationForm | undefined;
    readonly protocol: KvName;
    readonly modes: readonly Mode[];
    readonly wish: RouteWish | undefined;
    readonly minPromptTokens: number;
    /** Wins over all of these but the wish. */
    readonly config: RouterConfig | undefined;
  }
  | { readonly ok: false; readonly problems: readonly Problem[] };

function readFlags({ flags, problems: before }: ParsedArgv, ports: CliPorts): Asked {
  const problems = [...before];
  const names: readonly string[] = KNOWN.map(({ name }) => name);
  for (const name of flags.keys()) {
    if (names.includes(name)) continue;
    const message = withSuggestion("unknown flag of pd-router explain", name, names, "--");
    problems.push({ key: `--${name}`, message });
  }
  const pick = <T extends string>(
    name: string,
    value: string | undefined,
    choices: readonly T[],
  ): T | undefined => {
    const found = choices.find((known) => known === value);
    if (value !== undefined && found === undefined) {
      const message = withSuggestion(`expected one of ${choices.join(", ")}`, value, choices);
      problems.push({ key: `--${name}`, value, message });
    }
    return found;
  };
  const last = (name: string): string | undefined => flags.get(name)?.at(-1);
  const form = pick("endpoint", last("endpoint"), FORMS);
  const protocol = pick("kv-protocol", last("kv-protocol"), KV_NAMES) ?? "lmcache";
  const { notifies } = KV_PROTOCOLS[protocol];
  const given = last("first-token")?.split(",").map((value) => value.trim());
  const wanted = given?.flatMap((value) => pick("first-token", value, FIRST_TOKENS) ?? []);
  if (!notifies && wanted?.some((mode) => mode !== "decode")) {
    const message = `with --kv-protocol ${protocol} all tokens come from decode engines`;
    problems.push({ key: "--first-token", value: given?.join(",") ?? "", message });
  }
  const config = flags.has("config") ? loadConfig(onlyConfig(flags), ports) : undefined;
  if (config?.ok === false) problems.push(...config.problems);
  const wish = pick("route", last("route"), ROUTE_WISHES);
  if (wish !== undefined && config?.ok === true && config.config.worth?.routeHeader !== true) {
    const message = "the router of --config passes over it, without --allow-route-header";
    problems.push({ key: "--route", value: wish, message });
  }
  const least = last("disagg-min-prompt-tokens") ?? "0";
  if (!/^\d{1,9}$/.test(least)) {
    const message = "expected a number of tokens";
    problems.push({ key: "--disagg-min-prompt-tokens", value: least, message });
  }
  for (const name of config === undefined ? [] : TOLD_BY_CONFIG) {
    if (flags.has(name)) problems.push({ key: `--${name}`, message: "--config tells that" });
  }
  if (problems.length > 0) return { ok: false, problems };
  const words = wanted ?? [notifies ? "prefill" : "decode"] as const;
  const told = new Set(words.flatMap(modesOfFirstToken));
  const modes = MODES.filter((mode) => told.has(mode));
  const chosen = config?.ok === true ? config.config : undefined;
  return {
    ok: true,
    file: last("request"),
    form,
    protocol,
    modes,
    wish,
    minPromptTokens: Number(least),
    config: chosen,
  };
}

const TOLD_BY_CONFIG = ["first-token", "kv-protocol", "disagg-min-prompt-tokens"] as const;

/** The router's own flags are not told here: its file and its environment are. */
function onlyConfig(flags: ParsedArgv["flags"]): ParsedArgv {
  const config = flags.get("config") ?? [];
  return { flags: new Map([["config", config]]), problems: [], help: false, version: false };
}

type MadeUpAsk = Pick<
  Extract<Asked, { readonly ok: true }>,
  "protocol" | "modes" | "wish" | "minPromptTokens"
>;

/** One engine of each role, of which no more is known than what the flags say. */
function madeUp(
  { protocol: kv, modes, wish, minPromptTokens }: MadeUpAsk,
  model: string,
): Setup {
  const receiver = { host: "decode", initPorts: [0], allocPorts: [0], modes };
  const engine = (role: "prefill" | "decode"): Engine => ({
    id: role,
    url: `http://${role}`,
    role,
    models: [model],
    kv,
    ...(role === "decode" ? { nixl: receiver } : {}),
  });
  const rules = { ...NO_RULES, minPromptTokens };
  return setupOf([engine("prefill"), engine("decode")], model, false, { rules, wish });
}

/** The model that `asked` stands for, and what the engines that may serve it are set up for. */
function configured(
  { aliases, engines, handoff, tokenize, worth }: RouterConfig,
  asked: string,
  wish: RouteWish | undefined,
): { readonly model: string; readonly setup: Setup | undefined } {
  const model = aliases.get(asked) ?? asked;
  const able = engines.filter(({ models }) => models.length === 0 || models.includes(model));
  if (able.length === 0) {
    const known = [...new Set(engines.flatMap(({ models }) => models))].join(", ");
    const message = `The configuration has no engine for model '${model}'; it has ${known}`;
    throw new RouterError("unknown-model", message, { param: "model" });
  }
  if (handoff.kind === "none") return { model, setup: undefined };
  return {
    model,
    setup: setupOf(able, model, tokenize.how !== "engine", { rules: worth ?? NO_RULES, wish }),
  };
}

function setupOf(
  engines: readonly Engine[],
  model: string,
  exactPrompts: boolean,
  worth: WorthSetup,
): Setup {
  const serving = engines.map((engine) => idleCandidate({ ...engine, models: [model] }));
  return { group: new ModelGroup(serving, model), kv: KV_TABLE, exactPrompts, worth };
}
