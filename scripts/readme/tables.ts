/** The tables that pages show, as Markdown, out of the tables that the program works by. @module */
import type { Engine, ErrorCode } from "../../lib/base/mod.ts";
import { type DirectReason, FEATURES } from "../../lib/disagg/mod.ts";
import { lessonsOf, type Outcome } from "../../lib/fleet/mod.ts";
import { METRICS, type MetricSpec, STACK_METRICS } from "../../lib/metrics/mod.ts";
import { FAULT_TEXTS, noFaults, SIM_FLAGS } from "../../lib/sim/mod.ts";
import { GRANTS } from "../compile/permissions.ts";
import { LAST_RUN as COST_RUN, type Run, runMarkdown } from "../bench/cost/run.ts";
import { CLIENTS_RUN, clientsMarkdown, type ClientsRun } from "../real/clients/last_run.ts";
import { OTEL_RUN, otelMarkdown, type OtelRun } from "../real/otel/last_run.ts";
import { LAST_RUN, type LastRun, lastRunMarkdown } from "../real/last_run.ts";
import { LESSON_WORDS, table } from "./markdown.ts";

/** Reasons found while a request is served, which no row of `FEATURES` can tell beforehand. */
const LATER: readonly (readonly [reason: DirectReason, what: string])[] = [
  ["tokenize_refused", "`/tokenize` answered 4xx (P1)"],
  [
    "prompt_unknown",
    "No engine told ids of the prompt that are sure to be the endpoint's own (P1, `--tokenize`)",
  ],
  ["prefill_refused", "A prefill engine answered the client's own request 4xx (P1, `--tokenize`)"],
  ["context_length", "The prompt and the limit exceed the context, or there is no limit (P1)"],
  [
    "detokenize_unavailable",
    "The first token ends inside a character, and `/detokenize` does not answer (P1)",
  ],
  ["tools", "A prefill engine refused a forced tool call (D1)"],
  ["decode_refused", "The decode engine answered 4xx, and the answer is not streamed (P1)"],
  ["no_prefill_engine", "No prefill engine serves the model"],
  ["no_nixl_receiver", "No decode engine that serves the model can take the handoff"],
  [
    "kv_buffer",
    "The prompt's KV is larger than the buffer of every decode engine that could take it",
  ],
  ["pair_shut", "All pairs for it are shut (`--handoff-failure-policy`)"],
  [
    "short_prompt",
    "Too little of the prompt would have to be computed (`--disagg-min-prompt-tokens`)",
  ],
  ["prefill_busy", "All prefill engines are busy (`--disagg-max-prefill-queue`)"],
  ["asked", "The client asked for it: `x-pd-route: direct` (`--allow-route-header`)"],
  ["handoff_failed", "The handoff failed, and no other pair is left (`--handoff-failure-policy`)"],
];

/** Features in order of precedence, then what is found later. */
export function featureTable(): string {
  const way = (carried: boolean): string => carried ? "handoff" : "direct";
  const asked = FEATURES.map(({ reason, what, p1, d1, readsAgain }) => [
    `\`${reason}\``,
    what,
    way(p1),
    way(d1) + (readsAgain ? ", not with LMCache" : ""),
  ]);
  const found = LATER.map(([reason, what]) => [`\`${reason}\``, what]);
  const first = table(["reason", "what the request asks for", "P1", "D1"], asked);
  return `${first}\n${table(["reason", "what is found on the way"], found)}`;
}

/** The router's own metrics. */
export function metricTable(): string {
  return metricsIn(METRICS);
}

/** Those under the production-stack router's names. */
export function stackMetricTable(): string {
  return metricsIn(STACK_METRICS);
}

function metricsIn(metrics: Readonly<Record<string, MetricSpec>>): string {
  const rows = Object.entries(metrics).map(([name, { kind, labels, help }]) => [
    `\`${name}\``,
    kind,
    labels.join(", "),
    help,
  ]);
  return table(["name", "kind", "labels", "meaning"], rows);
}

/** What ends of flights teach, by one of each kind. */
const ENDS: readonly (readonly [what: string, outcome: Partial<Outcome>, root?: ErrorCode])[] = [
  ["`/tokenize` answered", { leg: "tokenize" }],
  ["prefill answered", { leg: "prefill" }],
  ["decode answered to its end", { leg: "decode" }],
  ["direct request answered to its end", { leg: "direct" }],
  ["answered 4xx, 501 or 503", { leg: "decode", status: 429 }],
  ["client left", { leg: "decode", end: "left" }],
  ["answered another 5xx", { leg: "prefill", end: "failed", status: 500 }, "prefill-failed"],
  ["the same, of a decode", { leg: "decode", end: "failed", status: 500 }, "decode-failed"],
  ["answered what is no answer", { leg: "prefill", end: "failed" }, "upstream-protocol"],
  ["an error in place of a decode's answer", { leg: "decode", end: "failed" }, "decode-failed"],
  [
    "connection refused, or not made in time",
    { leg: "decode", end: "failed" },
    "upstream-unreachable",
  ],
  ["connection lost", { leg: "decode", end: "failed" }, "upstream-lost"],
  ["nothing came for too long", { leg: "decode", end: "failed" }, "upstream-timeout"],
  ["KV did not come in time", { leg: "decode", end: "failed" }, "kv-timeout"],
  ["KV reclaimed or not", { leg: "reclaim" }],
];

const ANY: Engine = { id: "a", url: "http://a", role: "any", models: [], kv: "none" };

/** What flights teach of engines and pairs. */
export function lessonTable(): string {
  const rows = ENDS.map(([what, part, root]) => {
    const peer = part.leg === "prefill" || part.leg === "decode" ? ANY : undefined;
    const { engine, pair } = lessonsOf({
      engine: ANY,
      leg: "direct",
      peer,
      end: "ok",
      code: root,
      status: undefined,
      headMs: undefined,
      ms: 0,
      ...part,
    }, root);
    return [what, LESSON_WORDS[engine], LESSON_WORDS[pair]];
  });
  return table(["how a flight ended", "its engine", "its pair"], rows);
}

/** What the compiled program and the tasks may do. */
export function permissionTable(): string {
  return table(["flag", "why"], GRANTS.map(({ flag, why }) => [`\`${flag}\``, why]));
}

/** The last run with real engines that was kept. */
export function realTable(): string {
  const run: LastRun = JSON.parse(Deno.readTextFileSync(LAST_RUN));
  return lastRunMarkdown(run);
}

/** The last run with HTTP/1.1 clients as they are that was kept. */
export function clientsTable(): string {
  const run: ClientsRun = JSON.parse(Deno.readTextFileSync(CLIENTS_RUN));
  return clientsMarkdown(run);
}

/** The last run before OpenTelemetry's collector that was kept. */
export function otelTable(): string {
  const run: OtelRun = JSON.parse(Deno.readTextFileSync(OTEL_RUN));
  return otelMarkdown(run);
}

/** The last run of the benchmark that was kept. */
export function costTable(): string {
  const run: Run = JSON.parse(Deno.readTextFileSync(COST_RUN));
  return runMarkdown(run);
}

/** Faults that strike or not, then the measures that go with them. */
export function faultTable(): string {
  const texts = new Map<string, string>(Object.entries(FAULT_TEXTS));
  const entries = Object.entries(noFaults());
  const strikes = entries.filter(([, value]) => typeof value === "boolean");
  const measures = entries.filter(([, value]) => typeof value !== "boolean");
  const first = table(
    ["fault", "what the engine does"],
    strikes.map(([name]) => [`\`${name}\``, texts.get(name) ?? ""]),
  );
  const second = table(
    ["measure", "default", "meaning"],
    measures.map(([name, value]) => [`\`${name}\``, code(value.toString()), texts.get(name) ?? ""]),
  );
  return `${first}\n${second}`;
}

/** Every flag of a simulated engine; the names of faults have a table of their own. */
export function simOptionTable(): string {
  const rows = SIM_FLAGS.map(({ name, type, default: byDefault, choices, help, repeatable }) => {
    const shown = type === "flag" || byDefault === undefined ? "" : String(byDefault);
    const [text = ""] = help.split("; names: ");
    const notes = [
      choices?.join(", ") ?? "",
      repeatable && !/repeatable/.test(text) ? "repeatable" : "",
    ]
      .filter((note) => note !== "").join("; ");
    return [`\`--${name}\``, code(shown), notes === "" ? text : `${text} (${notes})`];
  });
  return table(["flag", "default", "meaning"], rows);
}

function code(text: string): string {
  return text === "" ? "" : `\`${text}\``;
}
