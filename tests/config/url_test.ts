import { parseEngineUrl } from "../../lib/config/url.ts";
import { assertEquals, assertStringIncludes } from "../support/assert.ts";

Deno.test("parseEngineUrl() normalises", () => {
  const rows: readonly (readonly [string, string, string, string])[] = [
    ["http://10.0.0.1:8000", "http://10.0.0.1:8000", "10.0.0.1", "10.0.0.1:8000"],
    ["http://10.0.0.1:8000///", "http://10.0.0.1:8000", "10.0.0.1", "10.0.0.1:8000"],
    ["HTTP://Engine:80/", "http://engine", "engine", "engine:80"],
    ["https://engine", "https://engine", "engine", "engine:443"],
    ["https://engine:8443/a/b/", "https://engine:8443/a/b", "engine", "engine:8443/a/b"],
    ["http://[::1]:8000", "http://[::1]:8000", "[::1]", "[::1]:8000"],
  ];
  for (const [text, url, host, id] of rows) {
    assertEquals<unknown>(parseEngineUrl(text), { ok: true, value: { url, host, id } }, text);
  }
});

Deno.test("parseEngineUrl() refuses what is not an engine's base URL", () => {
  const rows: readonly (readonly [string, string])[] = [
    ["", "expected a URL such as"],
    ["engine:8000", "expected a URL such as"],
    ["ftp://engine", "expected a URL such as"],
    ["tcp://10.0.0.1:8000", "expected a URL such as"],
    ["http:///x", "expected a URL such as"],
    ["http://a b", "not a valid URL"],
    ["http://engine:99999", "not a valid URL"],
    ["http://user@engine", "VLLM_API_KEY"],
    ["http://user:pass@engine", "VLLM_API_KEY"],
    ["http://@engine", "VLLM_API_KEY"],
    ["http://engine?x=1", "query or fragment"],
    ["http://engine?", "query or fragment"],
    ["http://engine/#x", "query or fragment"],
    ["http://engine:8000/v1/", "without /v1"],
  ];
  for (const [text, message] of rows) {
    const parsed = parseEngineUrl(text);
    assertStringIncludes(parsed.ok ? "no problem" : parsed.message, message, text);
  }
});
