/** Status lines, made once. @module */
import { encodeUtf8, RouterError } from "../../base/mod.ts";

/** Phrases of RFC 9110 and RFC 6585, and 499 as proxies write it. */
const PHRASES: Readonly<Record<number, string>> = {
  200: "OK",
  201: "Created",
  202: "Accepted",
  203: "Non-Authoritative Information",
  204: "No Content",
  205: "Reset Content",
  206: "Partial Content",
  300: "Multiple Choices",
  301: "Moved Permanently",
  302: "Found",
  303: "See Other",
  304: "Not Modified",
  307: "Temporary Redirect",
  308: "Permanent Redirect",
  400: "Bad Request",
  401: "Unauthorized",
  402: "Payment Required",
  403: "Forbidden",
  404: "Not Found",
  405: "Method Not Allowed",
  406: "Not Acceptable",
  407: "Proxy Authentication Required",
  408: "Request Timeout",
  409: "Conflict",
  410: "Gone",
  411: "Length Required",
  412: "Precondition Failed",
  413: "Content Too Large",
  414: "URI Too Long",
  415: "Unsupported Media Type",
  416: "Range Not Satisfiable",
  417: "Expectation Failed",
  421: "Misdirected Request",
  422: "Unprocessable Content",
  424: "Failed Dependency",
  425: "Too Early",
  426: "Upgrade Required",
  428: "Precondition Required",
  429: "Too Many Requests",
  431: "Request Header Fields Too Large",
  451: "Unavailable For Legal Reasons",
  499: "Client Closed Request",
  500: "Internal Server Error",
  501: "Not Implemented",
  502: "Bad Gateway",
  503: "Service Unavailable",
  504: "Gateway Timeout",
  505: "HTTP Version Not Supported",
  507: "Insufficient Storage",
};

/** Lines by status less 200, all made at once: there are no more than 400. */
const STATUS_LINES: readonly Uint8Array[] = Array.from({ length: 400 }, (_, index) => {
  const status = index + 200;
  return encodeUtf8(`HTTP/1.1 ${status} ${PHRASES[status] ?? ""}\r\n`);
});

/** The status line, with its end, for a status of 200 to 599; `RouterError` `internal` for others. */
export function statusLine(status: number): Uint8Array {
  const line = STATUS_LINES[status - 200];
  if (line === undefined) throw new RouterError("internal", `Cannot answer with status ${status}`);
  return line;
}
