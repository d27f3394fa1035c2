/** Files of the page as answers. They are made when the first one is asked for. @module */
import { encodeUtf8, RouterError, sha256 } from "../base/mod.ts";
import type { Answer } from "../request/mod.ts";

/** Where the page itself is; all else of it is below `page/`. */
export const MAIN_PATH = "/";
const FOLDER = "/page/";

/** Nothing but its own files may run, and nobody may show it within a page of theirs. */
const POLICY = [
  "default-src 'none'",
  ...["script-src", "style-src", "img-src", "connect-src"].map((kind) => `${kind} 'self'`),
  ...["base-uri", "form-action", "frame-ancestors"].map((kind) => `${kind} 'none'`),
  "require-trusted-types-for 'script'",
  "trusted-types 'none'",
].join("; ");

const FIELDS = [
  ["content-security-policy", POLICY],
  ["x-content-type-options", "nosniff"],
  ["x-frame-options", "DENY"],
  ["referrer-policy", "no-referrer"],
  ["cross-origin-opener-policy", "same-origin"],
  ["cross-origin-resource-policy", "same-origin"],
  // Asked for again each time, which costs nothing: the next router may have others.
  ["cache-control", "no-cache"],
] as const;

const TYPES: Readonly<Record<string, string>> = {
  html: "text/html; charset=utf-8",
  css: "text/css; charset=utf-8",
  js: "text/javascript; charset=utf-8",
  svg: "image/svg+xml",
};

/** A file as it is sent. */
interface Sent {
  readonly bytes: Uint8Array;
  readonly type: string;
  /** By its content. */
  readonly tag: string;
}

const NOTHING = new Uint8Array(0);

let files: Promise<ReadonlyMap<string, Sent>> | undefined;

/** Whether `target`, of a request, is for a file of the page. */
export function isPagePath(target: string): boolean {
  const path = pathOf(target);
  return path === MAIN_PATH || path.startsWith(FOLDER);
}

/**
 * The file at `target`, or 304 where the client has it, by the tags in its `If-None-Match`. Throws
 * `not-found`, `method-not-allowed`.
 */
export async function pageAnswer(
  method: string,
  target: string,
  known: string | undefined,
): Promise<Answer> {
  const path = pathOf(target);
  const file = (await (files ??= sentFiles())).get(path);
  if (file === undefined) {
    throw new RouterError("not-found", `Unknown path '${path.slice(0, 200)}'`);
  }
  if (method !== "GET" && method !== "HEAD") {
    const message = `Method ${method} is not allowed on '${path}': use GET`;
    throw new RouterError("method-not-allowed", message, { allow: "GET, HEAD" });
  }
  const { bytes, type, tag } = file;
  const headers: Answer["headers"] = [["etag", tag], ...FIELDS];
  if (isKnown(tag, known)) return { status: 304, headers, body: NOTHING };
  return { status: 200, headers: [["content-type", type], ...headers], body: bytes };
}

async function sentFiles(): Promise<ReadonlyMap<string, Sent>> {
  const { FILES } = await import("./assets/mod.ts");
  return new Map(
    Object.entries(FILES).map(([name, text]) => {
      const path = name === "index.html" ? MAIN_PATH : `${FOLDER}${name}`;
      const type = TYPES[name.slice(name.lastIndexOf(".") + 1)] ?? "application/octet-stream";
      return [path, { bytes: encodeUtf8(text), type, tag: `"${sha256(text).slice(0, 32)}"` }];
    }),
  );
}

function pathOf(target: string): string {
  const mark = target.indexOf("?");
  return mark < 0 ? target : target.slice(0, mark);
}

/** `known` is a list of tags, or `*`; weak ones are compared as strong ones (RFC 9110, section 13.1.2). */
function isKnown(tag: string, known: string | undefined): boolean {
  return known !== undefined &&
    known.split(",").map((each) => each.trim().replace(/^W\//, ""))
      .some((each) => each === tag || each === "*");
}
