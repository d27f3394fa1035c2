/** Engine records from drafts, with everything that engines must not disagree on. @module */
import {
  type Engine,
  KV_PROTOCOLS,
  type NixlReceiver,
  type Side,
  speakAlike,
} from "../base/mod.ts";
import type { DraftReceiver, EngineDraft } from "./draft.ts";
import { elasticProblems } from "./elastic.ts";
import { modesOfFirstToken } from "./first_token.ts";
import { usualEvents } from "./kv_events.ts";
import type { Problem } from "./problem.ts";
import type { EventPorts, ReceiverDefaults, RecordRules } from "./raw_engine.ts";
import type { Handoff } from "./schema.ts";

/** Addresses that mean "every interface" to the one who binds, and nothing to the one who dials. */
const WILDCARDS = new Set(["0.0.0.0", "::", "[::]", "*"]);

/**
 * The engines of `drafts`, in their order, with unique ids; those that say nothing of KV events publish them
 * on `events`.
 *
 * With `receivers`, that is with handoffs, the port lists of a decode engine must have one length, no two receivers may share
 * a port of a host, and no prefill engine may have more ranks than the decode engines it can meet:
 * LMCache indexes the lists by the rank of the prefill engine (`pd_backend.py`).
 */
export function finishEngines(
  drafts: readonly EngineDraft[],
  receivers: ReceiverDefaults | undefined,
  usual: Handoff["kind"] = receivers === undefined ? "none" : "lmcache",
  events?: EventPorts,
): { readonly engines: readonly Engine[]; readonly problems: readonly Problem[] } {
  const problems = [
    ...duplicateUrls(drafts),
    ...protocolProblems(drafts, usual),
    ...elasticProblems(drafts, usual),
  ];
  const ids = uniqueIds(drafts);
  const rules = { usual, receivers, events };
  const engines = drafts.map((draft, index) =>
    engineRecord(draft, ids[index] ?? draft.at.id, rules)
  );
  const places = drafts.map((draft) => draft.where);
  if (receivers !== undefined) {
    problems.push(...receiverProblems(engines, places), ...rankProblems(engines, places));
  }
  return { engines, problems };
}

/** The record of one engine, under `id`. */
export function engineRecord(draft: EngineDraft, id: string, rules: RecordRules): Engine {
  const { usual, receivers, events } = rules;
  const { label, notifications, maxNumSeqs, chunkTokens, topology } = draft;
  const kvEvents = draft.kvEvents ?? (events && usualEvents(draft.at.host, events));
  const kv = draft.kvProtocol ?? usual;
  const nixl = receivers === undefined || kv !== usual ? undefined : receiverOf(draft, receivers);
  return {
    id,
    url: draft.at.url,
    role: draft.role,
    models: draft.models,
    ...(label === undefined ? {} : { label }),
    kv,
    ...(nixl === undefined ? {} : { nixl }),
    ...(notifications === undefined ? {} : { notifications }),
    ...(maxNumSeqs === undefined ? {} : { maxNumSeqs }),
    ...(chunkTokens === undefined ? {} : { chunkTokens }),
    ...(topology === undefined ? {} : { topology }),
    ...(kvEvents === undefined ? {} : { kvEvents }),
  };
}

/** What is missing among engines that are to hand prompts over. */
export function handoffProblems(engines: readonly Engine[]): readonly Problem[] {
  const isOn = (side: Side) => ({ role }: Engine): boolean => role === side || role === "both";
  const prefill = engines.filter(isOn("prefill"));
  const decode = engines.filter(isOn("decode"));
  const problems: Problem[] = [];
  for (const [role, found] of [["prefill", prefill], ["decode", decode]] as const) {
    if (found.length > 0) continue;
    const message =
      `disaggregated_prefill needs a ${role} engine: add --${role} URL, or name the ` +
      `label of one of --static-model-labels in --${role}-model-labels`;
    problems.push({ key: `--${role}`, message });
  }
  const meeting = prefill.flatMap((one) =>
    decode.filter((other) => mayMeet(one, other)).map((other) => [one, other] as const)
  );
  if (problems.length === 0 && meeting.length === 0) {
    const message = `no prefill engine serves a model of a decode engine: ${modelsOf(prefill)} ` +
      `against ${modelsOf(decode)}`;
    problems.push({ key: "engines", message });
  } else if (problems.length === 0 && !meeting.some((pair) => speakAlike(...pair))) {
    const message = "no prefill engine has the kv_protocol of a decode engine: give it to both";
    problems.push({ key: "engines", message });
  }
  return problems;
}

/** Whether two engines serve a model in common, as far as models are known. */
function mayMeet(one: Engine, other: Engine): boolean {
  return one.models.length === 0 || other.models.length === 0 ||
    one.models.some((model) => other.models.includes(model));
}

function receiverOf(draft: EngineDraft, defaults: ReceiverDefaults): NixlReceiver | undefined {
  if (draft.role !== "decode" && draft.receiver === undefined) return undefined;
  const given: DraftReceiver = draft.receiver ?? {};
  return {
    host: given.host ?? draft.at.host,
    initPorts: given.initPorts ?? defaults.initPorts,
    allocPorts: given.allocPorts ?? defaults.allocPorts,
    modes: modesOfFirstToken(given.firstToken ?? defaults.firstToken),
    ...(given.queryPorts === undefined ? {} : { queryPorts: given.queryPorts }),
    ...(given.buffer === undefined ? {} : { buffer: given.buffer }),
  };
}

function duplicateUrls(drafts: readonly EngineDraft[]): Problem[] {
  const first = new Map<string, string>();
  const problems: Problem[] = [];
  for (const { at, where } of drafts) {
    const before = first.get(at.url);
    if (before === undefined) first.set(at.url, where);
    else problems.push({ key: where, value: at.url, message: `already given by ${before}` });
  }
  return problems;
}

/** What needs settings of the router's own cannot be one engine's exception. */
export function protocolProblems(
  drafts: readonly EngineDraft[],
  usual: Handoff["kind"],
): Problem[] {
  return drafts.flatMap(({ where, at, kvProtocol }): Problem[] => {
    if (kvProtocol === undefined || kvProtocol === usual) return [];
    if (usual !== "none" && !KV_PROTOCOLS[kvProtocol].notifies) return [];
    const message = usual === "none"
      ? "kv_protocol needs --routing-logic disaggregated_prefill"
      : `kv_protocol ${kvProtocol} needs --kv-protocol ${kvProtocol} and --nixl-proxy-host`;
    return [{ key: where, value: at.url, message }];
  });
}

/** `host:port` ids; two schemes of one address are told apart by a number. */
function uniqueIds(drafts: readonly EngineDraft[]): readonly string[] {
  const uses = new Map<string, number>();
  return drafts.map(({ at }) => {
    const use = (uses.get(at.id) ?? 0) + 1;
    uses.set(at.id, use);
    return use === 1 ? at.id : `${at.id}-${use}`;
  });
}

function receiverProblems(engines: readonly Engine[], places: readonly string[]): Problem[] {
  const problems: Problem[] = [];
  const owners = new Map<string, string>();
  const seen = new Set<string>();
  for (const [index, engine] of engines.entries()) {
    const { url } = engine;
    // An engine that is given twice is one problem, not one for each port as well.
    if (seen.has(url)) continue;
    seen.add(url);
    const wrong = (message: string): void =>
      void problems.push({ key: places[index] ?? url, value: url, message });
    for (const fault of receiverFaults(engine)) wrong(fault);
    for (const address of new Set(receiverAddresses(engine))) {
      const owner = owners.get(address);
      if (owner === undefined) owners.set(address, url);
      else {
        wrong(sharedAddress(address, owner));
        break;
      }
    }
  }
  return problems;
}

/** The addresses on which an engine receives KV, `host:port` each; none where it receives none. */
export function receiverAddresses({ nixl }: Engine): readonly string[] {
  if (nixl === undefined) return [];
  const { host, initPorts, allocPorts, queryPorts = [] } = nixl;
  return [...initPorts, ...allocPorts, ...queryPorts].map((port) => `${host}:${port}`);
}

/** What is said of an engine that receives KV on an address of the engine `owner`. */
export function sharedAddress(address: string, owner: string): string {
  return `receives KV on ${address}, as ${owner} does: give each its own host or ports`;
}

/** What is wrong with where an engine receives KV, whatever others do. */
export function receiverFaults(engine: Engine): readonly string[] {
  const { nixl } = engine;
  if (nixl === undefined) return [];
  const faults: string[] = [];
  if (WILDCARDS.has(nixl.host)) {
    faults.push(`prefill engines cannot connect to "${nixl.host}": give the host they reach it by`);
  }
  const { initPorts, allocPorts, queryPorts } = nixl;
  const lengths = [initPorts, allocPorts, ...(queryPorts === undefined ? [] : [queryPorts])]
    .map((list) => list.length);
  if (new Set(lengths).size > 1) {
    const counts = ["init", "alloc", "query"].flatMap((name, at) =>
      lengths[at] === undefined ? [] : `${lengths[at]} ${name}`
    );
    faults.push(`has ${counts.join(", ")} ports: one of each for every rank`);
  }
  const seen = new Set<string>();
  for (const address of receiverAddresses(engine)) {
    if (seen.has(address)) faults.push(`uses the port ${address} twice`);
    seen.add(address);
  }
  return faults;
}

function rankProblems(engines: readonly Engine[], places: readonly string[]): Problem[] {
  return engines.flatMap((prefill, index): Problem[] => {
    const short = engines.values().map((decode) => ranksFault(prefill, decode))
      .find((fault) => fault !== undefined);
    return short === undefined
      ? []
      : [{ key: places[index] ?? prefill.url, value: prefill.url, message: short }];
  });
}

/** Why LMCache on `prefill` cannot send to `decode`: it has a port for each of its ranks. */
export function ranksFault(prefill: Engine, decode: Engine): string | undefined {
  const { notifications: ranks = 0 } = prefill;
  if (ranks === 0 || decode.nixl === undefined || decode === prefill) return undefined;
  const ports = decode.nixl.initPorts.length;
  if (ports >= ranks || !mayMeet(prefill, decode)) return undefined;
  return `has ${ranks} ranks that notify, more than ${decode.url} has ports ` +
    `(${ports}): one for every rank`;
}

function modelsOf(engines: readonly Engine[]): string {
  return [...new Set(engines.flatMap((engine) => engine.models))].join(", ");
}
