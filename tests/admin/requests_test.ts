import { Ajv2020 } from "ajv/dist/2020.js";
import { ALL_OPERATIONS } from "../../lib/admin/admin_handler.ts";
import { openApi } from "../../lib/admin/openapi.ts";
import { ask } from "../support/admin.ts";
import { assert, assertEquals, assertStringIncludes } from "../support/assert.ts";
import { MODEL } from "../support/cluster.ts";
import { eventually } from "../support/eventually.ts";
import { EventReader, type ObservedFleet, startObserved } from "../support/observed.ts";
import { post } from "../support/router.ts";

const AJV = new Ajv2020({ strict: false }).addSchema(openApi(ALL_OPERATIONS, "1.2.3"), "api");

function assertIs(schema: string, value: unknown): void {
  const check = AJV.getSchema(`api#/components/schemas/${schema}`);
  assert(check !== undefined, schema);
  assert(check(value), `${schema}: ${JSON.stringify(check.errors)} ${JSON.stringify(value)}`);
}

async function send({ router }: ObservedFleet, id: string, body: object = {}): Promise<number> {
  const answer = await post(
    `${router.url}/v1/completions`,
    { model: MODEL, prompt: "A river", max_tokens: 4, ...body },
    { headers: { "x-request-id": id } },
  );
  await answer.body?.cancel();
  return answer.status;
}

async function idsOf({ router }: ObservedFleet, query: string): Promise<readonly string[]> {
  const { status, json } = await ask(router.adminUrl, "GET", `/admin/requests${query}`);
  assertEquals(status, 200, JSON.stringify(json));
  return json.requests.map(({ id }: { id: string }) => id);
}

Deno.test("GET /admin/requests lists the latest first, as far as is asked", async () => {
  await using fleet = await startObserved();
  const { router, ids } = fleet;
  assertEquals([await send(fleet, "one"), await send(fleet, "two"), await send(fleet, "two")], [
    200,
    200,
    200,
  ]);
  assertEquals(await send(fleet, "wrong", { model: "nobody" }), 404);
  assertEquals(await idsOf(fleet, ""), ["wrong", "two", "two", "one"]);
  assertEquals(await idsOf(fleet, "?limit=1"), ["wrong"]);
  assertEquals(await idsOf(fleet, "?before=3"), ["two", "one"]);
  assertEquals(await idsOf(fleet, "?id=t"), ["two", "two"]);
  assertEquals(await idsOf(fleet, "?outcome=client_error"), ["wrong"]);
  assertEquals(await idsOf(fleet, `?model=${MODEL}&limit=2`), ["two", "two"]);
  assertEquals(await idsOf(fleet, `?engine=${ids.decode}`), ["two", "two", "one"]);
  assertEquals(await idsOf(fleet, `?engine=${ids.prefill}&id=o`), ["one"]);
  assertEquals(await idsOf(fleet, "?route=direct"), []);
  assertEquals(await idsOf(fleet, "?state=under_way"), []);
  const { json } = await ask(router.adminUrl, "GET", "/admin/requests");
  assertIs("RequestList", json);
  assertEquals([json.kept, json.capacity, json.under_way], [4, 512, 0]);
  for (const query of ["limit=0", "limit=1001", "before=x", "outcome=good", "state=idle"]) {
    const wrong = await ask(router.adminUrl, "GET", `/admin/requests?${query}`);
    assertEquals(wrong.status, 400, query);
    assertEquals(wrong.json.error.param, query.split("=")[0]);
  }
});

Deno.test("GET /admin/requests/{id} takes a client's id, a number, and the id that engines were given", async () => {
  await using fleet = await startObserved();
  const { router } = fleet;
  for (const id of ["mine", "mine", "with space/ä"]) await send(fleet, id);
  const of = async (id: string): Promise<readonly number[]> => {
    const path = `/admin/requests/${encodeURIComponent(id)}`;
    const { json } = await ask(router.adminUrl, "GET", path);
    assertIs("RequestDetails", json);
    return json.requests.map(({ seq }: { seq: number }) => seq);
  };
  assertEquals(await of("mine"), [2, 1]);
  assertEquals(await of("1"), [1]);
  assertEquals(await of("mine-0123456789abcdef"), [2, 1]);
  const missing = await ask(router.adminUrl, "GET", "/admin/requests/other");
  assertEquals(missing.status, 404);
  assertStringIncludes(missing.json.error.message, "No request 'other' is under way or among the");
  assertStringIncludes(missing.json.error.message, "--keep-requests");
});

Deno.test("no prompt, answer, key or query is in what is told of requests", async () => {
  await using fleet = await startObserved();
  const { router } = fleet;
  const answer = await post(
    `${router.url}/v1/completions?api-version=hush1`,
    { model: MODEL, prompt: "hush2", max_tokens: 4, user: "hush3" },
    { headers: { "x-request-id": "r", authorization: "Bearer hush4", cookie: "hush5" } },
  );
  const text = (await answer.json()).choices[0].text;
  const told = JSON.stringify([
    (await ask(router.adminUrl, "GET", "/admin/requests/r")).json,
    (await ask(router.adminUrl, "GET", "/admin/requests")).json,
  ]);
  assert(!told.includes("hush"), told);
  assert(text.trim().length > 3 && !told.includes(text.trim()), told);
});

Deno.test("GET /admin/live tells what its document says, and refuses a 17th reader", async () => {
  await using fleet = await startObserved();
  const { router } = fleet;
  const url = `${router.adminUrl}/admin/live?interval=1`;
  await using stack = new AsyncDisposableStack();
  const open = async (): Promise<EventReader> => {
    const answer = await fetch(url);
    assertEquals(answer.headers.get("content-type"), "text/event-stream");
    assertEquals(answer.headers.get("cache-control"), "no-store");
    return stack.use(new EventReader(answer));
  };
  const first = await open();
  assertIs("Hello", await first.until("hello"));
  assertIs("Fleet", await first.until("fleet"));
  await send(fleet, "seen");
  const ended = await first.until("requests");
  assertIs("Ended", ended);
  assertEquals(ended.ended[0].id, "seen");
  const fleetEvent = await first.until("fleet");
  assertIs("Fleet", fleetEvent);
  for (let more = 1; more < 16; more++) await open();
  const refused = await ask(router.adminUrl, "GET", "/admin/live");
  assertEquals(refused.status, 429);
  assertIs("Error", refused.json);
});

Deno.test("GET /admin/live gives its place back when its reader leaves, and by HEAD takes none", async () => {
  await using fleet = await startObserved();
  const url = `${fleet.router.adminUrl}/admin/live`;
  // More than may read at once; a place that was given back a moment ago may not be free yet.
  for (let round = 0; round < 40; round++) {
    await eventually(async () => {
      const answer = await fetch(url, { method: round % 2 === 0 ? "HEAD" : "GET" });
      await answer.body?.cancel();
      return answer.status === 200;
    });
  }
});
