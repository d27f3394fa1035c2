/** Whether our reading of some bytes is as safe as that of others. @module */
import type { Observed } from "./observe.ts";
import type { Peer, Seen } from "./peers.ts";

/** Methods that llhttp knows; it refuses all others. */
const LLHTTP_METHODS: ReadonlySet<string> = new Set(
  ("DELETE GET HEAD POST PUT CONNECT OPTIONS TRACE COPY LOCK MKCOL MOVE PROPFIND PROPPATCH SEARCH " +
    "UNLOCK BIND REBIND UNBIND ACL REPORT MKACTIVITY CHECKOUT MERGE M-SEARCH NOTIFY SUBSCRIBE " +
    "UNSUBSCRIBE PATCH PURGE MKCALENDAR LINK UNLINK SOURCE QUERY").split(" "),
);

/** Statuses that say of something other than ambiguity why a request is refused. */
const OTHER_REASONS: ReadonlySet<number> = new Set([408, 413, 414, 417, 431, 500, 501, 505]);

/**
 * Why `peer` may refuse what we take, although there is no doubt about it; undefined where there is no
 * such reason.
 */
function harmless(peer: Peer["name"], seen: Seen, status: number | undefined): string | undefined {
  if (status !== undefined && OTHER_REASONS.has(status)) return "a limit or a feature";
  if (offersUpgrade(seen)) return "an offer, which we pass over";
  if (peer === "llhttp" && !LLHTTP_METHODS.has(seen.method)) return "a method it does not know";
  return undefined;
}

/** What is wrong with our reading beside that of `peer`; undefined for nothing. */
export function compare(ours: Observed, peer: Peer["name"], other: Observed): string | undefined {
  for (const [index, mine] of ours.seen.entries()) {
    if (mine.body === undefined) return undefined;
    const theirs = other.seen[index];
    if (theirs === undefined || theirs.body === undefined) {
      const status = other.statuses[index];
      if (harmless(peer, mine, status) !== undefined) return undefined;
      const how = status === undefined ? "without an answer" : `with ${status}`;
      return `request ${index + 1} is taken by us and refused by ${peer} ${how}: ${show(mine)}`;
    }
    const difference = differenceOf(mine, theirs, peer);
    // What follows an offer is the other protocol, to those who take it.
    if (difference === undefined && offersUpgrade(mine)) return undefined;
    if (difference !== undefined) {
      return `request ${index + 1} has another ${difference} for ${peer}: ${show(mine)} and ${
        show(theirs)
      }`;
    }
  }
  return undefined;
}

function offersUpgrade({ fields }: Seen): boolean {
  return fields.some(([name]) => name === "upgrade");
}

/** Methods whose requests have no body for `Deno.serve`, which passes over what comes. */
const BODILESS: ReadonlySet<string> = new Set(["GET", "HEAD"]);

function differenceOf(one: Seen, other: Seen, peer: Peer["name"]): string | undefined {
  if (one.method !== other.method) return "method";
  if (one.target !== other.target) return "target";
  const passedOver = peer === "hyper" && BODILESS.has(one.method) && other.body === "";
  if (one.body !== other.body && !passedOver) return "body";
  return listed(one) === listed(other) ? undefined : "field";
}

/** The fields as one text. Values of one name are joined, and empty ones lost, in ways of their own. */
function listed({ fields }: Seen): string {
  return JSON.stringify(fields.map(([name, value]) => [
    name,
    value.replaceAll(/[,;\s]+/g, ",").replaceAll(/^,|,$/g, ""),
  ]));
}

function show(seen: Seen): string {
  return JSON.stringify([seen.method, seen.target, seen.fields, seen.body]);
}
