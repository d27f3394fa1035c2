/** The router's configuration read again, and what clients and metrics are told of it. @module */
import type { Clock, Logger } from "./base/mod.ts";
import type { RouterConfig } from "./config/mod.ts";
import type { LoadedHooks } from "./hooks/mod.ts";
import type { HttpDeps } from "./http/mod.ts";
import type { Metrics } from "./metrics/mod.ts";
import { type ConfigOrigin, Reloader, type ReloadReport } from "./reload/mod.ts";

/** What it works with. */
export interface ReloadParts {
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: Pick<Metrics, "count" | "set">;
  /** Clients may know addresses. */
  readonly exposed: boolean;
  /** Have the router go by these, all at once; where it rejects, nothing has changed. */
  readonly apply: (config: RouterConfig, hooks: LoadedHooks | undefined) => Promise<void>;
}

/** Reads it when it is asked to, and when files have changed. */
export interface AppReloader extends Disposable {
  reload(): Promise<ReloadReport>;
  /** For `/health`: why what was read last is not in force, and what needs a start. */
  remarks(): ReturnType<HttpDeps["remarks"]>;
}

/** Most of what is wrong that `/health` tells, and the longest of it, in characters. */
const MAX_PROBLEMS = 5;
const MAX_TEXT = 300;

/** Begin to watch. */
export function openReloader(
  origin: ConfigOrigin<LoadedHooks | undefined>,
  { clock, log, metrics, exposed, apply }: ReloadParts,
): AppReloader {
  metrics.set("pd_router_config_last_reload_success", {}, 1);
  metrics.set("pd_router_config_restart_needed", {}, 0);
  const reloader = new Reloader({
    clock,
    log,
    origin,
    apply: ({ config, hooks }) => apply(config, hooks),
    onReport({ result, restart }) {
      metrics.count("pd_router_config_reloads_total", { result });
      const isTaken = result !== "refused";
      metrics.set("pd_router_config_last_reload_success", {}, isTaken ? 1 : 0);
      if (!isTaken) return;
      const seconds = clock.unixMs() / 1000;
      metrics.set("pd_router_config_last_reload_seconds", {}, seconds);
      metrics.set("pd_router_config_restart_needed", {}, restart.length);
    },
  });
  return {
    reload: () => reloader.reload(),
    remarks() {
      const { problems, restart } = reloader;
      const told = problems.slice(0, MAX_PROBLEMS).map((text) => {
        const safe = exposed ? text : withoutAddresses(text);
        return safe.length > MAX_TEXT ? `${safe.slice(0, MAX_TEXT)}...` : safe;
      });
      const names = restart.map((name) => `--${name}`).join(", ");
      return {
        ...(told.length === 0 ? {} : { config_refused: told.join("; ") }),
        ...(names === "" ? {} : { config_needs_restart: names }),
      };
    },
    [Symbol.dispose]: () => reloader[Symbol.dispose](),
  };
}

/** URLs, and hosts with a port. */
const ADDRESS =
  /\b[a-z][a-z\d+.-]*:\/\/[^\s"',;]+|(?:\[[\da-f:.]+\]|\b[\w-]+(?:\.[\w-]+)*):\d+\b/gi;

/** What is wrong may be an engine's address, which is nobody's outside. */
function withoutAddresses(text: string): string {
  return text.replace(ADDRESS, "an address");
}
