import { answerHeaders } from "../../lib/request/mod.ts";
import { assertEquals } from "../support/assert.ts";

const JSON_TYPE = "application/json";
const SSE_TYPE = "text/event-stream; charset=utf-8";

Deno.test("answerHeaders() names the answer's own content type, and no caching of streams", () => {
  assertEquals(answerHeaders(JSON_TYPE), [["content-type", JSON_TYPE]]);
  const stream = [["content-type", SSE_TYPE], ["cache-control", "no-cache"]] as const;
  assertEquals(answerHeaders(SSE_TYPE), stream);
  assertEquals(answerHeaders(SSE_TYPE, [["Cache-Control", "max-age=60"]]), stream);
});

Deno.test("answerHeaders() leaves out what describes a leg's own body or connection", () => {
  const leg = [
    ["Content-Type", "application/json; charset=x"],
    ["content-length", "10"],
    ["Content-Encoding", "gzip"],
    ["ETag", '"1"'],
    ["transfer-encoding", "chunked"],
    ["Connection", "keep-alive, x-hop"],
    ["x-hop", "1"],
    ["date", "today"],
    ["server", "uvicorn"],
    ["X-Kept", "1"],
  ] as const;
  assertEquals(answerHeaders(JSON_TYPE, leg), [["content-type", JSON_TYPE], ["X-Kept", "1"]]);
});

Deno.test("answerHeaders() takes a field from the first leg that has it, with all its lines there", () => {
  const prefill = [["x-a", "p"], ["Set-Cookie", "p=1"], ["set-cookie", "q=2"]] as const;
  const decode = [["X-A", "d"], ["set-cookie", "d=3"], ["x-b", "d"], ["X-B", "e"]] as const;
  assertEquals(answerHeaders(JSON_TYPE, prefill, decode), [
    ["content-type", JSON_TYPE],
    ["x-a", "p"],
    ["Set-Cookie", "p=1"],
    ["set-cookie", "q=2"],
    ["x-b", "d"],
    ["X-B", "e"],
  ]);
});

Deno.test("answerHeaders() takes a leg without fields for nothing", () => {
  assertEquals(answerHeaders(JSON_TYPE, [], [["x-b", "d"]], []), [
    ["content-type", JSON_TYPE],
    ["x-b", "d"],
  ]);
});
