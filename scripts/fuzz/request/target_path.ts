/** Targets of requests and `Host` fields, beside `URL`. @module */
import { decodeUtf8, RouterError } from "../../../lib/base/mod.ts";
import { targetOf as targetOfUrl } from "../../../lib/front/deno_request.ts";
import { endpointLabel, routeOf } from "../../../lib/http/routes.ts";
import { type Target, targetOf } from "../../../lib/http/target.ts";
import { pick } from "../chance.ts";
import { fieldsOf } from "../fields.ts";
import type { Corpus } from "../mutate.ts";
import { difference, outcomeOf, short } from "../outcome.ts";
import { parserTarget, type Verdict } from "../parser_target.ts";
import type { FuzzTarget } from "../target.ts";
import { textOf } from "../text.ts";

/** Takes a target apart. */
export type TakeApart = typeof targetOf;

/** A target, a line feed, and a `Host`. */
const CORPUS: Corpus = {
  seeds: [
    "/v1/completions\na",
    "/v1/models/\na:80",
    "//v1/models?a=b&c=d?e\n[::1]:8080",
    "/llm/v1/chat/completions?x\nrouter.example",
    "/v1/models/org%2Fname\n10.0.0.1:1",
    "/v1/models/a/b/../c\na",
    "/%2e%2e/metrics\nx/metrics?",
    "/v1\\models\nu@a",
    "/a#b\na b",
    "*\n",
    "http://b/abs?c\nb",
    "/%c3%a9%E6%97%A5\nxn--a.b_c",
    "/%00%ff%\na%41",
    "/invocations\na:99999",
    "?a\na:",
    "/.well-known/./x\n-",
  ],
  words: [
    ..."/\\.?#%:@[]&=+;~ *",
    "%2f",
    "%2e",
    "%5c",
    "%00",
    "%0a",
    "%c3%a9",
    "%ff",
    "/../",
    "/./",
    "//",
    "/v1/models/",
    "/v1",
    "/llm",
    "http://",
    "localhost",
    "[::1]",
    ":80",
  ],
};

const ROOTS = ["", "/llm", "/v1"] as const;

/** The target, with `parse` as the parser. */
export function targetPathTarget(parse: TakeApart = targetOf): FuzzTarget {
  return parserTarget({
    name: "target-path",
    about: "targets of requests and Host fields, beside URL",
    corpus: CORPUS,
    check(input, random) {
      const [target = "", host = ""] = textOf(input).split("\n");
      const root = pick(random, ROOTS, "");
      const parsed = parse({ target, headers: fieldsOf([["host", host]]) }, root);
      const fromUrl = targetOfUrl(`http://${host}${target}`, host);
      if (target.startsWith("/") && fromUrl !== target) return `url: ${short(fromUrl)}`;
      if (parsed instanceof RouterError) {
        return parsed.code === "bad-request" ? undefined : `code: ${parsed.code}`;
      }
      const { path } = parsed;
      endpointLabel(path);
      const routed = outcomeOf(() => routeOf("GET", path), RouterError);
      const known = routed.ok || ["not-found", "method-not-allowed"].includes(codeOf(routed.error));
      return known ? besideUrl(target, host, parsed, root) : `route: ${path}`;
    },
  });
}

function codeOf(error: Error): string {
  return error instanceof RouterError ? error.code : "";
}

/** A target that is taken means the same to whoever puts it into a URL with that host. */
function besideUrl(target: string, host: string, { path, query }: Target, root: string): Verdict {
  const text = `http://${host === "" ? "a" : host}${target}`;
  // Hosts that a URL cannot have are names that nobody looks up.
  if (!URL.canParse(text)) return undefined;
  const url = new URL(text);
  if (url.username !== "" || url.password !== "" || url.hash !== "") return `host: ${short(text)}`;
  const decoded = decodeURIComponent(url.pathname).replace(/^\/+/, "/");
  const paths = [decoded, decoded.startsWith(root) ? decoded.slice(root.length) : decoded]
    .flatMap((each) => [each || "/", each.replace(/(?<=.)\/$/, "") || "/"]);
  if (!paths.includes(path)) return `path: ${short(path)} and ${short(decoded)}`;
  return difference("query", plain(query), plain(url.search || (query === "?" ? "?" : "")));
}

/** A URL encodes some characters of a query by itself. */
function plain(query: string): string {
  return query.replace(/%(22|27|3c|3e)/gi, (code) =>
    decodeUtf8(
      Uint8Array.of(parseInt(code.slice(1), 16)),
    ));
}
