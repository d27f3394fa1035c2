import fc from "fast-check";
import { KV_PROTOCOLS, type KvName } from "../../lib/base/mod.ts";
import { startHandoff } from "../../lib/app_handoff.ts";
import { dispatch } from "../../lib/cli/dispatch.ts";
import type { RouterConfig } from "../../lib/config/mod.ts";
import { generate } from "../../lib/flow/mod.ts";
import { RouterError } from "../../lib/base/mod.ts";
import { assert, assertEquals, fail } from "../support/assert.ts";
import { fakeProcess } from "../cli/support.ts";
import { configOf } from "../config/support.ts";
import { FakePull } from "../support/fake_pull.ts";
import { contextAt, flowSetting, generationOf } from "../support/flow_fakes.ts";
import { CELLS, type MatrixCell, requestOf } from "../support/matrix.ts";

/** What becomes of one prompt; `by` are the protocols it may be handed over by. */
type Decided =
  | { readonly kind: "handoff"; readonly mode: string; readonly by: readonly string[] }
  | { readonly kind: "direct"; readonly reason: string };

const TOKENIZED = ["engine", "prefill", "render", "auto"] as const;
const FIRST_TOKENS = ["prefill", "decode", "both"] as const;

/** What an engine of a fleet whose usual protocol is `usual` may be; LMCache cannot be an exception. */
function engineEntries(usual: KvName): fc.Arbitrary<Record<string, unknown>> {
  const others = (["nixl", "shared_storage"] as const).filter((name) => name !== usual);
  return fc.record({
    role: fc.constantFrom("prefill", "decode", "any"),
    models: fc.constantFrom(["m"], ["m"], ["other"], ["m", "other"]),
    kv_protocol: fc.constantFrom(usual, usual, ...others),
    first_token: fc.constantFrom(...FIRST_TOKENS),
  });
}

/** Whether an entry may say which modes its engine takes. */
function receives({ role, kv_protocol: kv }: Record<string, unknown>): boolean {
  return role === "decode" && kv === "lmcache";
}

/** A configuration file with engines of all sorts, one of which serves `m`. */
const CONFIGS = fc.constantFrom("lmcache", "nixl", "shared_storage").chain((usual) =>
  fc.record({
    tokenize: fc.constantFrom(...TOKENIZED),
    engines: fc.array(engineEntries(usual), { maxLength: 6 }),
    served: fc.constantFrom("prefill", "decode", "any"),
  }).map(({ tokenize, engines, served }) => ({
    routing_logic: "disaggregated_prefill",
    kv_protocol: usual,
    nixl_proxy_host: "127.0.0.1",
    tokenize,
    engines: [
      // Those that a configuration must have, of another model: they decide nothing about `m`.
      { role: "prefill", models: ["other"], kv_protocol: usual },
      { role: "decode", models: ["other"], kv_protocol: usual },
      { role: served, models: ["m"], kv_protocol: usual },
      ...engines,
    ].map(({ first_token, ...engine }: Record<string, unknown>, at) => ({
      url: `http://e${at}:8000`,
      ...engine,
      ...(receives(engine) && first_token !== undefined ? { nixl: { first_token } } : {}),
    })),
  }))
);

/** What `pd-router explain` says of each prompt of a request, in order. */
async function explained(config: unknown, cell: MatrixCell): Promise<readonly Decided[]> {
  const { ports, out, err } = fakeProcess({}, {
    "c.json": JSON.stringify(config),
    "r.json": JSON.stringify(requestOf(cell, "m")),
  });
  const files = ["--config", "c.json", "--request", "r.json"];
  const code = await dispatch(["explain", ...files, "--endpoint", cell.form], ports);
  assertEquals([code, err.text], [0, ""]);
  const [head = "", ...parts] = out.text.split("\n\n");
  const prompts = Number(/(\d+) prompts/.exec(head)?.[1] ?? 1);
  if (parts.length === 0) return Array.from({ length: prompts }, () => decidedIn(head));
  const all: Decided[] = [];
  for (const part of parts) {
    const [, indexes = ""] = /^Prompts? +([\d, ]+)$/m.exec(part) ?? [];
    for (const index of indexes.split(", ")) all[Number(index)] = decidedIn(part);
  }
  return all;
}

function decidedIn(text: string): Decided {
  const handoff = /^Decision +handoff in mode (P1|D1), KV by (.*?):/m.exec(text);
  const [, mode = "", by = ""] = handoff ?? [];
  if (handoff !== null) return { kind: "handoff", mode: mode.toLowerCase(), by: by.split(" or ") };
  const [, reason] = /^Decision +direct, reason (\w+):/m.exec(text) ?? [];
  return reason === undefined ? fail(text) : { kind: "direct", reason };
}

/** What `generate` sets out to do with each prompt of a request, whose engines are not reached. */
async function begun(config: RouterConfig, cell: MatrixCell): Promise<readonly Decided[]> {
  if (config.handoff.kind === "none") throw new Error("A configuration without handoffs");
  const nobody = new RouterError("upstream-unreachable", "Nobody is there");
  await using setting = flowSetting(config.engines, () => nobody);
  const { flow, clock, fleet, lines } = setting;
  const pull = new FakePull();
  await using handoff = await startHandoff(config.handoff, flow, config, {
    bindPull: pull.bind,
  });
  const deps = {
    ...handoff.deps,
    trustClientKvParams: false,
    lmcacheTagDirect: false,
    failurePolicy: "error" as const,
    fallbackShare: 1,
    continueStreams: false,
  };
  const request = generationOf(cell.form, requestOf(cell, "m"));
  const ask = { request, path: "/", sessionKey: undefined };
  // Every way ends with the error of its engines, or for want of one.
  await generate(deps, contextAt(clock), ask).then(
    () => fail("An answer of nobody"),
    (error: unknown) => assert(error instanceof RouterError),
  );
  const first = new Map<string, Decided>();
  for (const { message, request: id, route, reason, decode } of lines) {
    if (message !== "Handing off" && message !== "Serving directly") continue;
    const engine = fleet.snapshot().engines.find(({ url }) => url === decode);
    const by = engine === undefined || engine.kv === "none" ? [] : [KV_PROTOCOLS[engine.kv].title];
    const decided: Decided = message === "Serving directly"
      ? { kind: "direct", reason: String(reason) }
      : { kind: "handoff", mode: route === "handoff_p1" ? "p1" : "d1", by };
    if (!first.has(String(id))) first.set(String(id), decided);
  }
  return [...first].sort(([a], [b]) => a < b ? -1 : 1).map(([, decided]) => decided);
}

const LIST: MatrixCell = {
  name: "prompts that are not alike",
  feature: { name: "several prompts", fields: { completions: { prompt: ["a", "", "b"] } } },
  form: "completions",
  stream: false,
};

Deno.test("decideWay() is what explain tells and what generate begins, whatever the fleet", async () => {
  const seen = new Set<string>();
  await fc.assert(
    fc.asyncProperty(CONFIGS, fc.constantFrom(LIST, ...CELLS), async (config, cell) => {
      const told = await explained(config, cell);
      const done = await begun(configOf({ file: JSON.stringify(config) }), cell);
      assertEquals(done.length, told.length, cell.name);
      for (const [at, one] of done.entries()) {
        const other = told[at];
        seen.add(one.kind === "direct" ? one.reason : `${one.mode} ${one.by}`);
        if (one.kind === "direct" || other?.kind !== "handoff") assertEquals(one, other, cell.name);
        else {
          assertEquals(one.mode, other.mode, cell.name);
          assert(one.by.every((title) => other.by.includes(title)), `${one.by} of ${other.by}`);
        }
      }
    }),
    { numRuns: 250, seed: 1 },
  );
  // The fleets and requests are such that every kind of decision comes up.
  const kinds = ["p1 LMCache", "d1 LMCache", "d1 NixlConnector", "no_prefill_engine", "n", "tools"];
  assertEquals(kinds.filter((kind) => !seen.has(kind)), [], [...seen].join("\n"));
});
