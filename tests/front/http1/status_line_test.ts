import { decodeUtf8, RouterError } from "../../../lib/base/mod.ts";
import { statusLine } from "../../../lib/front/http1/status_line.ts";
import { assertEquals, assertThrows } from "../../support/assert.ts";

Deno.test("statusLine() has a phrase where there is one", () => {
  const cases: [status: number, line: string][] = [
    [200, "HTTP/1.1 200 OK\r\n"],
    [299, "HTTP/1.1 299 \r\n"],
    [499, "HTTP/1.1 499 Client Closed Request\r\n"],
    [505, "HTTP/1.1 505 HTTP Version Not Supported\r\n"],
    [599, "HTTP/1.1 599 \r\n"],
  ];
  for (const [status, line] of cases) assertEquals(decodeUtf8(statusLine(status)), line);
});

Deno.test("statusLine() has none for what is no final status", () => {
  for (const status of [100, 199, 600, 200.5, NaN]) {
    assertThrows(() => statusLine(status), RouterError, `${status}`);
  }
});
