import { ResponseCounter } from "../../scripts/bench/response_counter.ts";
import { encodeUtf8 } from "../../lib/base/mod.ts";
import { assertEquals, assertThrows } from "../support/assert.ts";
import { allCuts } from "../support/cuts.ts";

const WHOLE = 'HTTP/1.1 201 Created\r\nContent-Length: 13\r\nx: y\r\n\r\n{"a":"\\n\\n"}\n';

const CHUNKS = ["data: a\n\n", "data: b\n", "\ndata: c", "\n\ndata: [DONE]\n\n"];
const STREAM = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n" +
  CHUNKS.map((chunk) => `${chunk.length.toString(16)}\r\n${chunk}\r\n`).join("") + "0\r\n\r\n";

/** Feed `pieces`; the counter must say that the response has ended at the last one alone. */
function feed(counter: ResponseCounter, pieces: readonly Uint8Array[], name: string): void {
  counter.reset();
  for (const [index, piece] of pieces.entries()) {
    assertEquals(counter.push(piece), index === pieces.length - 1, name);
  }
}

Deno.test("ResponseCounter finds the end of a body of known length, however it is cut", () => {
  const counter = new ResponseCounter();
  for (const { name, pieces } of allCuts(encodeUtf8(WHOLE))) {
    feed(counter, pieces, name);
    assertEquals([counter.status, counter.bytes, counter.events], [201, 13, 0], name);
  }
});

Deno.test("ResponseCounter counts the events of a chunked stream, however it is cut", () => {
  const counter = new ResponseCounter();
  for (const { name, pieces } of allCuts(encodeUtf8(STREAM))) {
    feed(counter, pieces, name);
    const bytes = CHUNKS.join("").length;
    assertEquals([counter.status, counter.bytes, counter.events], [200, bytes, 4], name);
  }
});

Deno.test("ResponseCounter has ended with a head that announces no body", () => {
  const counter = new ResponseCounter();
  assertEquals(counter.push(encodeUtf8("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")), true);
});

Deno.test("ResponseCounter refuses what it cannot count", () => {
  const refuse = (text: string, part: string): void => {
    assertThrows(() => new ResponseCounter().push(encodeUtf8(text)), Error, part);
  };
  refuse("HTTP/1.1 OK\r\n\r\n", "response head");
  refuse("HTTP/1.1 200 OK\r\nx: y\r\n\r\n", "framing");
  refuse("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nx\r\n", "chunk size");
});
