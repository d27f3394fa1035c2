/** How requests are traced, from settings and OpenTelemetry's variables, and what is wrong with them. @module */
import type { TRACING_VARIABLES } from "./flags_tracing.ts";
import { otlpEndpoint } from "./otlp_endpoint.ts";
import type { Problem } from "./problem.ts";
import type { Settings } from "./settings.ts";
import type { Sampler, TracingOptions } from "./tracing_options.ts";
import type { Parsed } from "./value.ts";

/** What was read: options where requests are traced. */
export interface TracingRead {
  readonly options?: TracingOptions;
  readonly problems: readonly Problem[];
}

type Variable = (typeof TRACING_VARIABLES)[number]["name"];
type Env = (name: Variable) => string;

/** The options; the variables count only where an endpoint is given. */
export function readTracing(
  settings: Settings,
  environment: (name: string) => string | undefined,
): TracingRead {
  const env: Env = (name) => environment(name)?.trim() ?? "";
  const flag = settings.get("otel-endpoint");
  if (!flag.valid) return { problems: [] };
  const given = settings.optional("otel-endpoint") ?? "";
  const variable = env("OTEL_EXPORTER_OTLP_ENDPOINT");
  const text = given === "" ? variable : given;
  if (text === "") return { problems: [] };
  const where = given === "" ? "OTEL_EXPORTER_OTLP_ENDPOINT" : flag.where;
  const endpoint = named(
    where,
    otlpEndpoint(text, {
      secure: settings.on("otel-secure"),
      protocol: env("OTEL_EXPORTER_OTLP_PROTOCOL"),
    }),
  );
  const headers = named(
    "OTEL_EXPORTER_OTLP_HEADERS",
    pairsIn(env("OTEL_EXPORTER_OTLP_HEADERS"), isField),
  );
  const attributes = named(
    "OTEL_RESOURCE_ATTRIBUTES",
    pairsIn(env("OTEL_RESOURCE_ATTRIBUTES"), () => true),
  );
  const sampler = samplerOf(settings, env);
  const problems = [endpoint, headers, attributes, sampler].flatMap((each) =>
    each.ok ? [] : [each.problem]
  );
  if (!endpoint.ok || !headers.ok || !attributes.ok || !sampler.ok) return { problems };
  const { "service.name": service, ...others } = Object.fromEntries(attributes.value);
  return {
    problems,
    options: {
      endpoint: endpoint.value,
      headers: headers.value.map(([name, value]) => [name.toLowerCase(), value]),
      serviceName: serviceName(settings, env("OTEL_SERVICE_NAME") || service),
      attributes: others,
      sampler: sampler.value,
    },
  };
}

type Named<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly problem: Problem };

/** No value is told: it may hold a secret. */
function named<T>(key: string, parsed: Parsed<T>): Named<T> {
  return parsed.ok ? parsed : { ok: false, problem: { key, message: parsed.message } };
}

/** A flag, or a key of the file, wins; its default does not. */
function serviceName(settings: Settings, fromEnvironment: string | undefined): string {
  const { source } = settings.get("otel-service-name");
  const text = settings.text("otel-service-name");
  return source === "default" && fromEnvironment ? fromEnvironment : text;
}

/** By OpenTelemetry's names: whether the client's word counts, and the share where that is in the name. */
const SAMPLERS: Readonly<
  Record<string, { readonly parentBased: boolean; readonly ratio?: number }>
> = {
  "always_on": { parentBased: false, ratio: 1 },
  "always_off": { parentBased: false, ratio: 0 },
  "traceidratio": { parentBased: false },
  "parentbased_always_on": { parentBased: true, ratio: 1 },
  "parentbased_always_off": { parentBased: true, ratio: 0 },
  "parentbased_traceidratio": { parentBased: true },
};

function samplerOf(settings: Settings, env: Env): Named<Sampler> {
  const given = settings.get("otel-sample-ratio");
  const ratio = settings.number("otel-sample-ratio");
  const name = env("OTEL_TRACES_SAMPLER");
  if (given.source !== "default" || name === "") {
    return { ok: true, value: { parentBased: true, ratio } };
  }
  const known = Object.hasOwn(SAMPLERS, name) ? SAMPLERS[name] : undefined;
  if (known === undefined) {
    const message = `expected one of ${Object.keys(SAMPLERS).join(", ")}`;
    return { ok: false, problem: { key: "OTEL_TRACES_SAMPLER", value: name, message } };
  }
  const argument = env("OTEL_TRACES_SAMPLER_ARG");
  const share = known.ratio ?? (argument === "" ? 1 : Number(argument));
  if (share >= 0 && share <= 1) {
    return { ok: true, value: { parentBased: known.parentBased, ratio: share } };
  }
  const key = "OTEL_TRACES_SAMPLER_ARG";
  return {
    ok: false,
    problem: { key, value: argument, message: "expected a number from 0 to 1" },
  };
}

/** `name=value,...` with what is special percent-encoded. */
function pairsIn(
  text: string,
  isRight: (name: string, value: string) => boolean,
): Parsed<readonly (readonly [name: string, value: string])[]> {
  const pairs: (readonly [string, string])[] = [];
  for (const item of text.split(",").filter((item) => item.trim() !== "")) {
    const at = item.indexOf("=");
    const [name, value] = [item.slice(0, at), item.slice(at + 1)].map((part) =>
      decoded(part.trim())
    );
    if (
      at < 1 || name === undefined || name === "" || value === undefined || !isRight(name, value)
    ) {
      return { ok: false, message: `expected name=value,... with items that HTTP can carry` };
    }
    pairs.push([name, value]);
  }
  return { ok: true, value: pairs };
}

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch (error) {
    if (error instanceof URIError) return undefined;
    throw error;
  }
}

/** Whether it can be a field of a request, and is not one that the transport sets itself. */
function isField(name: string, value: string): boolean {
  return /^[\w!#$%&'*+.^`|~-]+$/.test(name) && /^[\x20-\x7e]*$/.test(value) &&
    !OWN_FIELDS.has(name.toLowerCase());
}

const OWN_FIELDS: ReadonlySet<string> = new Set([
  "connection",
  "content-length",
  "content-type",
  "host",
  "te",
  "transfer-encoding",
  "upgrade",
]);
