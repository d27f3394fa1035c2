/** The whole API against its own document: every route, every method, every answer. */
import { Validator } from "@seriousme/openapi-schema-validator";
import { Ajv2020 } from "ajv/dist/2020.js";
import { ALL_OPERATIONS } from "../../lib/admin/admin_handler.ts";
import { openApi } from "../../lib/admin/openapi.ts";
import { type AdminReply, ask, startAdminRouter } from "../support/admin.ts";
import { assert, assertEquals, assertMatch, assertStringIncludes } from "../support/assert.ts";

const METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];
const LISTED = [{ url: "http://127.0.0.1:9", role: "any" as const, models: ["listed"] }];
const ID = "127.0.0.1%3A9";
const DOCUMENT = openApi(ALL_OPERATIONS, "1.2.3");

/** Checks answers by the document's own schemas. */
const AJV = new Ajv2020({ strict: false }).addSchema(DOCUMENT, "api");

function assertIs(schema: string, { json }: AdminReply): void {
  const check = AJV.getSchema(`api#/components/schemas/${schema}`);
  assert(check !== undefined, schema);
  assert(check(json), `${schema}: ${JSON.stringify(check.errors)} ${JSON.stringify(json)}`);
}

function assertError(reply: AdminReply, status: number, text: string | RegExp): void {
  assertEquals(reply.status, status, JSON.stringify(reply.json));
  assertIs("Error", reply);
  assertEquals(reply.json.error.code, status);
  const { message } = reply.json.error;
  if (typeof text === "string") assertStringIncludes(message, text);
  else assertMatch(message, text);
}

Deno.test("openApi() is OpenAPI 3.1, and has every operation once", async () => {
  const { valid, errors } = await new Validator().validate(structuredClone(DOCUMENT));
  assert(valid, JSON.stringify(errors));
  const paths = DOCUMENT["paths"] as Record<string, Record<string, { operationId: string }>>;
  const told = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, { operationId }]) =>
      `${method.toUpperCase()} ${path} ${operationId}`
    )
  );
  const known = ALL_OPERATIONS.map(({ method, path, id }) => `${method} ${path} ${id}`);
  assertEquals(told.sort(), known.sort());
  assertEquals(new Set(ALL_OPERATIONS.map(({ id }) => id)).size, ALL_OPERATIONS.length);
});

Deno.test("GET /admin/openapi.json is that document, with the router's version", async () => {
  await using router = await startAdminRouter([]);
  const { status, json, headers } = await ask(router.adminUrl, "GET", "/admin/openapi.json");
  assertEquals([status, headers.get("cache-control")], [200, "no-store"]);
  const { info, ...rest } = json;
  assertMatch(info.version, /^\d+\.\d+\.\d+$/);
  const { info: _info, ...expected } = JSON.parse(JSON.stringify(DOCUMENT));
  assertEquals(rest, expected);
});

Deno.test("every path refuses every other method with 405 and Allow", async () => {
  await using router = await startAdminRouter(LISTED);
  const byPath = Map.groupBy(ALL_OPERATIONS, ({ path }) => path);
  for (const [path, operations] of byPath) {
    const allowed = operations.flatMap(({ method }) =>
      method === "GET" ? ["GET", "HEAD"] : [method]
    );
    for (const method of METHODS.filter((each) => !allowed.includes(each))) {
      const reply = await ask(router.adminUrl, method, path.replace("{id}", ID));
      assertEquals(reply.headers.get("allow"), allowed.join(", "), `${method} ${path}`);
      if (method === "HEAD") assertEquals(reply.status, 405);
      else assertError(reply, 405, `Method ${method} is not allowed on '${path}'`);
    }
  }
});

Deno.test("every operation on an engine is 404 for an id that there is not, parameters it does not know are 400", async () => {
  await using router = await startAdminRouter(LISTED);
  for (const { method, path, body, query = [] } of ALL_OPERATIONS) {
    const at = (id: string): string => path.replace("{id}", id);
    const given = body === undefined ? {} : { body: {} };
    if (path.includes("{id}")) {
      assertError(await ask(router.adminUrl, method, at("h%3A1"), given), 404, "'h:1'");
      assertError(await ask(router.adminUrl, method, at("%zz"), given), 400, "'%'");
    }
    const wrong = await ask(router.adminUrl, method, `${at(ID)}?tiemout=1`, given);
    assertError(wrong, 400, "'tiemout' is no parameter");
    for (const { name, type } of query) {
      // A text is right whatever it says.
      if (type === "text") continue;
      const bad = await ask(router.adminUrl, method, `${at(ID)}?${name}=soon`, given);
      assertError(bad, 400, `'${name}' is 'soon': expected`);
      assertEquals(bad.json.error.param, name);
    }
  }
});

Deno.test("writes are 415 unless they say that they are JSON; bodies that are none are 400, or 413", async () => {
  await using router = await startAdminRouter(LISTED);
  for (const { method, path, body } of ALL_OPERATIONS) {
    if (method !== "POST" && method !== "PATCH") continue;
    const at = path.replace("{id}", ID);
    for (const type of ["text/plain", "application/x-www-form-urlencoded", "application/jsonx"]) {
      const headers = { "content-type": type };
      assertError(await ask(router.adminUrl, method, at, { body: "{}", headers }), 415, type);
    }
    if (body === undefined) continue;
    assertError(await ask(router.adminUrl, method, at, { body: "{" }), 400, "no JSON");
    for (const value of ["[]", "3", "null", '"x"']) {
      assertError(await ask(router.adminUrl, method, at, { body: value }), 400, "JSON object");
    }
    const large = { body: { label: "x".repeat(70_000) } };
    assertError(await ask(router.adminUrl, method, at, large), 413, "65536");
  }
});

Deno.test("answers have the form that the document says", async () => {
  await using router = await startAdminRouter(
    [...LISTED, { ...LISTED[0], url: "http://127.0.0.1:9/" }]
      .map((engine) => ({ role: "any" as const, models: ["m"], ...engine })),
  );
  const { adminUrl } = router;
  const list = await ask(adminUrl, "GET", "/admin/engines");
  assertIs("EngineList", list);
  // The second one is left out for its URL, and goes by its source's name.
  const [first, second] = list.json.engines;
  assertEquals([first.id, second.state], ["127.0.0.1:9", "left_out"]);
  assertStringIncludes(second.problems[0], "there is an engine with this URL");
  const out = await ask(adminUrl, "GET", `/admin/engines/${encodeURIComponent(second.id)}`);
  assertEquals([out.status, out.json.id], [200, "configuration/http://127.0.0.1:9/"]);
  assertIs("Engine", out);
  const added = await ask(adminUrl, "POST", "/admin/engines", {
    body: { url: "http://127.0.0.1:8/base", max_num_seqs: 4 },
  });
  assertEquals(added.status, 201);
  const base = "/admin/engines/127.0.0.1:8%2Fbase";
  for (
    const [method, path, body] of [
      ["GET", base],
      ["PATCH", base, { label: "x" }],
      ["POST", `${base}/drain`],
      ["POST", `${base}/drain?wait=0.5`],
      ["POST", `${base}/undrain`],
      ["DELETE", base],
    ] as const
  ) {
    const reply = await ask(adminUrl, method, path, body === undefined ? {} : { body });
    assertEquals([reply.status, reply.json.id], [200, "127.0.0.1:8/base"], `${method} ${path}`);
    assertIs("Engine", reply);
  }
  assertError(await ask(adminUrl, "POST", "/admin/reload"), 409, "nothing to read again");
  assertError(await ask(adminUrl, "GET", "/admin"), 404, "/admin/openapi.json");
  assertError(await ask(adminUrl, "GET", "/admin/engines/127.0.0.1:8/base"), 404, "%2F");
  assertEquals((await ask(adminUrl, "GET", "/admin/engines/")).status, 200);
});
