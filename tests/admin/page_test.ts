/** The page on a router's admin listener, on real sockets. */
import { sha256 } from "../../lib/base/mod.ts";
import { ask, OPEN_ADMIN, startAdminRouter } from "../support/admin.ts";
import { assert, assertEquals, assertStringIncludes } from "../support/assert.ts";

const LISTED = [{ url: "http://127.0.0.1:9", role: "any" as const, models: ["listed"] }];

async function head(url: string, headers: Record<string, string> = {}): Promise<Response> {
  const answer = await fetch(url, { headers });
  await answer.body?.cancel();
  return answer;
}

Deno.test("GET / is the page, with its files beside it, kept by their tags", async () => {
  await using router = await startAdminRouter(LISTED);
  const page = await fetch(`${router.adminUrl}/`);
  assertEquals([page.status, page.headers.get("content-type")], [200, "text/html; charset=utf-8"]);
  assertEquals(page.headers.get("cache-control"), "no-cache");
  assertStringIncludes(page.headers.get("content-security-policy") ?? "", "default-src 'none'");
  const files = [...(await page.text()).matchAll(/"(page\/[^"]+)"/g)].map(([, path]) => path);
  assert(files.length > 4);
  for (const path of files) {
    const first = await head(`${router.adminUrl}/${path}`);
    assertEquals(first.status, 200, path);
    const tag = first.headers.get("etag") ?? "";
    const again = await head(`${router.adminUrl}/${path}`, { "if-none-match": tag });
    assertEquals([again.status, again.headers.get("etag")], [304, tag], path);
  }
});

Deno.test("the page needs no key, and what it asks for does", async () => {
  const admin = { ...OPEN_ADMIN, keys: { given: [sha256("sk-1")] } };
  await using router = await startAdminRouter(LISTED, { admin });
  const { adminUrl } = router;
  assertEquals((await head(`${adminUrl}/`)).status, 200);
  assertEquals((await head(`${adminUrl}/page/main.js`)).status, 200);
  for (const path of ["/admin/engines", "/admin/live", "/admin/requests"]) {
    assertEquals((await head(adminUrl + path)).status, 401, path);
  }
  const keyed = await head(`${adminUrl}/admin/live`, { authorization: "Bearer sk-1" });
  assertEquals(keyed.status, 200);
});

Deno.test("the page may drain an engine, and pages from elsewhere may not", async () => {
  await using router = await startAdminRouter(LISTED);
  const { adminUrl } = router;
  const drain = "/admin/engines/127.0.0.1%3A9/drain";
  for (
    const headers of [
      { origin: "http://evil.example" },
      { origin: adminUrl.replace("127.0.0.1", "localhost") },
      { origin: adminUrl, "sec-fetch-site": "same-site" },
      { "sec-fetch-site": "cross-site" },
    ] as readonly Record<string, string>[]
  ) {
    const refused = await ask(adminUrl, "POST", drain, { headers });
    assertEquals(refused.status, 403, JSON.stringify(headers));
    assertEquals(refused.headers.get("access-control-allow-origin"), null);
  }
  const before = await ask(adminUrl, "GET", "/admin/engines/127.0.0.1%3A9");
  assertEquals(before.json.drained, false);
  const own = { origin: adminUrl, "sec-fetch-site": "same-origin" };
  const done = await ask(adminUrl, "POST", drain, { headers: own });
  assertEquals([done.status, done.json.drained], [200, true]);
  const form = { ...own, "content-type": "application/x-www-form-urlencoded" };
  assertEquals((await ask(adminUrl, "POST", drain, { headers: form })).status, 415);
});
