/** The span of one exchange with an engine. Pure. @module */
import type { LegEnd } from "../base/mod.ts";
import { generating, operationOf } from "./operations.ts";
import type { Attributes, Span } from "./span.ts";

/** What an engine is asked. */
export interface LegAsked {
  readonly method: string;
  /** With or without a query. */
  readonly path: string;
}

/** An exchange as it began. */
export interface LegSent {
  /** Undefined where nothing was sent. */
  readonly asked: LegAsked | undefined;
  /** Exchanges of the same kind before it. */
  readonly resent: number;
  /**
   * Unix times in milliseconds: when its engine was chosen, from which its end counts, and when it was
   * sent. KV may have been waited for in between.
   */
  readonly chosenMs: number;
  readonly sentMs: number;
}

/** Where engines are. */
const PLACES = new WeakMap<LegEnd["engine"], Attributes>();

/** An exchange that has ended as `end` says. */
export function legSpan(
  end: LegEnd,
  { asked, resent, chosenMs, sentMs }: LegSent,
): Omit<Span, "traceId" | "spanId" | "parentId" | "state"> {
  const { leg, engine, peer, status, code, firstMs, tokens, model } = end;
  const failed = end.end === "failed";
  return {
    name: leg,
    kind: "client",
    startMs: sentMs,
    endMs: chosenMs + end.ms,
    attributes: {
      "pd.leg": leg,
      "pd.engine": engine.id,
      "pd.peer": peer?.id,
      "pd.end": end.end,
      "http.request.method": asked?.method,
      "http.response.status_code": status,
      "http.request.resend_count": resent === 0 ? undefined : resent,
      "url.path": asked && withoutQuery(asked.path),
      ...placeOf(engine),
      "error.type": failed ? code ?? String(status ?? "_OTHER") : undefined,
      ...generating({
        operation: asked && operationOf(withoutQuery(asked.path)),
        model,
        tokens,
        provider: leg === "external" ? engine.id : undefined,
      }),
    },
    ...(firstMs === undefined
      ? {}
      : { events: [{ name: "first_token", unixMs: chosenMs + firstMs }] }),
    failure: failed ? code ?? `status ${status}` : undefined,
  };
}

function withoutQuery(path: string): string {
  const end = path.indexOf("?");
  return end < 0 ? path : path.slice(0, end);
}

function placeOf(engine: LegEnd["engine"]): Attributes {
  const known = PLACES.get(engine);
  if (known !== undefined) return known;
  const { hostname, port, protocol } = new URL(engine.url);
  const place = {
    "server.address": hostname,
    "server.port": Number(port === "" ? USUAL_PORTS[protocol] : port),
    "vllm.backend_url": engine.url,
  };
  PLACES.set(engine, place);
  return place;
}

const USUAL_PORTS: Readonly<Record<string, number>> = { "http:": 80, "https:": 443 };
