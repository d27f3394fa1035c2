import { errorCodeOf } from "../../lib/base/mod.ts";
import { FILES } from "../../lib/page/assets/mod.ts";
import { isPagePath, pageAnswer } from "../../lib/page/page.ts";
import type { Answer } from "../../lib/request/mod.ts";
import { assert, assertEquals, assertMatch, assertStringIncludes } from "../support/assert.ts";

const FOLDER = new URL("../../lib/page/assets/", import.meta.url);

function field({ headers }: Answer, name: string): string | undefined {
  return headers.find(([known]) => known === name)?.[1];
}

async function code(method: string, target: string): Promise<string> {
  return await pageAnswer(method, target, undefined).then(
    ({ status }) => `${status}`,
    (error: unknown) => errorCodeOf(error) ?? String(error),
  );
}

Deno.test("isPagePath() is the page and what is below page/, whatever is behind a question mark", () => {
  for (const path of ["/", "/?a=1", "/page/main.js", "/page/", "/page/x?y"]) {
    assertEquals(isPagePath(path), true, path);
  }
  for (const path of ["", "/admin/live", "/page", "/pages/x", "//", "/index.html"]) {
    assertEquals(isPagePath(path), false, path);
  }
});

Deno.test("pageAnswer() serves every file that is there, as what it is, with nothing to be read", async () => {
  const there = [...Deno.readDirSync(FOLDER)].map(({ name }) => name)
    .filter((name) => name !== "mod.ts");
  assertEquals(Object.keys(FILES).sort(), there.sort());
  const types = { html: "text/html", css: "text/css", js: "text/javascript", svg: "image/svg+xml" };
  for (const name of there) {
    const path = name === "index.html" ? "/" : `/page/${name}`;
    const answer = await pageAnswer("GET", path, undefined);
    assertEquals(answer.status, 200);
    const text = await Deno.readTextFile(new URL(name, FOLDER));
    assertEquals(new TextDecoder().decode(answer.body as Uint8Array), text, name);
    const [, type] = Object.entries(types).find(([end]) => name.endsWith(`.${end}`)) ?? [];
    assertStringIncludes(field(answer, "content-type") ?? "", type ?? "none");
  }
});

Deno.test("pageAnswer() names no file that is not there: neither pages nor scripts lead elsewhere", () => {
  for (const [name, text] of Object.entries(FILES)) {
    const named = [
      ...text.matchAll(/(?:src|href)="(page\/[^"]+)"/g),
      ...text.matchAll(/(?:from|import) "\.\/([^"]+)"/g),
    ].map(([, path = ""]) => path.replace(/^page\//, ""));
    for (const path of named) assert(path in FILES, `${name} names ${path}`);
    const outside = [...text.matchAll(/(?:https?:)?\/\/[\w.-]+\.\w+/g)].map(([url]) => url)
      .filter((url) => !/^http:\/\/(www\.w3\.org|10\.0\.0\.\d)$/.test(url));
    assertEquals(outside, [], name);
  }
});

Deno.test("pageAnswer() lets nothing but its own files run, and keeps no page within another", async () => {
  const answer = await pageAnswer("GET", "/", undefined);
  const policy = field(answer, "content-security-policy") ?? "";
  for (
    const part of [
      "default-src 'none'",
      "script-src 'self'",
      "connect-src 'self'",
      "frame-ancestors 'none'",
      "base-uri 'none'",
      "form-action 'none'",
      "require-trusted-types-for 'script'",
    ]
  ) assertStringIncludes(policy, part);
  assert(!policy.includes("unsafe"), policy);
  assertEquals(field(answer, "x-content-type-options"), "nosniff");
  assertEquals(field(answer, "x-frame-options"), "DENY");
  for (const [name, text] of Object.entries(FILES)) {
    // What the policy forbids would not work, or would be found out late.
    assert(!/<style|<script(?! type="module" src=)|\son\w+=|style=/.test(text), name);
    assert(!/innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(/.test(text), name);
  }
});

Deno.test("pageAnswer() has a tag for each file, and answers 304 to whoever has it", async () => {
  const answer = await pageAnswer("GET", "/page/main.js", undefined);
  const tag = field(answer, "etag") ?? "";
  assertMatch(tag, /^"[0-9a-f]{32}"$/);
  assertEquals(field(answer, "cache-control"), "no-cache");
  for (const known of [tag, `W/${tag}`, `"other", ${tag}`, "*"]) {
    const again = await pageAnswer("GET", "/page/main.js", known);
    assertEquals([again.status, (again.body as Uint8Array).length], [304, 0], known);
    assertEquals(field(again, "etag"), tag);
  }
  assertEquals((await pageAnswer("GET", "/page/main.js", '"other"')).status, 200);
  const other = await pageAnswer("GET", "/page/dom.js", undefined);
  assert(field(other, "etag") !== tag);
});

Deno.test("pageAnswer() refuses other methods, and knows no other paths", async () => {
  assertEquals(await code("HEAD", "/"), "200");
  for (const method of ["POST", "PUT", "DELETE", "OPTIONS"]) {
    assertEquals(await code(method, "/"), "method-not-allowed");
  }
  for (const path of ["/page/", "/page/mod.ts", "/page/../page/main.js", "/page/index.html"]) {
    assertEquals(await code("GET", path), "not-found", path);
  }
});
