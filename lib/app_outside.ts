/** What is not the router's own: the operator's hooks, and providers of further models. @module */
import { healthRules } from "./app_fleet.ts";
import { describeError, RouterError } from "./base/mod.ts";
import type { RouterConfig } from "./config/mod.ts";
import { ExternalProviders } from "./external/mod.ts";
import { Hooks, type LoadedHooks } from "./hooks/mod.ts";
import type { FlowDeps } from "./request/mod.ts";
import {
  createUpstreamClient,
  type Dial,
  type PooledUpstreamClient,
  type UpstreamClientOptions,
} from "./upstream/mod.ts";

/** The hooks; undefined where there are none. */
export function hooksOf(
  { hooks }: Pick<RouterConfig, "hooks">,
  loaded: LoadedHooks | undefined,
  { clock, log, metrics, background }: Pick<FlowDeps, "clock" | "log" | "metrics" | "background">,
): Hooks | undefined {
  if (hooks === undefined || loaded === undefined) return undefined;
  return new Hooks(loaded, { clock, log, metrics, background, timeoutMs: hooks.timeoutMs });
}

/**
 * Connections to providers. Disposing them ends what is under way. Providers are not shown the certificate
 * that engines are shown, and are at no link-local address, whatever engines may be.
 */
export function externalClient(
  { clock }: Pick<FlowDeps, "clock">,
  options: Pick<UpstreamClientOptions, "caCerts" | "descriptors"> & {
    readonly dial: Dial | undefined;
  },
): PooledUpstreamClient {
  const { dial, ...rest } = options;
  return createUpstreamClient({
    clock,
    refuseLinkLocal: true,
    ...rest,
    ...(dial === undefined ? {} : { dial }),
  });
}

/** The providers; undefined where there are none. */
export function externalOf(
  config: Pick<RouterConfig, "external" | "health">,
  { clock, log, metrics, timeouts }: Pick<FlowDeps, "clock" | "log" | "metrics" | "timeouts">,
  upstream: PooledUpstreamClient,
): ExternalProviders | undefined {
  const { external } = config;
  if (external === undefined) return undefined;
  const rules = healthRules(config).engine;
  return new ExternalProviders(external, { clock, log, metrics, upstream, timeouts, rules });
}

/** The certificates of `--tls-ca`. Throws `RouterError` where they cannot be read. */
export async function readCa(path: string): Promise<string> {
  try {
    return await Deno.readTextFile(path);
  } catch (cause) {
    throw new RouterError("internal", `Cannot read --tls-ca ${path}: ${describeError(cause)}`);
  }
}
