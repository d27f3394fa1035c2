/** What engines are asked for beside their models, with the router's own key. @module */
import { type Clock, type Engine, jsonOf, recordOf, RouterError } from "./base/mod.ts";
import type { ReadMetrics } from "./app_load.ts";
import { type EngineTold, FactsWatch, toldIn } from "./fleet/mod.ts";
import type { FlowDeps } from "./request/mod.ts";

/** Largest answer of `/version`, in bytes. */
const MAX_VERSION_BYTES = 64 * 1024;

/** Longest version that is kept, in characters. */
const MAX_VERSION = 100;

/** Longest wait for all of it, in milliseconds: until then the engine is not known to answer. */
const TIMEOUT_MS = 2_000;

/** What engines are asked with. */
export interface FactsParts extends Pick<FlowDeps, "upstream" | "timeouts"> {
  readonly clock: Clock;
  readonly apiKey: string | undefined;
  readonly readMetrics: ReadMetrics;
  readonly onRestart: (engine: Engine) => void;
}

/** Watch what engines tell. */
export function watchFacts(parts: FactsParts): FactsWatch {
  const { clock, readMetrics, onRestart } = parts;
  return new FactsWatch({
    onRestart,
    async ask({ url }, signal) {
      const late = new AbortController();
      using _timer = clock.after(TIMEOUT_MS, () => late.abort());
      const until = AbortSignal.any([signal, late.signal]);
      const [version, samples] = await Promise.all([
        orNothing(versionOf(parts, url, until)),
        orNothing(readMetrics(url, until)),
      ]);
      const told: EngineTold = samples === undefined ? {} : toldIn(samples);
      return version === undefined ? told : { ...told, version };
    },
  });
}

/** Undefined where the engine gives no answer: it need not tell. */
async function orNothing<Told>(asked: Promise<Told>): Promise<Told | undefined> {
  try {
    return await asked;
  } catch (error) {
    if (error instanceof RouterError || error instanceof SyntaxError) return undefined;
    throw error;
  }
}

async function versionOf(
  { upstream, timeouts, apiKey }: FactsParts,
  url: string,
  signal: AbortSignal,
): Promise<string | undefined> {
  using response = await upstream.send({
    method: "GET",
    url,
    path: "/version",
    headers: apiKey === undefined ? [] : [["authorization", `Bearer ${apiKey}`]],
    replayable: true,
    connectTimeoutMs: timeouts.connectMs,
    headTimeoutMs: TIMEOUT_MS,
    idleTimeoutMs: TIMEOUT_MS,
    signal,
  });
  const bytes = await response.readAll(MAX_VERSION_BYTES);
  const version = response.status === 200 ? recordOf(jsonOf(bytes))?.["version"] : undefined;
  return typeof version === "string" ? version.slice(0, MAX_VERSION) : undefined;
}
