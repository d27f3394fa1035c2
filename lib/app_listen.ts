/** Where clients are accepted. @module */
import { frontTeller } from "./app_descriptors.ts";
import { RouterError } from "./base/mod.ts";
import type { RouterConfig } from "./config/mod.ts";
import type { Front, FrontHandler, FrontOptions, StartFront } from "./front/mod.ts";
import { faultAnswer, type HttpDeps, refusalAnswer } from "./http/mod.ts";

/** Begin to accept by `start`, as `config` says. Throws `internal` when the address cannot be had. */
export function listen(
  config: RouterConfig,
  { log, metrics, handle }: Pick<HttpDeps, "log" | "metrics"> & { readonly handle: FrontHandler },
  edge: Pick<FrontOptions, "tls" | "addressOf" | "sharing" | "spare">,
  start: StartFront,
): Front {
  const { host, port } = config.listen;
  const options = {
    hostname: host,
    port,
    limits: config.clients,
    ...edge,
    onFault: faultAnswer({ log }),
    onEvent: frontTeller({ log, metrics }),
    onRefusal: refusalAnswer,
  };
  try {
    return start(options, handle);
  } catch (cause) {
    throw new RouterError("internal", `Cannot listen on ${host}:${port}`, { cause });
  }
}
