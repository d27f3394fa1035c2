/** Requests to begin with: good ones, and such as have smuggled others past somebody. @module */

/** The last request of every connection: whoever answers it has found the ends of all before. */
export const SENTINEL = "GET /sentinel HTTP/1.1\r\nhost: sentinel\r\nconnection: close\r\n\r\n";

/** A request whose body is no request to a reader that sees the ends where they are. */
const HIDDEN = "GET /hidden HTTP/1.1\r\nhost: a\r\n\r\n";

/** The head of a POST with `fields`. */
function post(...fields: readonly string[]): string {
  return ["POST /p HTTP/1.1", "host: a", ...fields, "", ""].join("\r\n");
}

function get(...fields: readonly string[]): string {
  return ["GET /g?a=b HTTP/1.1", "host: a", ...fields, "", ""].join("\r\n");
}

const LENGTH = `content-length: ${HIDDEN.length}`;
const CHUNKED = "transfer-encoding: chunked";
const ONE_CHUNK = `${HIDDEN.length.toString(16)}\r\n${HIDDEN}\r\n`;
const LAST = "0\r\n\r\n";

/** Requests that are right. */
export const GOOD: readonly string[] = [
  get(),
  get("accept: */*", "user-agent: x/1 (y; z)", "accept-encoding: gzip, deflate"),
  get("x-empty:", "x-blank: \t ", "x-inner:  a  b ", "X-Case: Y"),
  get("cookie: a=b", "cookie: c=d", "x-a: 1", "x-a: 2"),
  get("x-high: caf\xe9 \xff"),
  get("connection: keep-alive") + get(),
  get("connection: Upgrade, HTTP2-Settings", "upgrade: h2c", "http2-settings: AAMA"),
  "GET / HTTP/1.0\r\n\r\n",
  "GET / HTTP/1.0\r\nconnection: keep-alive\r\n\r\n" + get(),
  "GET http://b/abs?c HTTP/1.1\r\nhost: b\r\n\r\n",
  "OPTIONS * HTTP/1.1\r\nhost: a\r\n\r\n",
  "HEAD /h HTTP/1.1\r\nhost: a:80\r\n\r\n",
  "DELETE /d HTTP/1.1\r\nhost: [::1]:8080\r\n\r\n",
  "PUT /~x;y=z/%20/(a)!$'*+,:@ HTTP/1.1\r\nhost: a-b.c_d\r\ncontent-length: 0\r\n\r\n",
  `\r\n${get()}`,
  post("content-length: 5") + "hello",
  post("Content-Length: 005 ") + "hello" + get(),
  post(LENGTH) + HIDDEN,
  post(CHUNKED) + "5\r\nhello\r\n" + LAST,
  post("Transfer-Encoding: Chunked") + '00A;a=b;c="d"\r\n0123456789\r\n000\r\nt: u\r\n\r\n',
  post(CHUNKED) + ONE_CHUNK + ONE_CHUNK + LAST + get(),
  post("expect: 100-continue", "content-length: 5") + "hello",
  post("content-type: application/json", "content-length: 13") + '{"model":"m"}' +
  post("content-length: 2") + "{}",
];

/** Requests that are wrong, in ways that some reader has overlooked. */
export const HOSTILE: readonly string[] = [
  // Two lengths.
  post(LENGTH, CHUNKED) + LAST + HIDDEN,
  post(CHUNKED, LENGTH) + ONE_CHUNK + LAST,
  post("content-length: 0", LENGTH) + HIDDEN,
  post(LENGTH, LENGTH) + HIDDEN,
  post("content-length: 5,5") + "hello",
  post("content-length: 5, 6") + "hello",
  post("content-length: +5") + "hello",
  post("content-length: -5") + "hello",
  post("content-length: 0x5") + "hello",
  post("content-length: 5 5") + "hello",
  post("content-length: 5\t") + "hello",
  post("content-length:") + "hello",
  post("content-length: 18446744073709551621") + "hello",
  post("content-length : 5") + "hello",
  post("content_length: 5", "content-length: 0"),
  post(" content-length: 5") + "hello",
  post("x: y", " content-length: 5") + "hello",
  post("x:", "\tcontent-length: 5") + "hello",
  "GET / HTTP/1.0\r\ntransfer-encoding: chunked\r\n\r\n" + ONE_CHUNK + LAST,
  // Codings.
  post("transfer-encoding: identity") + HIDDEN,
  post("transfer-encoding: identity", LENGTH) + HIDDEN,
  post("transfer-encoding: xchunked") + ONE_CHUNK + LAST,
  post("transfer-encoding: chunked, chunked") + ONE_CHUNK + LAST,
  post("transfer-encoding: chunked, identity") + ONE_CHUNK + LAST,
  post("transfer-encoding: gzip, chunked") + ONE_CHUNK + LAST,
  post("transfer-encoding: chunked", "transfer-encoding: x") + ONE_CHUNK + LAST,
  post("transfer-encoding: \x0bchunked") + ONE_CHUNK + LAST,
  post("transfer-encoding:\tchunked") + ONE_CHUNK + LAST,
  post("transfer-encoding : chunked") + ONE_CHUNK + LAST,
  post("transfer-encoding\t: chunked") + ONE_CHUNK + LAST,
  post("transfer-encoding:", " chunked") + ONE_CHUNK + LAST,
  post('transfer-encoding: "chunked"') + ONE_CHUNK + LAST,
  post("transfer-encoding: chunked;q=1") + ONE_CHUNK + LAST,
  post("x: y\ntransfer-encoding: chunked", LENGTH) + LAST + HIDDEN,
  post("x: y\rtransfer-encoding: chunked", LENGTH) + LAST + HIDDEN,
  post("transfer-encoding\0: chunked", LENGTH) + HIDDEN,
  post("transfer-\xc3\xa9ncoding: chunked", LENGTH) + HIDDEN,
  // Chunks.
  post(CHUNKED) + `${HIDDEN.length.toString(16)} \r\n${HIDDEN}\r\n${LAST}`,
  post(CHUNKED) + `+5\r\nhello\r\n${LAST}`,
  post(CHUNKED) + `-5\r\nhello\r\n${LAST}`,
  post(CHUNKED) + `0x5\r\nhello\r\n${LAST}`,
  post(CHUNKED) + `5\nhello\n0\n\n`,
  post(CHUNKED) + `5\rhello\r\n${LAST}`,
  post(CHUNKED) + `5\r\nhello${LAST}`,
  post(CHUNKED) + `5\r\nhelloX\r\n${LAST}`,
  post(CHUNKED) + `5\r\nhello\n${LAST}`,
  post(CHUNKED) + `5;a\nb\r\nhello\r\n${LAST}`,
  post(CHUNKED) + `5;\r\nhello\r\n${LAST}`,
  post(CHUNKED) + `5 ; a = b\r\nhello\r\n${LAST}`,
  post(CHUNKED) + `5;a="b\r\nhello\r\n${LAST}`,
  post(CHUNKED) + `10000000000000005\r\nhello\r\n${LAST}`,
  post(CHUNKED) + `FFFFFFFFFFFFFFFF\r\nhello\r\n${LAST}`,
  post(CHUNKED) + `\r\n5\r\nhello\r\n${LAST}`,
  post(CHUNKED) + `5\r\nhello\r\n0\r\n`,
  post(CHUNKED) + `5\r\nhello\r\n0\r\nt: u\r\n`,
  post(CHUNKED) + `5\r\nhello\r\n0\r\nno colon\r\n\r\n`,
  post(CHUNKED) + `5\r\nhello\r\n0\r\nt : u\r\n\r\n`,
  post(CHUNKED) + `5\r\nhello\r\n0\r\nt: u\r\n folded\r\n\r\n`,
  post(CHUNKED) + `5\r\nhello\r\n0\r\ncontent-length: 50\r\n\r\n`,
  post(CHUNKED) + `5\r\nhello\r\n0\r\ntransfer-encoding: chunked\r\n\r\n`,
  post(CHUNKED) + `5\r\nhello\r\n0\r\nhost: b\r\n\r\n`,
  post(CHUNKED) + `5\r\nhello\r\n0\n\r\n`,
  post(CHUNKED) + `5\r\nhello\r\n0\r\n\n`,
  // Lines and names.
  "GET / HTTP/1.1\nhost: a\n\n",
  "GET / HTTP/1.1\r\nhost: a\n\r\n",
  "GET / HTTP/1.1\r\nhost: a\r\r\n\r\n",
  get("x: a\0b"),
  get("x: a\x7fb"),
  get("x: a\x01b"),
  get("x y: z"),
  get("x(): z"),
  get("x\xe9: z"),
  get(": z"),
  get("no colon"),
  get("x: a\r b"),
  // Hosts.
  "GET / HTTP/1.1\r\n\r\n",
  "GET / HTTP/1.1\r\nhost:\r\n\r\n",
  "GET / HTTP/1.1\r\nhost: a\r\nhost: b\r\n\r\n",
  "GET / HTTP/1.1\r\nhost: a\r\nhost: a\r\n\r\n",
  "GET / HTTP/1.1\r\nhost: a, b\r\n\r\n",
  "GET / HTTP/1.1\r\nhost: x/metrics?\r\n\r\n",
  "GET / HTTP/1.1\r\nhost: u@a\r\n\r\n",
  "GET / HTTP/1.1\r\nhost: a b\r\n\r\n",
  "GET http://b@c/ HTTP/1.1\r\nhost: a\r\n\r\n",
  // Request lines.
  "GET /\r\n\r\n",
  "GET  / HTTP/1.1\r\nhost: a\r\n\r\n",
  "GET /  HTTP/1.1\r\nhost: a\r\n\r\n",
  "GET\t/ HTTP/1.1\r\nhost: a\r\n\r\n",
  "GET / HTTP/1.1 \r\nhost: a\r\n\r\n",
  "GET / HTTP/1.2\r\nhost: a\r\n\r\n",
  "GET / HTTP/2.0\r\nhost: a\r\n\r\n",
  "GET / HTTP/1.10\r\nhost: a\r\n\r\n",
  "GET / http/1.1\r\nhost: a\r\n\r\n",
  "GET /a b HTTP/1.1\r\nhost: a\r\n\r\n",
  "GET /a#b HTTP/1.1\r\nhost: a\r\n\r\n",
  "GET /caf\xe9 HTTP/1.1\r\nhost: a\r\n\r\n",
  "GET a HTTP/1.1\r\nhost: a\r\n\r\n",
  "GET * HTTP/1.1\r\nhost: a\r\n\r\n",
  "G@T / HTTP/1.1\r\nhost: a\r\n\r\n",
  "CONNECT a:80 HTTP/1.1\r\nhost: a\r\n\r\n",
  "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
  " GET / HTTP/1.1\r\nhost: a\r\n\r\n",
  "\n" + get(),
  "\r" + get(),
  "\r\n".repeat(20) + get(),
  post("expect: tea", "content-length: 5") + "hello",
  post("upgrade: websocket", "connection: upgrade", "content-length: 5") + "hello",
];
