/** One line for each request, or for a share of them. @module */
import { logText, type Random } from "../base/mod.ts";
import type { RequestTrace } from "../request/mod.ts";
import type { Phases } from "./phases.ts";
import { rounded } from "./phases.ts";
import { PHASES } from "./shapes.ts";
import { requestView, type ViewDeps } from "./views.ts";

/** Of what requests lines are written, and how they look. */
export interface AccessLogOptions {
  /** Share of the requests, 0 to 1. Those that the router or an engine has spoilt are always told. */
  readonly share: number;
  readonly format: "json" | "text";
}

/** What the log works with. `options` are looked at for each request. */
export interface AccessLogDeps extends ViewDeps {
  readonly random: Random;
  readonly options: () => AccessLogOptions;
  /** Takes a finished line, without its line feed. Must not block and must not throw. */
  readonly write: (line: string) => void;
}

/** Gives what is to be told of each request that has ended. */
export function accessLog(deps: AccessLogDeps): (trace: RequestTrace, phases: Phases) => void {
  const { random, options, write } = deps;
  return (trace, phases) => {
    const { share, format } = options();
    if (share === 0) return;
    const outcome = trace.end?.outcome;
    const spoilt = outcome === "server_error" || outcome === "stream_error";
    if (share < 1 && !spoilt && random.next() >= share) return;
    const fields = fieldsOf(deps, trace, phases);
    write(format === "json" ? JSON.stringify(fields) : textOf(fields));
  };
}

type Fields = Readonly<Record<string, string | number | boolean>>;

/** What a line says; what is not known is left out. No prompt, answer, header or query is in it. */
function fieldsOf(deps: AccessLogDeps, trace: RequestTrace, phases: Phases): Fields {
  const view = requestView(deps, trace, phases);
  const fields: Record<string, string | number | boolean> = {
    time: new Date(deps.clock.unixMs()).toISOString(),
  };
  const put = (name: string, value: string | number | boolean | null | undefined): void => {
    if (value !== null && value !== undefined) fields[name] = value;
  };
  put("id", view.id);
  put("trace_id", view.trace_id);
  put("client", trace.client);
  put("key", view.key);
  put("method", trace.method);
  put("path", view.path);
  put("status", view.status);
  put("outcome", view.outcome);
  put("error", view.error);
  put("model", view.model);
  put("stream", view.stream);
  put("route", view.route);
  put("reason", view.reason);
  put("prefill", view.prefill);
  put("decode", view.decode);
  for (const name of [...PHASES, "ttft", "itl", "total"] as const) {
    const ms = phases[name];
    if (!Number.isNaN(ms)) put(`${name}_ms`, rounded(ms));
  }
  put("prompt_tokens", view.tokens?.prompt);
  put("answer_tokens", view.tokens?.answer);
  if (view.tokens?.about === true) put("tokens_about", true);
  if (view.retries > 0) put("retries", view.retries);
  if (view.lacks_kv) put("lacks_kv", true);
  return fields;
}

function textOf(fields: Fields): string {
  return Object.entries(fields).map(([name, value]) => `${name}=${logText(value)}`).join(" ");
}
