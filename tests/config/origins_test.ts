import { parseOrigins } from "../../lib/config/mod.ts";
import { assertEquals } from "../support/assert.ts";

Deno.test("parseOrigins() spells origins as browsers do", () => {
  const rows: readonly (readonly [text: string, origin: string])[] = [
    ["https://chat.example", "https://chat.example"],
    ["https://Chat.Example:443/", "https://chat.example"],
    ["http://localhost:3000", "http://localhost:3000"],
    ["http://10.0.0.1:80", "http://10.0.0.1"],
    ["http://[::1]:8080", "http://[::1]:8080"],
    ["https://b\u00fccher.example", "https://xn--bcher-kva.example"],
    ["null", "null"],
    ["Chrome-Extension://abcdef", "chrome-extension://abcdef"],
  ];
  for (const [text, origin] of rows) {
    assertEquals(parseOrigins([text]), { ok: true, value: [origin] }, text);
  }
  assertEquals(parseOrigins(["http://a", "http://b"]), {
    ok: true,
    value: ["http://a", "http://b"],
  });
  assertEquals(parseOrigins([]), { ok: true, value: [] });
});

Deno.test("parseOrigins() takes a star for all, whatever else is named", () => {
  assertEquals(parseOrigins(["*"]), { ok: true, value: "*" });
  assertEquals(parseOrigins(["http://a", "*"]), { ok: true, value: "*" });
});

Deno.test("parseOrigins() refuses what is no origin", () => {
  const texts = ["chat.example", "https://", "https://a/b", "https://a?b", "https://a b", "//a"];
  for (const text of [...texts, "https://*.example", "https://user@a", "https://a:99999"]) {
    const parsed = parseOrigins(["http://ok", text]);
    assertEquals(parsed.ok, false, text);
    if (!parsed.ok) assertEquals(parsed.message.endsWith(`received "${text}"`), true);
  }
});
