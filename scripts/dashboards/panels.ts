/** What the router's own dashboard shows: rows of panels, each with what it asks Prometheus. @module */

/** One line of a panel, or one column of figures. */
export interface Line {
  /** `$router` and `$__rate_interval` are filled in by Grafana. */
  readonly expr: string;
  /** What the line is called, by labels in double braces. */
  readonly legend: string;
}

/** How a panel shows numbers. */
export type Unit = "s" | "reqps" | "ops" | "short" | "percentunit" | "percent" | "bytes" | "none";

/** One panel. */
export interface Panel {
  readonly title: string;
  /** What to make of it: shown behind the panel's `i`. */
  readonly text: string;
  readonly unit: Unit;
  /** A course over time, or the latest figure. */
  readonly shape: "course" | "figure";
  /** Of 24 columns. */
  readonly width: number;
  readonly lines: readonly Line[];
  /** Figures from which on it is amiss, for `figure`; below the first it is well. */
  readonly amissFrom?: number;
  /** Figures below which it is amiss, for `figure`. */
  readonly amissBelow?: number;
}

/** Panels that answer one question. */
export interface PanelRow {
  readonly title: string;
  readonly panels: readonly Panel[];
}

/** Of the routers that are chosen above the dashboard. */
const OF = 'instance=~"$router"';

function selected(labels = ""): string {
  return `{${OF}${labels === "" ? "" : `,${labels}`}}`;
}

function rate(name: string, by: string, labels = ""): string {
  const over = by === "" ? "sum" : `sum by (${by})`;
  return `${over}(rate(${name}${selected(labels)}[$__rate_interval]))`;
}

/** A counter, in a second, by a label. */
function counted(name: string, by: string, labels = ""): Line {
  return { expr: rate(name, by, labels), legend: by === "" ? "all" : legendOf(by) };
}

function gauge(name: string, by: string, labels = ""): Line {
  return { expr: `sum by (${by})(${name}${selected(labels)})`, legend: legendOf(by) };
}

function legendOf(by: string): string {
  return by.split(", ").map((label) => `{{${label}}}`).join(" ");
}

/** Of a histogram, some quantiles over all of it. */
function quantiles(name: string, labels = ""): readonly Line[] {
  return [0.5, 0.95, 0.99].map((share) => ({
    expr: `histogram_quantile(${share}, ${rate(`${name}_bucket`, "le", labels)})`,
    legend: `p${share * 100}`,
  }));
}

/** Of a histogram, one quantile by a label. */
function quantileBy(share: number, name: string, by: string, labels = ""): Line {
  return {
    expr: `histogram_quantile(${share}, ${rate(`${name}_bucket`, `le, ${by}`, labels)})`,
    legend: `${legendOf(by)} p${share * 100}`,
  };
}

/** Of a histogram, the mean by a label. */
function meanBy(name: string, by: string): Line {
  return {
    expr: `${rate(`${name}_sum`, by)} / ${rate(`${name}_count`, by)}`,
    legend: legendOf(by),
  };
}

const HANDED_OFF = 'route=~"handoff_.*"';

const AT_A_GLANCE: PanelRow = {
  title: "At a glance",
  panels: [
    {
      title: "Requests",
      text: "Requests answered in a second, whatever came of them.",
      unit: "reqps",
      shape: "figure",
      width: 4,
      lines: [counted("pd_router_requests_total", "")],
    },
    {
      title: "Answered well",
      text: "Of all requests but those whose client was wrong or left.",
      unit: "percentunit",
      shape: "figure",
      width: 4,
      amissBelow: 0.99,
      lines: [{
        expr: `${rate("pd_router_requests_total", "", 'outcome="ok"')} / ` +
          rate("pd_router_requests_total", "", 'outcome=~"ok|server_error|stream_error"'),
        legend: "ok",
      }],
    },
    {
      title: "Handed off",
      text: "Of the requests that engines answered. The others went to one engine: see why below.",
      unit: "percentunit",
      shape: "figure",
      width: 4,
      lines: [{
        expr: `${rate("pd_router_requests_total", "", HANDED_OFF)} / ` +
          rate("pd_router_requests_total", "", 'route=~"handoff_.*|direct"'),
        legend: "handed off",
      }],
    },
    {
      title: "KV found",
      text: "Tokens in a second that decode engines say they have found, and not computed again.",
      unit: "short",
      shape: "figure",
      width: 4,
      amissBelow: 0.000001,
      lines: [counted("pd_router_kv_moved_tokens_total", "")],
    },
    {
      title: "Engines that answer",
      text: "Of all that the router knows.",
      unit: "percentunit",
      shape: "figure",
      width: 4,
      amissBelow: 1,
      lines: [{ expr: `avg(pd_router_engine_up${selected()})`, legend: "up" }],
    },
    {
      title: "Pairs shut",
      text: "Pairs of engines whose handoffs fail; shut_pairs of /engines names them.",
      unit: "none",
      shape: "figure",
      width: 4,
      amissFrom: 1,
      lines: [{ expr: `sum(pd_router_pairs_shut${selected()})`, legend: "shut" }],
    },
  ],
};

const TIMES: PanelRow = {
  title: "Where did the time go",
  panels: [
    {
      title: "Parts of a request",
      text:
        "Mean time of each part, one behind the other: queue is the wait for room, first_byte " +
        "that of the decode or direct leg.",
      unit: "s",
      shape: "course",
      width: 8,
      lines: [meanBy("pd_router_phase_seconds", "phase")],
    },
    {
      title: "Parts of a request, the slow ones",
      text: "Of twenty requests, one takes longer in that part.",
      unit: "s",
      shape: "course",
      width: 8,
      lines: [quantileBy(0.95, "pd_router_phase_seconds", "phase")],
    },
    {
      title: "Between two tokens",
      text: "Of streamed answers, by model. Where it grows with prompts, decode engines prefill.",
      unit: "s",
      shape: "course",
      width: 8,
      lines: [
        quantileBy(0.5, "pd_router_inter_token_seconds", "model"),
        quantileBy(0.95, "pd_router_inter_token_seconds", "model"),
      ],
    },
    {
      title: "Time to the first token",
      text: "Of streamed answers, from the request's arrival.",
      unit: "s",
      shape: "course",
      width: 8,
      lines: quantiles("pd_router_time_to_first_token_seconds"),
    },
    {
      title: "Time to the first token, by route",
      text: "A change of the routes' shares moves the sum, though neither has changed.",
      unit: "s",
      shape: "course",
      width: 8,
      lines: [
        quantileBy(0.5, "pd_router_time_to_first_token_seconds", "route"),
        quantileBy(0.95, "pd_router_time_to_first_token_seconds", "route"),
      ],
    },
    {
      title: "Time to the first token, by model",
      text: "Of twenty requests, one waits for longer.",
      unit: "s",
      shape: "course",
      width: 8,
      lines: [quantileBy(0.95, "pd_router_model_first_token_seconds", "model, role")],
    },
    {
      title: "Whole answers",
      text: "From the request's arrival to its answer's end.",
      unit: "s",
      shape: "course",
      width: 8,
      lines: quantiles("pd_router_request_seconds"),
    },
    {
      title: "Wait for KV",
      text: "From the prefill's answer to the last rank's notification.",
      unit: "s",
      shape: "course",
      width: 8,
      lines: quantiles("pd_router_kv_wait_seconds", 'end="ready"'),
    },
    {
      title: "Wait for room",
      text: "Of requests that found no engine with room at once.",
      unit: "s",
      shape: "course",
      width: 8,
      lines: quantiles("pd_router_queue_wait_seconds", 'end="served"'),
    },
    {
      title: "Latency by engine",
      text: "Mean over --request-stats-window, from the choice of the engine to its answer's end.",
      unit: "s",
      shape: "course",
      width: 8,
      lines: [{ expr: `vllm:avg_latency${selected()}`, legend: "{{server}}" }],
    },
    {
      title: "Wait for KV, by pair",
      text: "The slow ones: of twenty handoffs of a pair, one waits for longer.",
      unit: "s",
      shape: "course",
      width: 8,
      lines: [
        quantileBy(0.95, "pd_router_pair_phase_seconds", "prefill, decode", 'phase="kv_wait"'),
      ],
    },
  ],
};

const KV: PanelRow = {
  title: "Does KV move",
  panels: [
    {
      title: "Waits for KV, by how they end",
      text: "timed-out: notifications did not come. A full buffer, a wrong address, a restart.",
      unit: "ops",
      shape: "course",
      width: 8,
      lines: [counted("pd_router_kv_wait_seconds_count", "end")],
    },
    {
      title: "Notifications",
      text: "surplus, unknown-type, garbage and dropped are amiss: sizes, versions, strangers.",
      unit: "ops",
      shape: "course",
      width: 8,
      lines: [counted("pd_router_kv_notifications_total", "result")],
    },
    {
      title: "Handoffs by pair",
      text: "By the pair they ended on, and how.",
      unit: "ops",
      shape: "course",
      width: 8,
      lines: [counted("pd_router_pair_handoffs_total", "prefill, decode, outcome")],
    },
    {
      title: "Computed again",
      text: "Handoffs whose KV the decode engine has not found, by pair.",
      unit: "ops",
      shape: "course",
      width: 8,
      lines: [{
        expr: rate("pd_router_recompute_suspected_total", "prefill, decode"),
        legend: "{{prefill}} to {{decode}}",
      }],
    },
    {
      title: "KV found",
      text: "Tokens in a second whose KV has come and was found.",
      unit: "short",
      shape: "course",
      width: 8,
      lines: [counted("pd_router_kv_moved_tokens_total", "instance")],
    },
    {
      title: "KV that no decode will read",
      text: "What became of it; pending is what is still at a decode engine.",
      unit: "short",
      shape: "course",
      width: 8,
      lines: [
        counted("pd_router_drains_total", "result"),
        { expr: `sum(pd_router_drains_pending${selected()})`, legend: "pending" },
      ],
    },
    {
      title: "Handoffs that wait for KV",
      text: "At this moment.",
      unit: "none",
      shape: "course",
      width: 4,
      lines: [gauge("pd_router_kv_waiters", "instance")],
    },
    {
      title: "nixl: answers with KV",
      text: "absent: the prefill engine is not one of NixlConnector.",
      unit: "ops",
      shape: "course",
      width: 4,
      lines: [counted("pd_router_nixl_params_total", "found")],
    },
  ],
};

const REQUESTS: PanelRow = {
  title: "Requests",
  panels: [
    {
      title: "By route",
      text: "handoff_*: two engines. direct: one. none: refused before any was asked.",
      unit: "reqps",
      shape: "course",
      width: 8,
      lines: [counted("pd_router_requests_total", "route")],
    },
    {
      title: "By outcome",
      text: "stream_error: the status was 200, and the stream failed.",
      unit: "reqps",
      shape: "course",
      width: 8,
      lines: [counted("pd_router_requests_total", "outcome")],
    },
    {
      title: "Why not handed off",
      text: "Of requests that one engine served although handoffs are configured.",
      unit: "reqps",
      shape: "course",
      width: 8,
      lines: [counted("pd_router_direct_total", "reason")],
    },
    {
      title: "Begun again",
      text: "Handoffs that another pair has taken on, by what failed.",
      unit: "ops",
      shape: "course",
      width: 8,
      lines: [counted("pd_router_handoff_retries_total", "reason")],
    },
    {
      title: "Waiting for room",
      text: "Requests in the queue, and those that were refused for want of room.",
      unit: "short",
      shape: "course",
      width: 8,
      lines: [
        { expr: `sum(pd_router_queue_length${selected()})`, legend: "waiting" },
        counted("pd_router_queue_refusals_total", "reason"),
      ],
    },
    {
      title: "Clients that left",
      text: "Before their answer's end, by what their request was doing then.",
      unit: "ops",
      shape: "course",
      width: 8,
      lines: [counted("pd_router_client_departures_total", "phase")],
    },
    {
      title: "Clients",
      text: "Connections, and those that were refused or closed in a second.",
      unit: "short",
      shape: "course",
      width: 8,
      lines: [
        { expr: `sum(pd_router_client_connections${selected()})`, legend: "clients" },
        counted("pd_router_client_refusals_total", "reason"),
      ],
    },
  ],
};

const ENGINES: PanelRow = {
  title: "Engines",
  panels: [
    {
      title: "In flight",
      text: "This router's requests at each engine, by leg.",
      unit: "none",
      shape: "course",
      width: 8,
      lines: [gauge("pd_router_inflight_requests", "server, leg")],
    },
    {
      title: "Errors of engines",
      text: "Failed exchanges, by leg and code.",
      unit: "ops",
      shape: "course",
      width: 8,
      lines: [counted("pd_router_engine_errors_total", "server, leg, code")],
    },
    {
      title: "Verdicts",
      text: "Engines that are gone around, by why, and pairs that do not hand off.",
      unit: "none",
      shape: "course",
      width: 8,
      lines: [
        gauge("pd_router_engines_shut", "role, why"),
        { expr: `sum(pd_router_pairs_shut${selected()})`, legend: "pairs shut" },
        { expr: `sum(pd_router_pairs_unequal${selected()})`, legend: "pairs unequal" },
        { expr: `sum(pd_router_pairs_broken${selected()})`, legend: "pairs broken" },
      ],
    },
    {
      title: "Queued in engines",
      text: "As each said last: requests of all its clients.",
      unit: "none",
      shape: "course",
      width: 8,
      lines: [{ expr: `vllm:num_requests_waiting${selected('server!=""')}`, legend: "{{server}}" }],
    },
    {
      title: "Engines wanted",
      text: "For what there is to do, by model and role: what an autoscaler may go by.",
      unit: "none",
      shape: "course",
      width: 8,
      lines: [gauge("pd_router_scale_hint", "model, role")],
    },
    {
      title: "Restarts of engines",
      text: "Engines that were started anew at their address, and changes of verdicts.",
      unit: "ops",
      shape: "course",
      width: 8,
      lines: [
        counted("pd_router_verdict_changes_total", "to"),
        counted("pd_router_engine_readings_total", "result"),
      ],
    },
  ],
};

const ROUTER: PanelRow = {
  title: "The router itself",
  panels: [
    {
      title: "CPU",
      text: "Of one: at 100 % the router adds time.",
      unit: "percent",
      shape: "course",
      width: 8,
      lines: [{ expr: `router_cpu_usage_percent${selected()}`, legend: "{{instance}}" }],
    },
    {
      title: "Bodies held",
      text: "Bytes of the requests under way; --max-buffered-bytes bounds them.",
      unit: "bytes",
      shape: "course",
      width: 8,
      lines: [gauge("pd_router_buffered_bytes", "instance")],
    },
    {
      title: "Tokenized",
      text: "Prompts turned into token ids, by how and by result.",
      unit: "ops",
      shape: "course",
      width: 8,
      lines: [counted("pd_router_tokenize_total", "how, result")],
    },
  ],
};

/** The dashboard, from the top. */
export const ROWS: readonly PanelRow[] = [AT_A_GLANCE, TIMES, KV, REQUESTS, ENGINES, ROUTER];

/** `expr` for all routers, as Prometheus takes it; `rateInterval` as it writes durations. */
export function asked(expr: string, rateInterval: string): string {
  return expr.replaceAll("$router", ".*").replaceAll("$__rate_interval", rateInterval);
}

/** The names of series that `expr` reads. */
export function seriesOf(expr: string): readonly string[] {
  return [...new Set(expr.match(/\bpd_router_\w+|\bvllm:\w+|\brouter_\w+/g) ?? [])];
}
