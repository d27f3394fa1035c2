/** What a handler is given of one request, and of the app. @module */
import {
  type ByteBudget,
  type ByteShare,
  type Clock,
  type Lease,
  type Logger,
  type Random,
  sha256,
  type Spans,
} from "../base/mod.ts";
import type { Batches } from "../batch/mod.ts";
import type { RouterConfig } from "../config/mod.ts";
import { type Doors, KEY_FIELDS, type Pass } from "../doors/mod.ts";
import type { AdmissionDeps, EngineControl, GenerateDeps } from "../flow/mod.ts";
import type { ModelLookup } from "../fleet/mod.ts";
import type { ExternalProviders } from "../external/mod.ts";
import type { FrontRequest } from "../front/mod.ts";
import type { Hooks } from "../hooks/mod.ts";
import type { RequestRecorder } from "../observe/mod.ts";
import {
  type Answer,
  type FlowDeps,
  namesRank,
  type RequestContext,
  type RequestTrace,
} from "../request/mod.ts";
import { forwardRequestHeaders, type HeaderField } from "../upstream/mod.ts";
import type { EngineNames } from "./engine_names.ts";
import type { KvReport, LifeReport } from "./engine_notes.ts";
import { withoutKeyRefusal } from "./key_refusal.ts";
import { ROUTE_FIELD } from "./route_wish.ts";
import type { Scrapes } from "./scrapes.ts";

/** A finished request, for whoever wants to show it. */
export type OnTrace = (id: string, path: string, trace: RequestTrace) => void;

/** What the handlers work with. */
export interface HttpDeps extends FlowDeps, AdmissionDeps {
  readonly config: RouterConfig;
  readonly version: string;
  /** What engines are called towards clients. */
  readonly names: EngineNames;
  readonly doors: Doors;
  /** Set when prompts are prefilled elsewhere. */
  readonly handoff: GenerateDeps | undefined;
  readonly onTrace: OnTrace | undefined;
  /** Told of every request; absent where nobody is. */
  readonly observe?: Pick<RequestRecorder, "begin" | "end"> | undefined;
  /** Given every request; absent where none is traced. */
  readonly tracing?: {
    begin(
      arrived: Pick<FrontRequest, "headers"> & { readonly endpoint: string | undefined },
    ): Spans;
  } | undefined;
  /** Absent where no files are kept. */
  readonly batches?: Batches | undefined;
  /** Absent where no KV moves. */
  readonly kvReport?: KvReport | undefined;
  /** Absent where nobody follows them. */
  readonly life?: LifeReport | undefined;
  /** Absent where the operator has none. */
  readonly hooks?: Hooks | undefined;
  /** Absent where engines alone serve. */
  readonly external?: Pick<ExternalProviders, "serves" | "cards" | "send"> | undefined;
  /** Bounds what is held of request bodies. */
  readonly bodies: ByteBudget;
  /**
   * Ends requests that take too long.
   * @default the clock, with a timer for each
   */
  readonly timers?: Pick<Clock, "after"> | undefined;
  /** What `/metrics` tells. */
  readonly scrapes: Pick<Scrapes, "text">;
  /** Looks for models that nobody serves; absent where they are refused at once. */
  readonly lookup?: Pick<ModelLookup, "look"> | undefined;
  /** Tells engines what to do. */
  readonly control: EngineControl;
  /** What keeps the router from doing its work at the moment; undefined for nothing. */
  readonly ailment: () => string | undefined;
  /**
   * What is not as files say, by what it is about, e.g. `api_keys`; and what a dynamic configuration
   * says. Empty when there is nothing to say.
   */
  readonly remarks: () => Readonly<Record<string, string | Readonly<Record<string, string>>>>;
  /**
   * Set until every engine has been asked for its models once: before that, a request could find
   * no engine, or no prefill engine, though there is one.
   */
  readonly firstRound: () => Promise<void> | undefined;
  /** Whether its code is still being run for the first time, before anybody waits for it. */
  readonly warming?: () => boolean;
  /** Told of each request; what it gives is released when the answer has ended. */
  readonly begin?: (() => Lease) | undefined;
  /** Whether the router will soon take no more requests. */
  readonly retired: () => boolean;
  /** Whether the router takes no more requests. */
  readonly draining: () => boolean;
  /** Set where this is one of several processes, which are seen as one. */
  readonly whole?: Whole | undefined;
}

/** What a router tells of itself on the endpoints of that name. */
export type ToldOfItself = "metrics" | "engines" | "health" | "ready";

/** Several routers that are seen as one. */
export interface Whole {
  /** What all of them tell; rejects with `RouterError` where that cannot be had. */
  tell(what: ToldOfItself): Promise<Answer>;
}

/** One request, as handlers see it. */
export interface HttpCall {
  readonly request: FrontRequest;
  /** Without the root path. */
  readonly path: string;
  /** As the client sent it, with its `?`; empty for none. */
  readonly query: string;
  readonly context: RequestContext;
  /** What it was let in with. */
  readonly pass: Pass;
}

/** Fields that engines are told otherwise, or not at all. */
const OWN_FIELDS: ReadonlySet<string> = new Set(["x-request-id", "content-encoding", ROUTE_FIELD]);

/** Longest request id taken from a client, in characters; longer ones are replaced. */
const MAX_ID = 512;

/** The circumstances of a request: its id, its session, and the fields engines shall see. */
export function contextOf(
  request: Pick<FrontRequest, "method" | "headers" | "remote" | "signal">,
  deps: {
    readonly config: RouterConfig;
    readonly doors: Doors;
    readonly random: Random;
    readonly log: Logger;
    readonly names?: Pick<EngineNames, "told">;
  },
  trace: RequestTrace,
  held: ByteShare,
): RequestContext {
  const given = request.headers.get("x-request-id");
  const id = given === undefined || given === "" || given.length > MAX_ID
    ? deps.random.uuid()
    : given;
  const headers = deps.doors.engineFields(request, keptFields(request.headers));
  headers.push(["x-request-id", id]);
  const { config: { routing }, names: { told } = AS_IT_IS } = deps;
  const session = sessionOf(request, routing.sessionKey?.toLowerCase());
  return {
    id,
    sessionId: session,
    signal: request.signal,
    headers,
    ...(namesRank(request.headers) ? { rankLeg: deps.config.answers.rankLeg } : {}),
    trace,
    told: (error) => told(withoutKeyRefusal(deps.doors, error)),
    held,
  };
}

const AS_IT_IS: Pick<EngineNames, "told"> = { told: (error) => error };

/** The fields of a request that go on to an engine as they are, or nearly so. */
function keptFields(headers: FrontRequest["headers"]): readonly HeaderField[] {
  const kept = forwardRequestHeaders(headers, { without: OWN_FIELDS });
  for (let index = 0; index < kept.length; index++) {
    const [name, value] = kept[index] ?? NO_FIELD;
    if (name === "content-type" && value.includes(";")) kept[index] = [name, asUtf8(value)];
  }
  return kept;
}

const NO_FIELD: HeaderField = ["", ""];

/** A type without the charset of the bytes that came: engines get UTF-8. */
function asUtf8(type: string): string {
  const [name = "", ...parameters] = type.split(";");
  const kept = parameters.filter((parameter) => {
    // Anchored: a client may send tens of kilobytes of blanks.
    const [, charset] = /^\s*charset\s*=\s*"?([^"]*)/i.exec(parameter) ?? [];
    return charset === undefined || /^utf-?8\s*$/i.test(charset);
  });
  return [kept.length < parameters.length ? name.trimEnd() : name, ...kept].join(";");
}

/** Fields whose value is a secret: it names a session as well when nobody can read it any more. */
const SECRET_FIELDS: ReadonlySet<string> = new Set([
  ...KEY_FIELDS,
  "api-key",
  "cookie",
  "proxy-authorization",
]);

/** Digits of a digest that tell sessions apart. */
const SESSION_DIGITS = 16;

function sessionOf(
  { headers }: Pick<FrontRequest, "headers">,
  name: string | undefined,
): string | undefined {
  const value = name === undefined ? undefined : headers.get(name);
  if (name === undefined || value === undefined || !SECRET_FIELDS.has(name)) return value;
  return sha256(value).slice(0, SESSION_DIGITS);
}
