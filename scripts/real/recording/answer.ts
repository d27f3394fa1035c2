/** An engine's answer in the form that is kept. @module */
import type { Answer, AnswerBody, Json, MetricFamily, SseEvent } from "./exchange.ts";
import { withPlaceholders } from "./placeholders.ts";
import { squeezed } from "./shape.ts";

/** An answer to keep, and its JSON as it came, for what later exchanges take from it. */
export interface ReadAnswer {
  readonly answer: Answer;
  readonly raw: Json | undefined;
  /** Events that came, all of them; 0 for other kinds of answer. */
  readonly events: number;
}

/** Metrics that routers and their users read. */
const METRICS = new RegExp(
  "^vllm:(num_requests_(running|waiting)|kv_cache_usage_perc|(external_)?prefix_cache_|nixl_|" +
    "time_to_first_token|inter_token_latency|prompt_tokens|generation_tokens|request_success)",
);

/** Read an answer to its end. */
export async function readAnswer(response: Response): Promise<ReadAnswer> {
  const text = await response.text();
  const contentType = response.headers.get("content-type");
  const allow = response.headers.get("allow");
  const raw = contentType?.startsWith("application/json") && text !== "" ? jsonOf(text) : undefined;
  const answer = {
    status: response.status,
    contentType,
    ...(allow === null ? {} : { allow }),
    body: bodyOf(contentType ?? "", text, raw),
  };
  return { answer, raw, events: answer.body.kind === "events" ? partsOf(text).length : 0 };
}

function bodyOf(contentType: string, text: string, raw: Json | undefined): AnswerBody {
  if (text === "") return { kind: "empty" };
  if (raw !== undefined) return { kind: "json", value: withPlaceholders(raw) };
  if (contentType.startsWith("text/event-stream")) {
    return { kind: "events", events: squeezed(eventsOf(text)) };
  }
  return text.includes("# TYPE vllm:")
    ? { kind: "metrics", families: familiesOf(text) }
    : { kind: "text", text };
}

function partsOf(text: string): readonly string[] {
  return text.split("\n\n").filter((part) => part !== "");
}

function eventsOf(text: string): readonly SseEvent[] {
  return partsOf(text).map((part) => {
    const lines = part.split("\n");
    const valuesOf = (name: string): readonly string[] =>
      lines.filter((line) => line.startsWith(`${name}: `)).map((line) =>
        line.slice(name.length + 2)
      );
    const [event] = valuesOf("event");
    const data = withPlaceholders(jsonOf(valuesOf("data").join("\n")));
    return event === undefined ? { data } : { event, data };
  });
}

/** The value of JSON text; the text itself when it is none. */
function jsonOf(text: string): Json {
  try {
    const value: Json = JSON.parse(text);
    return value;
  } catch (error) {
    if (error instanceof SyntaxError) return text;
    throw error;
  }
}

/** Families of interest with the names of their labels, `_created` ones aside. */
export function familiesOf(text: string): readonly MetricFamily[] {
  const families: MetricFamily[] = [];
  for (const [, name = "", type = ""] of text.matchAll(/^# TYPE (\S+) (\S+)$/gm)) {
    if (!METRICS.test(name) || name.endsWith("_created")) continue;
    const sample = new RegExp(`^${name}(?:_bucket)?\\{(.*)\\} `, "m").exec(text)?.[1] ?? "";
    const labels = [...sample.matchAll(/(\w+)="(?:[^"\\]|\\.)*"/g)].map(([, label = ""]) => label);
    families.push({ name, type, labels: labels.sort() });
  }
  return families;
}
