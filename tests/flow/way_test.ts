import type { Engine } from "../../lib/base/mod.ts";
import type { GenerationForm, GenerationRequest } from "../../lib/disagg/mod.ts";
import { decideWay, lackOf, type Way } from "../../lib/flow/mod.ts";
import { KV_TABLE } from "../../lib/kv/mod.ts";
import { choosePair, idleCandidate, ModelGroup, policiesFor } from "../../lib/selection/mod.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { engineOf, generationOf } from "../support/flow_fakes.ts";
import { CELLS, decisionFor, type MatrixPool, POOLS, requestOf } from "../support/matrix.ts";

const ROLES = { p: "prefill", d: "decode", a: "any" } as const;
const KV = { L: "lmcache", N: "nixl", S: "shared_storage" } as const;
const MODES = { 0: [], 1: ["p1"], 2: ["d1"], 3: ["p1", "d1"] } as const;

function isKey<T extends object>(table: T, key: string): key is Extract<keyof T, string> {
  return Object.hasOwn(table, key);
}

/** Engines of words such as `pL` (prefill, LMCache) and `dL3` (decode, both modes); ids are these. */
function fleetOf(text: string): readonly Engine[] {
  return text.split(" ").map((id) => {
    const [role = "", kv = "", modes = ""] = id;
    if (!isKey(ROLES, role)) throw new Error(`No role in ${id}`);
    return engineOf(
      id,
      ROLES[role],
      isKey(KV, kv) ? KV[kv] : "none",
      isKey(MODES, modes) ? MODES[modes] : undefined,
    );
  });
}

function groupOf(engines: readonly Engine[]): ModelGroup {
  return new ModelGroup(engines.map(idleCandidate), "m");
}

/** The way, and the decode engines that would be chosen from: `p1 exact: dL1`. */
function wayText(request: GenerationRequest, fleet: string, exactPrompts: boolean): string {
  const group = groupOf(fleetOf(fleet));
  const way = decideWay(request, group, { kv: KV_TABLE, exactPrompts });
  if (way.kind === "direct") return `direct ${way.reason}`;
  const takers = group.taking(way.takes).map(({ engine }) => engine.id);
  return `${way.mode}${way.exact ? " exact" : ""}: ${takers.join(" ")}`;
}

type Asked = readonly [form: GenerationForm, body: Readonly<Record<string, unknown>>];

const MESSAGES = [{ role: "user", content: "hi" }];
const PLAIN: Asked = ["completions", { prompt: "hi" }];
const TOOLS: Asked = ["chat", { messages: MESSAGES, tools: [{ type: "function" }] }];
const DOCUMENTS: Asked = ["chat", { messages: MESSAGES, documents: [{ text: "t" }] }];
const SAMPLES: Asked = ["completions", { prompt: "hi", n: 2 }];
const RESPONSES: Asked = ["responses", { input: "hi" }];
const SUFFIX: Asked = ["completions", { prompt: "hi", suffix: "end" }];

/** Without, and with, a way to ids that `/tokenize` cannot express; one text where it is the same. */
type Row = readonly [fleet: string, asked: Asked, way: string, exact?: string];

const ONE_PROTOCOL: readonly Row[] = [
  ["pL dL1", PLAIN, "p1: dL1"],
  ["pL dL2", PLAIN, "d1: dL2"],
  ["pL dL3", PLAIN, "p1: dL3"],
  ["pL dL1 dL2 dL3", PLAIN, "p1: dL1 dL3"],
  ["pN dN", PLAIN, "d1: dN"],
  ["pS dS", PLAIN, "d1: dS"],
  ["pL dL1", TOOLS, "direct tools"],
  ["pL dL2", TOOLS, "d1: dL2"],
  ["pL dL1 dL3", TOOLS, "d1: dL3"],
  ["pN dN", TOOLS, "d1: dN"],
  ["pL dL1", RESPONSES, "direct endpoint"],
  ["pL dL2", RESPONSES, "d1: dL2"],
  ["pL dL3", SUFFIX, "direct suffix"],
  ["pS dS", SUFFIX, "direct suffix"],
];

const READ_AGAIN: readonly Row[] = [
  ["pL dL1", SAMPLES, "direct n"],
  ["pL dL2", SAMPLES, "direct n"],
  ["pL dL3", SAMPLES, "direct n"],
  ["pN dN", SAMPLES, "d1: dN"],
  ["pS dS", SAMPLES, "d1: dS"],
  ["pL dL2 pN dN", SAMPLES, "d1: dN"],
  ["pL dL3 pN dN pS dS", SAMPLES, "d1: dN dS"],
  // The engine that could read again is no one's partner.
  ["pL dL2 dN", SAMPLES, "direct n"],
];

const EXACT: readonly Row[] = [
  ["pL dL1", DOCUMENTS, "direct documents", "p1 exact: dL1"],
  ["pL dL1", PLAIN, "p1: dL1"],
  ["pL dL1", TOOLS, "direct tools"],
  // Mode D1 needs no ids, so it goes first.
  ["pL dL1 dL2", DOCUMENTS, "d1: dL2"],
  ["pL dL1 pN dN", DOCUMENTS, "d1: dN"],
  ["pL dL1 dN", DOCUMENTS, "direct documents", "p1 exact: dL1"],
  ["pN dN", DOCUMENTS, "d1: dN"],
];

const MIXED: readonly Row[] = [
  ["pL dL1 pN dN", PLAIN, "p1: dL1"],
  ["pL dL1 pN dN", TOOLS, "d1: dN"],
  ["pL dL2 pN dN pS dS", PLAIN, "d1: dL2 dN dS"],
  // A decode engine without a partner of its protocol does not decide the mode.
  ["pN dN dL1", PLAIN, "d1: dN"],
  ["pN dN dL3", PLAIN, "d1: dN"],
  ["pL dL1 dN", TOOLS, "direct tools"],
  ["pL dL1 dN", PLAIN, "p1: dL1"],
  // None has a partner: then all decide, and choosing finds that there is no prefill engine.
  ["dL1", PLAIN, "p1: dL1"],
  ["pN dL1", PLAIN, "p1: dL1"],
  ["pN dL1", TOOLS, "direct tools"],
  ["dL1 dN", TOOLS, "d1: dN"],
];

const NO_RECEIVER: readonly Row[] = [
  ["pL a", PLAIN, "direct no_nixl_receiver"],
  ["pL dL", PLAIN, "direct no_nixl_receiver"],
  ["pL dL0", PLAIN, "direct no_nixl_receiver"],
  ["a", PLAIN, "direct no_nixl_receiver"],
  // What would stand in the way with a receiver is told first.
  ["pL a", TOOLS, "direct tools"],
];

const TABLES: Readonly<Record<string, readonly Row[]>> = {
  "takes mode P1 where a decode engine can, else D1": ONE_PROTOCOL,
  "keeps KV that is read again from LMCache's receivers": READ_AGAIN,
  "asks for exact ids only where no mode does without": EXACT,
  "goes by the engines that have a partner": MIXED,
  "tells why no decode engine can take a handoff": NO_RECEIVER,
};

for (const [criterion, rows] of Object.entries(TABLES)) {
  Deno.test(`decideWay() ${criterion}`, () => {
    for (const [fleet, [form, body], way, exact = way] of rows) {
      const request = generationOf(form, body);
      const name = `${fleet}: ${JSON.stringify(body)}`;
      assertEquals(wayText(request, fleet, false), way, name);
      assertEquals(wayText(request, fleet, true), exact, `${name}, exact`);
    }
  });
}

Deno.test("decideWay() leaves engines of other models out", () => {
  const others = fleetOf("pN dN").map((engine) => ({ ...engine, models: ["other"] }));
  const group = groupOf([...others, ...fleetOf("pL dL1")]);
  const request = generationOf("chat", TOOLS[1]);
  const way = decideWay(request, group, { kv: KV_TABLE, exactPrompts: false });
  assertEquals(way, { kind: "direct", reason: "tools" });
});

Deno.test("decideWay() gives the same test of decode engines each time, as groups keep it", () => {
  const group = groupOf(fleetOf("pL dL1 pN dN"));
  const takesOf = ([form, body]: Asked): unknown => {
    const options = { kv: KV_TABLE, exactPrompts: false };
    const way: Way = decideWay(generationOf(form, body), group, options);
    return way.kind === "handoff" ? way.takes : undefined;
  };
  assert(takesOf(PLAIN) !== undefined);
  const [plain, again, tools, samples] = [PLAIN, PLAIN, TOOLS, SAMPLES].map(takesOf);
  assert(plain !== undefined && plain === again);
  assert(tools !== undefined && samples !== undefined && tools !== samples);
});

/** A prefill engine, and a decode engine for each of the pool's modes. */
function poolFleet({ shape }: MatrixPool): readonly Engine[] {
  const { protocol = "lmcache", modes = ["p1"] } = shape;
  const decodes = modes.map((mode, at) => engineOf(`d${at}`, "decode", protocol, [mode]));
  return [engineOf("p", "prefill", protocol), ...decodes];
}

Deno.test("decideWay() decides as the tables of features say, for every request of the matrix", () => {
  for (const pool of POOLS) {
    const { exactPrompts = false } = pool;
    for (const cell of CELLS) {
      const request = generationOf(cell.form, requestOf(cell, "m"));
      const way = decideWay(request, groupOf(poolFleet(pool)), { kv: KV_TABLE, exactPrompts });
      const decision = decisionFor(cell, pool);
      const told = decision.kind === "direct"
        ? decision
        : { kind: "handoff", mode: decision.mode, exact: decision.exact === true };
      const { kind } = way;
      const seen = kind === "direct" ? way : { kind, mode: way.mode, exact: way.exact };
      assertEquals<unknown>(seen, told, `${pool.name}: ${cell.name}`);
    }
  }
});

Deno.test("lackOf() tells what a fleet without a pair lacks", () => {
  for (
    const [fleet, reason] of [
      ["dL1", "no_prefill_engine"],
      ["pN dL1", "no_prefill_engine"],
      ["pL", "no_nixl_receiver"],
    ] as const
  ) {
    const takes = KV_TABLE.takes("p1", false);
    const choice = choosePair(groupOf(fleetOf(fleet)), policiesFor({ kind: "roundrobin" }), {
      model: "m",
      attempt: 1,
      universe: [],
      takes,
    });
    assertEquals(choice.kind === "none" && lackOf(choice.lacks), reason, fleet);
  }
});
