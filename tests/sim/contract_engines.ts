/** Simulated engines set up as the recorded ones were. @module */
import type { Engines, Target } from "../../scripts/real/recording/mod.ts";
import type { SimOptions } from "../../lib/sim/mod.ts";
import { startEngine } from "./support.ts";

const COMMON: Partial<SimOptions> = {
  models: ["m"],
  maxModelLen: 2048,
  blockSize: 128,
};

/** Running engines by what they are asked as. */
export interface ContractEngines extends AsyncDisposable {
  readonly urls: Engines;
}

const NIXL = {
  kvConnector: "nixl",
  promptTokensDetails: true,
  toolParser: false,
  reasoningParser: "none",
} as const;

const OPTIONS: Readonly<Record<Target, Partial<SimOptions>>> = {
  engine: { toolParser: false, reasoningParser: "none", scaleOut: false },
  parsers: { promptTokensDetails: true, reasoningParser: "counted" },
  prefill: { ...NIXL, role: "prefill" },
  decode: { ...NIXL, role: "decode" },
};

/** Start the engines that `targets` name. */
export async function startContractEngines(
  targets: ReadonlySet<Target>,
): Promise<ContractEngines> {
  await using stack = new AsyncDisposableStack();
  const urls: Partial<Record<Target, string>> = {};
  for (const target of targets) {
    const engine = stack.use(await startEngine({ ...COMMON, ...OPTIONS[target] }));
    urls[target] = engine.url;
  }
  const parts = stack.move();
  return { urls, [Symbol.asyncDispose]: () => parts.disposeAsync() };
}
