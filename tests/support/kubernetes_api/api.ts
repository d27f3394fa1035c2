/**
 * A small API server of Kubernetes for tests: lists and watches of three resources in one namespace, with
 * the shapes and the refusals of the real one. It is stricter: what the router does not need is refused.
 * @module
 */
import { type Clock, systemClock, type Timer } from "../../../lib/base/mod.ts";
import { parseSelector } from "./selector.ts";
import { ANYBODY, may, readQuestion, type Rule, type User } from "./questions.ts";
import {
  badRequest,
  continueTooOld,
  forbidden,
  notFound,
  notNumber,
  noVersion,
  type Status,
  statusOf,
  tooOld,
  UNAUTHORIZED,
  UNKNOWN,
} from "./statuses.ts";
import { KINDS, type KubeObject, KubeStore, type Resource } from "./store.ts";
import { Watching } from "./watching.ts";

/** What the router needs for pods, and for Services. */
export const RULES: readonly Rule[] = [
  { apiGroups: [""], resources: ["pods", "services"], verbs: ["list", "watch"] },
  { apiGroups: ["discovery.k8s.io"], resources: ["endpointslices"], verbs: ["list", "watch"] },
];

/** A question that was asked. */
export interface Asked {
  readonly verb: "list" | "watch";
  readonly resource: Resource;
  readonly query: URLSearchParams;
}

const NO_SELECTOR = "found '=', expected: ',' or 'end of string'";
const NO_PAGE = "invalid continue token: continue key is not valid: illegal base64 data at input " +
  "byte 0";

const LIST_PARAMETERS = new Set(["labelSelector", "limit", "continue"]);
const WATCH_PARAMETERS = new Set([
  ...["labelSelector", "watch", "allowWatchBookmarks", "resourceVersion", "timeoutSeconds"],
]);

/** One namespace of one cluster. */
export class KubernetesApi {
  readonly store: KubeStore;
  /** Tokens that are taken; none is needed where there are none. */
  readonly tokens = new Set<string>();
  rules: readonly Rule[] = RULES;
  /** Others than the router, by their tokens. */
  readonly users = new Map<string, User>();
  /** What is answered in place of the next questions, one each. */
  readonly refusals: Status[] = [];
  /** Watches of versions that are too old are refused by HTTP, not by an event. */
  expiresByStatus = false;
  readonly asked: Asked[] = [];
  readonly #watches = new Set<Watching>();
  readonly #timers = new Set<Timer>();
  readonly #clock: Clock;
  readonly #snapshots = new Map<string, readonly KubeObject[]>();

  constructor(clock: Clock = systemClock(), namespace = "default") {
    this.#clock = clock;
    this.store = new KubeStore(namespace);
    this.store.watch((change) => {
      for (const watching of [...this.#watches]) watching.tell(change);
    });
  }

  /** Watches that are open. */
  get watches(): ReadonlySet<Watching> {
    return this.#watches;
  }

  /** Have what has changed forgotten, first pages of lists too. */
  compact(): void {
    this.store.compact();
    this.#snapshots.clear();
  }

  /** Tell all watches that nothing has happened. */
  bookmark(): void {
    for (const watching of [...this.#watches]) watching.bookmark(this.store.version);
  }

  /** End all watches as if their time was up. */
  endWatches(): void {
    for (const watching of [...this.#watches]) watching.end();
  }

  /** Break all watches off. */
  cutWatches(): void {
    for (const watching of [...this.#watches]) watching.cut();
  }

  /** Answer one request. */
  handle(request: Request): Response {
    const user = this.#userOf(request);
    if (user === undefined) return answer(UNAUTHORIZED);
    const question = readQuestion(request);
    if (question === undefined) return new Response("404 page not found\n", { status: 404 });
    const refusal = this.refusals.shift();
    if (refusal !== undefined) return answer(refusal);
    if (request.method !== "GET") {
      return answer(statusOf(405, "MethodNotAllowed", "the server does not allow this method"));
    }
    const { verb, query, namespace, name } = question;
    if (!may(user, question)) return answer(forbidden(user.name, verb, question));
    const { resource } = question;
    if (!isKept(resource)) return answer(UNKNOWN);
    if (verb === "get") {
      const object = this.store.get(resource, name);
      return object === undefined ? answer(notFound(resource, name)) : Response.json(object);
    }
    this.asked.push({ verb, resource, query });
    if (verb === "watch") return this.#watch(resource, query);
    return this.#list(resource, query, namespace === this.store.namespace);
  }

  /** Undefined for a token that nobody has given. */
  #userOf({ headers }: Request): User | undefined {
    const token = /^Bearer (\S+)$/.exec(headers.get("authorization") ?? "")?.[1];
    const other = token === undefined ? undefined : this.users.get(token);
    if (other !== undefined) return other;
    if (this.tokens.size > 0 && token === undefined) return ANYBODY;
    if (this.tokens.size > 0 && !this.tokens.has(token ?? "")) return undefined;
    const { namespace } = this.store;
    const name = `system:serviceaccount:${namespace}:pd-router`;
    return { name, rules: this.rules, namespace };
  }

  /** End everything that is open. */
  [Symbol.dispose](): void {
    this.cutWatches();
    for (const timer of this.#timers) timer.cancel();
  }

  /** Of this namespace; there is nothing in any other. */
  #list(resource: Resource, query: URLSearchParams, isHere: boolean): Response {
    const stray = [...query.keys()].find((key) => !LIST_PARAMETERS.has(key));
    const selector = parseSelector(query.get("labelSelector") ?? "");
    const limit = Number(query.get("limit") ?? 0);
    if (stray !== undefined) return answer(badRequest(`unexpected parameter ${stray}`));
    if (selector === undefined) return answer(badRequest(NO_SELECTOR));
    if (!Number.isInteger(limit) || limit < 0) {
      return answer(badRequest(notNumber("Int", query.get("limit") ?? "")));
    }
    const page = this.#pageOf(resource, query.get("continue"));
    if (page === undefined) return answer(badRequest(NO_PAGE));
    const { version, start } = page;
    const known = isHere ? page.known : [];
    if (known === undefined) return answer(continueTooOld(restOf(this.store.version, start)));
    const left = known.filter(({ metadata }) =>
      metadata.name >= start && selector(metadata.labels ?? {})
    );
    const items = limit === 0 ? left : left.slice(0, limit);
    const next = left[items.length];
    const rest = next === undefined ? undefined : restOf(version, next.metadata.name);
    if (rest !== undefined) this.#snapshots.set(`${resource} ${version}`, known);
    const { kind, apiVersion } = KINDS[resource];
    const metadata = {
      resourceVersion: String(version),
      ...(rest === undefined ? {} : { continue: rest }),
    };
    return Response.json({ kind: `${kind}List`, apiVersion, metadata, items });
  }

  /** A list is of one moment, whenever its pages are read. */
  #pageOf(resource: Resource, rest: string | null): {
    readonly version: number;
    readonly start: string;
    readonly known: readonly KubeObject[] | undefined;
  } | undefined {
    if (rest === null) {
      return { version: this.store.version, start: "", known: this.store.all(resource) };
    }
    if (!/^[\w+/]{8,}=*$/.test(rest)) return undefined;
    const { rv: version, start } = JSON.parse(atob(rest));
    return { version, start, known: this.#snapshots.get(`${resource} ${version}`) };
  }

  #watch(resource: Resource, query: URLSearchParams): Response {
    const stray = [...query.keys()].find((key) => !WATCH_PARAMETERS.has(key));
    const selector = parseSelector(query.get("labelSelector") ?? "");
    const version = query.get("resourceVersion") ?? "";
    const seconds = query.get("timeoutSeconds") ?? "";
    if (stray !== undefined) return answer(badRequest(`unexpected parameter ${stray}`));
    if (selector === undefined) return answer(badRequest(NO_SELECTOR));
    if (!/^[1-9]\d*$/.test(version)) return answer(noVersion(version));
    if (!/^[1-9]\d*$/.test(seconds)) return answer(badRequest("timeoutSeconds: not a number"));
    const changes = this.store.since(resource, Number(version));
    const expired = tooOld(Number(version), this.store.oldest);
    if (changes === undefined && this.expiresByStatus) return answer(expired);
    const watching = new Watching({
      resource,
      from: Number(version),
      selector,
      bookmarks: query.get("allowWatchBookmarks") === "true",
      onEnd: () => {
        this.#watches.delete(watching);
        timer.cancel();
        this.#timers.delete(timer);
      },
    });
    const timer = this.#clock.after(
      Number(seconds) * 1000,
      () => watching.expire(this.store.version),
    );
    this.#timers.add(timer);
    this.#watches.add(watching);
    for (const change of changes ?? []) watching.tell(change);
    if (changes === undefined) watching.fail(expired);
    return new Response(watching.body, { headers: { "content-type": "application/json" } });
  }
}

function isKept(resource: string): resource is Resource {
  return Object.hasOwn(KINDS, resource);
}

function restOf(version: number, start: string): string {
  return btoa(JSON.stringify({ v: "meta.k8s.io/v1", rv: version, start }));
}

function answer(status: Status): Response {
  const seconds = status.details?.["retryAfterSeconds"];
  const headers = seconds === undefined ? {} : { "retry-after": String(seconds) };
  return Response.json(status, { status: status.code, headers });
}
