/** What engines that were looked at have to have in common. Pure. @module */
import type { Engine } from "../base/mod.ts";
import { differencesIn, type Property, type RoleDifference } from "../fleet/mod.ts";
import { type CheckName, type Finding, well } from "./finding.ts";
import { type Looked, nameOf } from "./looked.ts";

/** Slower answers to `GET /health` are told, in milliseconds. */
const SLOW_MS = 1_000;

/** Whether each engine answers. */
export function engineFindings(looked: readonly Looked[]): readonly Finding[] {
  if (looked.length === 0) {
    return [{
      check: "engines",
      outcome: "failed",
      subject: "",
      said: "there are no engines",
      advice: "name some: --prefill and --decode, --static-backends, or a way to find them",
    }];
  }
  return looked.map(({ engine, silent, tookMs = 0 }): Finding => {
    const subject = nameOf(engine);
    if (silent !== undefined) {
      return {
        check: "engines",
        outcome: "failed",
        subject,
        said: `gives no answer: ${silent}`,
        advice: "is vLLM running there, and does a firewall let this host reach the port?",
      };
    }
    if (tookMs <= SLOW_MS) return well("engines", subject, `answers within ${ceil(tookMs)} ms`);
    return {
      check: "engines",
      outcome: "warning",
      subject,
      said: `takes ${ceil(tookMs)} ms for GET /health`,
      advice: "its API server is short of CPU, or the network between is slow",
    };
  });
}

function ceil(ms: number): number {
  return Math.max(1, Math.ceil(ms));
}

/** Clocks further apart than this are told, in milliseconds: `Date` fields tell whole seconds. */
const SKEWED_MS = 2_000;

/** Whether the clocks of engines' hosts go with this one's. */
export function clockFindings(looked: readonly Looked[]): readonly Finding[] {
  const told = looked.filter(({ skewMs }) => skewMs !== undefined);
  const skewed = told.filter(({ skewMs = 0 }) => Math.abs(skewMs) > SKEWED_MS);
  if (skewed.length === 0) {
    return [
      told.length === 0
        ? skippedFor("clocks", "no engine tells its time")
        : well("clocks", "", `${counted(told.length, "engine")} within ${SKEWED_MS / 1000} s`),
    ];
  }
  return skewed.map(({ engine, skewMs = 0 }) => ({
    check: "clocks",
    outcome: "warning",
    subject: nameOf(engine),
    said: `its clock is ${Math.abs(skewMs / 1000).toFixed(0)} s ${skewMs > 0 ? "ahead" : "behind"}`,
    advice: "logs of the hosts cannot be read side by side: run chrony or systemd-timesyncd there",
  }));
}

/** Which models can be served, and by whom. */
export function modelFindings(looked: readonly Looked[], handsOver: boolean): readonly Finding[] {
  const silent = looked.filter((one) => one.silent === undefined && one.cards === undefined);
  const untold = silent.map(({ engine }): Finding => ({
    check: "models",
    outcome: "failed",
    subject: nameOf(engine),
    said: "answers, but tells no models at GET /v1/models",
    advice: "does it want a key (VLLM_API_KEY), or is something else listening there?",
  }));
  const unserved = looked.flatMap(({ engine, cards }): readonly Finding[] => {
    const missing = engine.models.filter((model) =>
      cards?.some(({ id }) => id === model) === false
    );
    return missing.map((model) => ({
      check: "models",
      outcome: "failed",
      subject: nameOf(engine),
      said: `does not serve ${model}, which it is configured for`,
      advice: `it serves ${
        namesOf(cards ?? [])
      }: correct the configuration or its --served-model-name`,
    }));
  });
  const models = new Set(looked.flatMap(({ cards = [] }) => cards.map(({ id }) => id)));
  const served = [...models].sort().map((model) => servedFinding(model, looked, handsOver));
  const found = [...untold, ...unserved, ...served];
  return found.length > 0 ? found : [skippedFor("models", "no engine tells its models")];
}

function servedFinding(model: string, looked: readonly Looked[], handsOver: boolean): Finding {
  const by = looked.filter(({ cards }) => cards?.some(({ id }) => id === model) === true);
  const count = (role: Engine["role"]): number =>
    by.filter(({ engine }) => engine.role === role).length;
  const [prefill, both] = [count("prefill"), count("both")];
  const sides = (["prefill", "decode"] as const).filter((side) => count(side) + both === 0);
  const [lacking] = sides;
  if (!handsOver || lacking === undefined || (sides.length === 2 && count("any") > 0)) {
    const roles = (["prefill", "decode", "both", "any"] as const).flatMap((role) =>
      count(role) === 0 ? [] : [`${count(role)} ${role}`]
    );
    return well("models", model, `served by ${roles.join(", ")}`);
  }
  const there = prefill > 0 ? "prefill" : "decode";
  return {
    check: "models",
    outcome: "failed",
    subject: model,
    said: `is served by ${there} engines alone: there are no handoffs of it`,
    advice: `start a ${lacking} engine for it, or give both the same --served-model-name`,
  };
}

/** Whether all engines that hand KV over are of one version of vLLM. */
export function versionFindings(looked: readonly Looked[]): readonly Finding[] {
  const told = looked.filter(({ told: { version } }) => version !== undefined);
  if (told.length === 0) return [skippedFor("versions", "no engine tells its version")];
  const differ = differing(looked).filter(({ property }) => property === "version");
  if (differ.length > 0) {
    return differ.map((difference) => differenceFinding("versions", difference));
  }
  const versions = [...new Set(told.flatMap(({ told: { version = "" } }) => version))].sort();
  return [well("versions", "", `vLLM ${versions.join(", ")}`)];
}

/** Whether engines agree on what their KV depends on. */
export function propertyFindings(looked: readonly Looked[]): readonly Finding[] {
  const differ = differing(looked).filter(({ property }) => property !== "version");
  const found = differ.map((difference) => differenceFinding("properties", difference));
  for (const [kv, alike] of Map.groupBy(looked, ({ engine }) => engine.kv)) {
    if (kv === "none") continue;
    found.push(...toldAlike(alike, "cacheDtype", "kv-cache-dtype", true));
    found.push(...toldAlike(alike, "blockSize", "block-size", kv !== "nixl"));
    found.push(...chunksAlike(alike));
  }
  if (found.length > 0) return found;
  const compared = looked.filter(({ engine, cards }) =>
    engine.kv !== "none" && cards !== undefined
  );
  return [
    compared.length === 0 ? skippedFor("properties", "no engine hands KV over") : well(
      "properties",
      "",
      "contexts, types, block and chunk sizes agree, as far as they are told",
    ),
  ];
}

/** Values of one property that are to be the same wherever KV goes. */
function toldAlike(
  alike: readonly Looked[],
  property: "cacheDtype" | "blockSize",
  flag: string,
  grave: boolean,
): readonly Finding[] {
  const values = Map.groupBy(
    alike.filter(({ told }) => told[property] !== undefined),
    ({ told }) => told[property] ?? "",
  );
  if (values.size < 2) return [];
  const list = [...values].map(([value, by]) => `${value} (${by.map(urlOf).join(", ")})`);
  return [{
    check: "properties",
    outcome: grave ? "failed" : "warning",
    subject: "",
    said: `--${flag} differs: ${list.join("; ")}`,
    advice: grave
      ? "give all engines that share KV the same: it is not found, or wrong, otherwise"
      : "vLLM converts between them, at a cost: give all the same where you can",
  }];
}

function chunksAlike(alike: readonly Looked[]): readonly Finding[] {
  const sizes = new Set(alike.flatMap(({ engine }) => engine.chunkTokens ?? []));
  if (sizes.size < 2) return [];
  return [{
    check: "properties",
    outcome: "failed",
    subject: "",
    said: `LMCache's chunk_size differs: ${[...sizes].join(", ")}`,
    advice: "give all engines that share KV the same chunk_size in LMCache's configuration",
  }];
}

/** What is wrong where the roles differ in it. */
const ADVICE: Readonly<Record<Property, readonly [grave: boolean, advice: string]>> = {
  max_model_len: [false, "longer prompts fail on one side: give all the same --max-model-len"],
  root: [true, "KV of another model is garbage: start all with the same model"],
  dtype: [true, "KV of another type is not found: give all the same --dtype"],
  version: [
    false,
    "NIXL refuses another version, LMCache may not find KV: run one version of vLLM",
  ],
};

function differenceFinding(check: CheckName, difference: RoleDifference): Finding {
  const { model, property, prefill, decode } = difference;
  const [grave, advice] = ADVICE[property];
  return {
    check,
    outcome: grave ? "failed" : "warning",
    subject: model,
    said: `${property} is ${prefill.join(", ")} on prefill and ${
      decode.join(", ")
    } on decode engines`,
    advice,
  };
}

function differing(looked: readonly Looked[]): readonly RoleDifference[] {
  const versions = new Map(looked.map(({ engine, told }) => [engine.id, told.version]));
  const entries = looked.map(({ engine, cards = [] }) => ({
    engine: { ...engine, models: cards.map(({ id }) => id) },
    cards,
    created: 0,
  }));
  return differencesIn(entries, (id) => versions.get(id));
}

/** Whether engines that hand KV over have a connector, as far as their metrics show. */
export function connectorFindings(looked: readonly Looked[]): readonly Finding[] {
  const asked = looked.filter(({ engine, silent }) => engine.kv !== "none" && silent === undefined);
  if (asked.length === 0) return [skippedFor("connectors", "no engine hands KV over")];
  return asked.map(({ engine, signs }): Finding => {
    const subject = nameOf(engine);
    if (signs === undefined) {
      return { ...skippedFor("connectors", "tells no metrics at GET /metrics"), subject };
    }
    const { kv } = engine;
    if (kv !== "nixl" && kv !== "lmcache") {
      return { ...skippedFor("connectors", `metrics do not tell of ${kv}`), subject };
    }
    const other = kv === "nixl" ? "lmcache" : "nixl";
    if (signs[kv]) return well("connectors", subject, `its metrics show ${CONNECTORS[kv]}`);
    if (signs[other]) {
      return {
        check: "connectors",
        outcome: "failed",
        subject,
        said: `its metrics show ${CONNECTORS[other]}, and it is configured for ${kv}`,
        advice: `give it kv_protocol ${other} here, or another --kv-transfer-config there`,
      };
    }
    if (kv === "lmcache") {
      const said = "its metrics do not show LMCache, which not all set-ups do";
      return { ...skippedFor("connectors", said), subject };
    }
    return {
      check: "connectors",
      outcome: "warning",
      subject,
      said: `its metrics do not show ${CONNECTORS[kv]}`,
      advice: "was it started with --kv-transfer-config? vLLM before 0.11.1 does not tell",
    };
  });
}

const CONNECTORS = { nixl: "the NixlConnector", lmcache: "LMCache" } as const;

/** One finding that nothing could be found. */
export function skippedFor(check: CheckName, said: string): Finding {
  return { check, outcome: "skipped", subject: "", said };
}

function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? "" : "s"}`;
}

function urlOf({ engine }: Looked): string {
  return engine.url;
}

function namesOf(cards: readonly { readonly id: string }[]): string {
  return cards.map(({ id }) => id).join(", ");
}
