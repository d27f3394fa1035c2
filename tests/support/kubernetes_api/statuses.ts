/** What an API server answers in place of what it was asked for. @module */

/** A `Status` object. */
export interface Status {
  readonly kind: "Status";
  readonly apiVersion: "v1";
  readonly metadata: Readonly<Record<string, string>>;
  readonly status: "Failure";
  readonly message: string;
  /** Absent where there is no word for it. */
  readonly reason?: string;
  readonly details?: Readonly<Record<string, unknown>>;
  readonly code: number;
}

/** One of them. */
export function statusOf(
  code: number,
  reason: string,
  message: string,
  more: Pick<Partial<Status>, "details" | "metadata"> = {},
): Status {
  const { details, metadata = {} } = more;
  return {
    kind: "Status",
    apiVersion: "v1",
    metadata,
    status: "Failure",
    message,
    ...(reason === "" ? {} : { reason }),
    ...(details === undefined ? {} : { details }),
    code,
  };
}

/** Without a token that is known. */
export const UNAUTHORIZED: Status = statusOf(401, "Unauthorized", "Unauthorized");

/** A verb that no Role grants. */
export function forbidden(user: string, verb: string, at: {
  readonly group: string;
  readonly resource: string;
  /** Undefined for all of them. */
  readonly namespace: string | undefined;
}): Status {
  const { group, resource, namespace } = at;
  const what = group === "" ? resource : `${resource}.${group}`;
  const where = namespace === undefined
    ? "at the cluster scope"
    : `in the namespace "${namespace}"`;
  return statusOf(
    403,
    "Forbidden",
    `${what} is forbidden: User "${user}" cannot ${verb} resource "${resource}" in API group ` +
      `"${group}" ${where}`,
    { details: { ...(group === "" ? {} : { group }), kind: resource } },
  );
}

/** A watch from a version of which nothing is known any more. */
export function tooOld(version: number, oldest: number): Status {
  return statusOf(410, "Expired", `too old resource version: ${version} (${oldest})`);
}

/** Of a list whose first pages are of a version that is not known any more. */
export function continueTooOld(rest: string): Status {
  return statusOf(
    410,
    "Expired",
    "The provided continue parameter is too old to display a consistent list result. You can " +
      "start a new list without the continue parameter, or use the continue token in this " +
      "response to retrieve the remainder of the results. Continuing with the provided token " +
      "results in an inconsistent list - objects that were created, modified, or deleted between " +
      "the time the first chunk was returned and now may show up in the list.",
    { metadata: { continue: rest } },
  );
}

/** A kind that there is not. */
export const UNKNOWN: Status = statusOf(
  404,
  "NotFound",
  "the server could not find the requested resource",
  { details: {} },
);

/** An object that there is not. */
export function notFound(kind: string, name: string): Status {
  return statusOf(404, "NotFound", `${kind} "${name}" not found`, { details: { name, kind } });
}

/** A number that is none, in the words of Go. */
export function notNumber(how: "Int" | "Uint", text: string): string {
  return `strconv.Parse${how}: parsing ${JSON.stringify(text)}: invalid syntax`;
}

/** A watch from a version that is none: the server takes that for a fault of its own. */
export function noVersion(text: string): Status {
  const what = `resourceVersion: Invalid value: ${JSON.stringify(text)}`;
  return statusOf(500, "", `${what}: ${notNumber("Uint", text)}`);
}

/** A question that is not understood. */
export function badRequest(message: string): Status {
  return statusOf(400, "BadRequest", message);
}
