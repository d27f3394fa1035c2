/** Histograms of where the time went, by model and by whose it is. @module */
import type { HistogramSeries, Metrics } from "../metrics/mod.ts";
import type { Route } from "../request/mod.ts";
import type { Phases } from "./phases.ts";
import type { Phase } from "./shapes.ts";

/** Models under their own names; those beyond are told as one. */
const MAX_MODELS = 64;

/** The ways that requests take, as far as their times differ in kind. */
type Kind = "handoff" | "direct" | "external" | "fan_out";

/** Whose each part of the time is. */
const ROLES = {
  handoff: {
    queue: "router",
    tokenize: "prefill",
    prefill: "prefill",
    kv_wait: "decode",
    first_byte: "decode",
    stream: "decode",
  },
  direct: { queue: "router", first_byte: "direct", stream: "direct" },
  external: { first_byte: "external", stream: "external" },
  // Its prompts go their own ways.
  fan_out: {},
} as const satisfies Readonly<Record<Kind, { readonly [P in Phase]?: string }>>;

/** The series of one model and one kind of way. */
interface Series {
  readonly phases: readonly (readonly [phase: Phase, series: HistogramSeries])[];
  readonly ttft: HistogramSeries;
  readonly total: HistogramSeries;
  readonly itl: HistogramSeries | undefined;
}

/** All models. */
export class ModelMeters {
  readonly #metrics: Pick<Metrics, "histogramOf">;
  readonly #models = new Map<string, Map<Kind, Series>>();

  constructor(metrics: Pick<Metrics, "histogramOf">) {
    this.#metrics = metrics;
  }

  /** A request for `model` has ended, and took `phases`. */
  ended(model: string, route: Route, phases: Phases): void {
    const kind = kindOf(route);
    if (kind === undefined) return;
    const series = this.#of(model, kind);
    for (const [phase, of] of series.phases) of.observe(phases[phase] / 1000);
    series.ttft.observe(phases.ttft / 1000);
    series.total.observe(phases.total / 1000);
    series.itl?.observe(phases.itl / 1000);
  }

  #of(name: string, kind: Kind): Series {
    let model = name;
    let kinds = this.#models.get(model);
    if (kinds === undefined) {
      if (this.#models.size >= MAX_MODELS) model = "many";
      kinds = this.#models.get(model);
      if (kinds === undefined) this.#models.set(model, kinds = new Map());
    }
    let series = kinds.get(kind);
    if (series === undefined) kinds.set(kind, series = this.#open(model, kind));
    return series;
  }

  #open(model: string, kind: Kind): Series {
    const metrics = this.#metrics;
    const roles: { readonly [P in Phase]?: string } = ROLES[kind];
    const itl = kind === "handoff" ? "decode" : kind === "direct" ? "direct" : undefined;
    return {
      phases: (Object.entries(roles) as [Phase, string][]).map(([phase, role]) =>
        [phase, metrics.histogramOf("pd_router_phase_seconds", { phase, model, role })] as const
      ),
      ttft: metrics.histogramOf("pd_router_model_first_token_seconds", {
        model,
        role: kind,
      }),
      total: metrics.histogramOf("pd_router_model_request_seconds", { model, role: kind }),
      itl: itl && metrics.histogramOf("pd_router_inter_token_seconds", { model, role: itl }),
    };
  }
}

function kindOf(route: Route): Kind | undefined {
  if (route === "none") return undefined;
  return route === "direct" || route === "external" || route === "fan_out" ? route : "handoff";
}
