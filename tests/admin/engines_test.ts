import { createLogger, systemClock } from "../../lib/base/mod.ts";
import { ask, startAdminRouter } from "../support/admin.ts";
import { assertEquals, assertStringIncludes } from "../support/assert.ts";

const LISTED = [{
  url: "http://127.0.0.1:9",
  role: "any" as const,
  models: ["listed"],
  topology: { zone: "a", rack: "1" },
}];
const PATH = "/admin/engines/127.0.0.1:9";

Deno.test("POST /admin/engines refuses one that is there, under whatever spelling, with 409", async () => {
  await using router = await startAdminRouter(LISTED);
  for (const url of ["http://127.0.0.1:9", "http://127.0.0.1:9/", "HTTP://127.0.0.1:9"]) {
    const { status, json } = await ask(router.adminUrl, "POST", "/admin/engines", {
      body: { url },
    });
    assertEquals(status, 409, url);
    assertStringIncludes(json.error.message, "there is an engine with this URL");
  }
  for (const expected of [201, 409]) {
    const body = { url: "http://127.0.0.1:8" };
    assertEquals((await ask(router.adminUrl, "POST", "/admin/engines", { body })).status, expected);
  }
  const { json } = await ask(router.adminUrl, "GET", "/admin/engines");
  assertEquals(json.engines.length, 2);
});

/** Bodies that are wrong, the field that is told, and a part of what would be right. */
const WRONG: readonly (readonly [body: unknown, param: string, text: string])[] = [
  [{}, "url", "url: required"],
  [{ url: "ftp://h" }, "url", "url 'ftp://h': expected a URL such as"],
  [{ url: "http://u:secret@h" }, "url", "a URL with a user name or password is refused"],
  [{ url: "http://169.254.169.254" }, "url", "link-local"],
  [{ url: "http://h:1", rol: "any" }, "rol", "rol: unknown key; did you mean role?"],
  [{ url: "http://h:1", role: "boss" }, "role", "role 'boss': expected one of"],
  [{ url: "http://h:1", max_num_seqs: -1 }, "max_num_seqs", "'-1': expected an integer from 1"],
  [{ url: "http://h:1", kv_protocol: "nxil" }, "kv_protocol", "did you mean nixl?"],
  [{ url: "http://h:1", nixl: { init_ports: 0 } }, "nixl.init_ports", "'0': expected ports"],
  [{ url: "http://h:1", nixl: { hots: "h" } }, "nixl", "unknown key; did you mean host?"],
  [{ url: "http://h:1", role: "prefill" }, "url", "needs --routing-logic disaggregated_prefill"],
];

for (const [body, param, text] of WRONG) {
  Deno.test(`POST /admin/engines refuses ${JSON.stringify(body)} and says why`, async () => {
    await using router = await startAdminRouter([]);
    const { status, json } = await ask(router.adminUrl, "POST", "/admin/engines", { body });
    assertEquals([status, json.error.param], [400, param], json.error.message);
    assertStringIncludes(json.error.message, text);
    assertEquals(json.error.message.includes("secret"), false);
    assertEquals((await ask(router.adminUrl, "GET", "/admin/engines")).json.engines, []);
  });
}

Deno.test("PATCH changes fields over what the source says, and null takes each back", async () => {
  await using router = await startAdminRouter(LISTED);
  const patch = (body: unknown): ReturnType<typeof ask> =>
    ask(router.adminUrl, "PATCH", PATH, { body });
  const first = await patch({ model: "other", topology: { zone: "b", row: "3" } });
  assertEquals(first.json.patch, { models: ["other"], topology: { zone: "b", row: "3" } });
  assertEquals(first.json.models, ["other"]);
  assertEquals(first.json.written, LISTED[0]);
  const second = await patch({ max_num_seqs: 3, topology: { row: null } });
  assertEquals(second.json.patch, { models: ["other"], topology: { zone: "b" }, max_num_seqs: 3 });
  const third = await patch({ models: null, max_num_seqs: null, topology: null, label: null });
  assertEquals([third.json.patch, third.json.models], [null, ["listed"]]);
});

Deno.test("PATCH refuses what would keep the engine out, and leaves it as it was", async () => {
  await using router = await startAdminRouter(LISTED);
  for (
    const [body, param, text] of [
      [{ url: "http://h" }, "url", "an engine's URL stays"],
      [{ role: "prefill" }, "url", "disaggregated_prefill"],
      [{ max_num_seqs: 0 }, "max_num_seqs", "'0': expected an integer from 1"],
      [{ model: "a", models: ["b"] }, "model", "give one of them"],
      [{ seqs: 1 }, "seqs", "unknown key"],
    ] as const
  ) {
    const { status, json } = await ask(router.adminUrl, "PATCH", PATH, { body });
    assertEquals([status, json.error.param], [400, param], json.error.message);
    assertStringIncludes(json.error.message, text);
  }
  const { json } = await ask(router.adminUrl, "GET", PATH);
  assertEquals([json.patch, json.problems, json.role], [null, [], "any"]);
});

Deno.test("DELETE of an engine of another source is 409, and says what to do instead", async () => {
  await using router = await startAdminRouter(LISTED);
  const { status, json } = await ask(router.adminUrl, "DELETE", PATH);
  assertEquals(status, 409);
  assertStringIncludes(json.error.message, "by the source 'configuration'");
  assertStringIncludes(json.error.message, "POST /admin/engines/127.0.0.1%3A9/drain");
});

Deno.test("every change is in the log once, with who has made it", async () => {
  const lines: string[] = [];
  const log_ = createLogger(systemClock(), (line) => void lines.push(line), {
    level: "info",
    format: "json",
  });
  await using router = await startAdminRouter(LISTED, { log_ });
  const { adminUrl } = router;
  await ask(adminUrl, "POST", "/admin/engines", { body: { url: "http://127.0.0.1:8" } });
  await ask(adminUrl, "PATCH", PATH, { body: { label: "x" } });
  for (const verb of ["drain", "drain", "undrain", "undrain"]) {
    await ask(adminUrl, "POST", `${PATH}/${verb}`);
  }
  await ask(adminUrl, "DELETE", "/admin/engines/127.0.0.1:8");
  await ask(adminUrl, "DELETE", PATH);
  const told = lines.map((line) => JSON.parse(line)).filter(({ by }) => by !== undefined);
  assertEquals(told.map(({ message, engine }) => `${engine} ${message}`), [
    "127.0.0.1:8 Engine added by the admin API",
    "127.0.0.1:9 Engine changed by the admin API",
    "127.0.0.1:9 Engine drained by the admin API",
    "127.0.0.1:9 Engine serves again by the admin API",
    "127.0.0.1:8 Engine removed by the admin API",
  ]);
  for (const { by } of told) assertStringIncludes(by, "127.0.0.1:");
});
