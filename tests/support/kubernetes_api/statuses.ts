/** What an API server answers in place of what it was asked for. @module */

/** A `Status` object. */
export interface Status {
  readonly kind: "Status";
  readonly apiVersion: "v1";
  readonly metadata: Readonly<Record<string, string>>;
  readonly status: "Failure";
  readonly message: string;
  readonly reason: string;
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
    reason,
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
  readonly namespace: string;
}): Status {
  const { group, resource, namespace } = at;
  const what = group === "" ? resource : `${resource}.${group}`;
  return statusOf(
    403,
    "Forbidden",
    `${what} is forbidden: User "${user}" cannot ${verb} resource "${resource}" in API group ` +
      `"${group}" in the namespace "${namespace}"`,
    { details: { ...(group === "" ? {} : { group }), kind: resource } },
  );
}

/** A watch from a version of which nothing is known any more. */
export function tooOld(version: number, oldest: number): Status {
  return statusOf(410, "Expired", `too old resource version: ${version} (${oldest})`);
}

/** Of a list whose first pages are of a version that is not known any more. */
export function continueTooOld(rest: string, version: number): Status {
  return statusOf(
    410,
    "Expired",
    "The provided continue parameter is too old to display a consistent list result. You can " +
      "start a new list without the continue parameter, or use the continue token in this " +
      "response to retrieve the remainder of the results. Continuing with the provided token " +
      "results in an inconsistent list - objects that were created, modified, or deleted between " +
      "the time the first chunk was returned and now may show up in the list.",
    { metadata: { resourceVersion: String(version), continue: rest } },
  );
}

/** A question that is not understood. */
export function badRequest(message: string): Status {
  return statusOf(400, "BadRequest", message);
}
