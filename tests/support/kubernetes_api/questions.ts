/** What an API server is asked, and who may ask that. @module */

/** What a Role grants; `*` is everything. */
export interface Rule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly verbs: readonly string[];
}

/** Who asks. */
export interface User {
  readonly name: string;
  readonly rules: readonly Rule[];
  /** Where the rules hold; absent: everywhere. */
  readonly namespace?: string;
}

/** Whoever shows no token. */
export const ANYBODY: User = { name: "system:anonymous", rules: [] };

/** One question. */
export interface Question {
  readonly verb: "list" | "watch" | "get";
  readonly group: string;
  readonly resource: string;
  /** Undefined for all of them. */
  readonly namespace: string | undefined;
  /** Empty for all objects. */
  readonly name: string;
  readonly query: URLSearchParams;
}

const PATH =
  /^\/(?:api|apis\/(?<group>[^/]+))\/v1(?:\/namespaces\/(?<namespace>[^/]+))?\/(?<resource>[^/]+)(?:\/(?<name>[^/]+))?$/;

/** The question that `request` is; undefined where its path is of none. */
export function readQuestion(request: Request): Question | undefined {
  const { pathname, searchParams: query } = new URL(request.url);
  const groups = PATH.exec(pathname)?.groups;
  if (groups === undefined) return undefined;
  const { group = "", namespace, resource = "", name = "" } = groups;
  const verb = name !== "" ? "get" : query.has("watch") ? "watch" : "list";
  return { verb, group, resource, namespace, name, query };
}

/** Whether a rule of `user` grants it. */
export function may(user: User, { verb, group, resource, namespace }: Question): boolean {
  if (user.namespace !== undefined && namespace !== user.namespace) return false;
  const has = (texts: readonly string[], text: string): boolean =>
    texts.includes(text) || texts.includes("*");
  return user.rules.some(({ apiGroups, resources, verbs }) =>
    has(apiGroups, group) && has(resources, resource) && has(verbs, verb)
  );
}
