/** Values of header fields that the router reads, and what of them goes on to engines. @module */
import {
  ByteBudget,
  isAmong,
  type Network,
  parseAddress,
  parseNetwork,
  RouterError,
  seededRandom,
  silentLogger,
  systemClock,
} from "../../../lib/base/mod.ts";
import { shownKeys } from "../../../lib/doors/credentials.ts";
import { clientAddress, forwardingFields } from "../../../lib/doors/forwarded.ts";
import { Doors, type Visitor } from "../../../lib/doors/mod.ts";
import { resolveConfig } from "../../../lib/config/mod.ts";
import { contextOf } from "../../../lib/http/context.ts";
import { Metrics } from "../../../lib/metrics/mod.ts";
import { RequestTrace } from "../../../lib/request/mod.ts";
import { codingOf } from "../../../lib/http/coding.ts";
import { preflight } from "../../../lib/http/cors.ts";
import { parseOrigin } from "../../../lib/upstream/origin.ts";
import { HOP_BY_HOP } from "../../../lib/upstream/headers.ts";
import { forwardRequestHeaders, type HeaderField } from "../../../lib/upstream/mod.ts";
import { encodeRequest } from "../../../lib/upstream/request_head.ts";
import { pick } from "../chance.ts";
import { fieldsIn, fieldsOf } from "../fields.ts";
import type { Corpus } from "../mutate.ts";
import { difference, outcomeOf, short } from "../outcome.ts";
import { parserTarget, type Verdict } from "../parser_target.ts";
import type { FuzzTarget } from "../target.ts";
import { textOf } from "../text.ts";

/** What reads fields. */
export interface FieldReaders {
  readonly keys: typeof shownKeys;
  readonly client: typeof clientAddress;
  readonly coding: typeof codingOf;
  readonly forward: typeof forwardRequestHeaders;
}

const READERS: FieldReaders = {
  keys: shownKeys,
  client: clientAddress,
  coding: codingOf,
  forward: forwardRequestHeaders,
};

const CORPUS: Corpus = {
  seeds: [
    "host: a:80\nauthorization: Bearer sk-1\nx-api-key: k",
    "authorization: bearer  a  \nx-api-key:\nauthorization: Basic YTpi",
    "x-forwarded-for: 10.0.0.1, [2001:db8::1]:80, unknown\nforwarded: for=a;proto=http",
    'forwarded: for="[::1]:80";host="a\\"b"\nx-forwarded-host: b\nx-real-ip: 1.2.3.4',
    "content-encoding: gzip\ncontent-type: application/json; charset=utf-16",
    "content-encoding: GZIP , deflate\ncontent-encoding: identity",
    "connection: keep-alive, x-a, close\nx-a: 1\nkeep-alive: timeout=5\nte: trailers",
    "expect: 100-continue\nupgrade: h2c\nhttp2-settings: AAMA\nconnection: upgrade",
    "traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\ntracestate: a=1",
    "x-request-id: abc\nx-session-id: \xe9\ncookie: a=b; c=d",
    "origin: https://chat.example\naccess-control-request-method: POST\n" +
    "access-control-request-headers: x-a, authorization",
    "accept-encoding: gzip\ncontent-length: 5\ntransfer-encoding: chunked",
  ],
  words: [
    ...',;:="\\[]()<>@ \t/.',
    "authorization: Bearer ",
    "x-api-key: ",
    "connection: ",
    "x-forwarded-for: ",
    "content-encoding: ",
    "gzip",
    "deflate",
    "identity",
    "10.0.0.1",
    "127.0.0.1:80",
    "::ffff:10.0.0.1",
    "[::1]",
    "fe80::1%eth0",
    "for=",
    "close",
    "\xa0",
  ],
};

const ORIGIN = parseOrigin("http://engine.example:8000/base");
const TRUSTED: readonly Network[] = ["10.0.0.0/8", "::1"].flatMap((text) =>
  parseNetwork(text) ?? []
);
const REMOTES = ["10.0.0.9", "::1", "192.0.2.1"] as const;

const HELD = new ByteBudget(0).share();
const CLOCK = systemClock();
const DOORS = new Doors({
  open: [],
  trustedProxies: TRUSTED,
  secure: false,
  log: silentLogger(),
  metrics: new Metrics(),
});

/** Where requests go by a field, which is read as well. */
const RESOLVED = resolveConfig({
  flags: new Map([
    ["static-backends", ["http://a"]],
    ["static-models", ["m"]],
    ["routing-logic", ["session"]],
    ["session-key", ["cookie"]],
  ]),
  env: () => undefined,
});

/** The fields that engines see of a request. */
function engineFields({ method, headers, remote }: Visitor): readonly HeaderField[] | string {
  if (!RESOLVED.ok) throw new Error(RESOLVED.problems.map(({ message }) => message).join());
  const request = { method, headers, remote: { ...remote, port: 1 }, signal: NEVER };
  const { id, headers: fields } = contextOf(
    request,
    { config: RESOLVED.config, doors: DOORS, random: seededRandom(1), log: silentLogger() },
    new RequestTrace(CLOCK),
    HELD,
  );
  return id.length > 512 || id === "" ? `id: ${short(id)}` : fields;
}

const NEVER = new AbortController().signal;

/** The target, with `readers` in place of the router's own. */
export function fieldsTarget(readers: Partial<FieldReaders> = {}): FuzzTarget {
  const { keys, client, coding, forward } = { ...READERS, ...readers };
  return parserTarget({
    name: "fields",
    about: "Authorization, Forwarded, Connection, Content-Encoding, Origin and other fields",
    corpus: CORPUS,
    check(input, random) {
      const headers = fieldsOf(fieldsIn(textOf(input)));
      const remote = { hostname: pick(random, REMOTES, "::1") };
      const visitor: Visitor = { method: "OPTIONS", headers, remote };
      const named = outcomeOf(() => coding(headers.get("content-encoding")), RouterError);
      if (!named.ok && codeOf(named.error) !== "unsupported-coding") return "coding: its code";
      preflight(["https://chat.example"], visitor);
      const told = engineFields(visitor);
      if (typeof told === "string") return told;
      return keysProblem(keys(headers), headers.get("authorization")) ??
        clientProblem(visitor, client(visitor, TRUSTED)) ??
        forwardedProblem(visitor, forward(headers)) ??
        encodingProblem(told);
    },
  });
}

function codeOf(error: Error): string {
  return error instanceof RouterError ? error.code : "";
}

function keysProblem(keys: readonly string[], authorization = ""): Verdict {
  if (keys.length > 2 || keys.includes("")) return `keys: ${short(keys.join())}`;
  const [scheme = "", token = "", ...more] = authorization.split(" ").filter((part) => part !== "");
  const bearer = scheme.toLowerCase() === "bearer" && more.length === 0 && token !== "" &&
    !authorization.startsWith(" ");
  return bearer === (keys[0] === token && token !== "") || keys.includes(token)
    ? undefined
    : `bearer: ${short(authorization)}`;
}

/** Nobody is told of as the client but the connection's own, and addresses that the trusted tell. */
function clientProblem({ headers, remote }: Visitor, client: string): Verdict {
  if (parseAddress(client) === undefined) return `client: ${short(client)} is no address`;
  const told = headers.get("x-forwarded-for") !== undefined && isAmong(remote.hostname, TRUSTED);
  return told ? undefined : difference("client", client, remote.hostname);
}

/** What goes on is written in one line each, and nothing of the connection is among it. */
function forwardedProblem(visitor: Visitor, kept: readonly HeaderField[]): Verdict {
  const fields = [...kept, ...forwardingFields(visitor, { trusted: TRUSTED, secure: false })];
  const named = (visitor.headers.get("connection") ?? "").toLowerCase().split(",")
    .map((name) => name.trim()).filter((name) => name !== "keep-alive" && name !== "close");
  const stray = kept.find(([name]) => HOP_BY_HOP.has(name) || named.includes(name));
  if (stray !== undefined) return `hop: ${stray[0]} goes on`;
  return encodingProblem(fields);
}

function encodingProblem(fields: readonly HeaderField[]): Verdict {
  const request = {
    method: "POST",
    url: ORIGIN.url,
    path: "/v1/completions",
    headers: fields,
    connectTimeoutMs: 1,
    headTimeoutMs: 1,
    idleTimeoutMs: 1,
  };
  const encoded = outcomeOf(() => encodeRequest(ORIGIN, request, new Uint8Array(256)), RouterError);
  if (!encoded.ok) return codeOf(encoded.error) === "bad-request" ? undefined : "encode: its code";
  const lines = textOf(encoded.value.first).split("\r\n");
  const wanted = fields.map(([name, value]) => `${name}: ${value}`);
  return difference("lines", lines.slice(2, 2 + fields.length), wanted);
}
