import { dispatch } from "../../lib/cli/dispatch.ts";
import { sha256 } from "../../lib/base/mod.ts";
import { OPEN_ADMIN, startAdminRouter } from "../support/admin.ts";
import { assert, assertEquals, assertMatch, assertStringIncludes } from "../support/assert.ts";
import { freePort, MODEL, startSim } from "../support/cluster.ts";
import { post } from "../support/router.ts";
import { fakeProcess } from "./support.ts";

interface Outcome {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** Run `pd-router engines` for the API at `admin`. */
async function engines(
  admin: string,
  argv: readonly string[],
  env: Readonly<Record<string, string>> = {},
  files: Readonly<Record<string, string>> = {},
): Promise<Outcome> {
  const { ports, out, err } = fakeProcess(env, files);
  const code = await dispatch(["engines", ...argv, "--admin", admin], ports);
  return { code, out: out.text, err: err.text };
}

const LISTED = [{ url: "http://127.0.0.1:9", role: "any" as const, models: ["listed"] }];

Deno.test("pd-router engines lists, adds, drains, undrains and removes engines of a router", async () => {
  await using router = await startAdminRouter(LISTED);
  const { adminUrl } = router;
  const added = await engines(adminUrl, ["add", "http://127.0.0.1:8", "--model", "m", "--model=n"]);
  assertEquals(added, { code: 0, out: "127.0.0.1:8: added, role any\n", err: "" });
  const { out } = await engines(adminUrl, ["list"]);
  const rows = out.trimEnd().split("\n").map((line) => line.split(/ {2,}/));
  assertEquals(rows[0], ["ENGINE", "ROLE", "STATE", "BUSY", "SOURCE", "MODELS"]);
  assertEquals(rows[1]?.filter((_, at) => at !== 2), [
    "127.0.0.1:9",
    "any",
    "0",
    "configuration",
    "listed",
  ]);
  assertEquals(rows[2]?.filter((_, at) => at !== 2), ["127.0.0.1:8", "any", "0", "admin", "m,n"]);
  const drained = await engines(adminUrl, ["drain", "127.0.0.1:9"]);
  assertEquals(drained, { code: 0, out: "127.0.0.1:9: drained, 0 in flight\n", err: "" });
  const undrained = await engines(adminUrl, ["undrain", "127.0.0.1:9"]);
  assertEquals(undrained, { code: 0, out: "127.0.0.1:9: joining, 0 in flight\n", err: "" });
  const removed = await engines(adminUrl, ["remove", "127.0.0.1:8", "--drain"]);
  assertEquals(removed.out, "127.0.0.1:8: drained, 0 in flight\n127.0.0.1:8: removed\n");
  const { code, err } = await engines(adminUrl, ["remove", "127.0.0.1:9"]);
  assertEquals(code, 1);
  assertStringIncludes(err, "found by the source 'configuration'");
});

Deno.test("pd-router engines --json prints what the API answers", async () => {
  await using router = await startAdminRouter(LISTED);
  const { out } = await engines(router.adminUrl, ["list", "--json"]);
  assertEquals(JSON.parse(out).engines[0].id, "127.0.0.1:9");
  const drained = await engines(router.adminUrl, ["drain", "127.0.0.1:9", "--json"]);
  assertEquals(JSON.parse(drained.out).state, "drained");
});

Deno.test("pd-router engines add takes fields of a file and of flags, which win", async () => {
  await using router = await startAdminRouter([]);
  const file = JSON.stringify({ role: "prefill", topology: { zone: "a" }, nixl: { host: "h" } });
  const argv = ["add", "http://127.0.0.1:8", "--file", "e.json", "--role", "any", "--init", "1,2"];
  const { code } = await engines(router.adminUrl, [...argv, "--json"], {}, { "e.json": file });
  assertEquals(code, 0);
  const { out } = await engines(router.adminUrl, ["list", "--json"]);
  assertEquals(JSON.parse(out).engines[0].written, {
    url: "http://127.0.0.1:8",
    role: "any",
    models: [],
    topology: { zone: "a" },
    nixl: { host: "h", init_ports: ["1", "2"] },
  });
  const wrong = await engines(router.adminUrl, [
    "add",
    "http://127.0.0.1:7",
    "--max-num-seqs",
    "-1",
  ]);
  assertEquals([wrong.code, wrong.out], [1, ""]);
  assertStringIncludes(wrong.err, "max_num_seqs '-1': expected an integer from 1");
});

Deno.test("pd-router engines drain ends with 3 where an engine is not idle in time, and tells of it", async () => {
  await using engine = await startSim({ itlMs: 15 });
  await using router = await startAdminRouter([{ url: engine.url, role: "any", models: [MODEL] }]);
  const answer = await post(`${router.url}/v1/completions`, {
    model: MODEL,
    prompt: "Tell me of the river",
    max_tokens: 40,
    stream: true,
  });
  const id = new URL(engine.url).host;
  const early = await engines(router.adminUrl, ["drain", id, "--timeout", "0"]);
  assertEquals([early.code, early.out], [3, `${id}: draining, 1 in flight\n`]);
  assertStringIncludes(early.err, "still has 1 in flight");
  const done = await engines(router.adminUrl, ["drain", id]);
  assertEquals(done.code, 0);
  assertMatch(done.out, /: drained, 0 in flight\n$/);
  assertStringIncludes(await answer.text(), "[DONE]");
});

Deno.test("pd-router engines shows the key of its environment, the first of several", async () => {
  const admin = { ...OPEN_ADMIN, keys: { given: [sha256("sk-1")] } };
  await using router = await startAdminRouter([], { admin });
  const env = { PD_ROUTER_ADMIN_API_KEY: "sk-1 sk-2" };
  assertEquals(await engines(router.adminUrl, ["list"], env), {
    code: 0,
    out: "There are no engines\n",
    err: "",
  });
  const { code, err } = await engines(router.adminUrl, ["list"]);
  assertEquals(code, 1);
  assertStringIncludes(err, "A key is needed");
});

Deno.test("pd-router engines says where nothing listens, and where something else does", async () => {
  const nowhere = await engines(`http://127.0.0.1:${freePort()}`, ["list"]);
  assertEquals([nowhere.code, nowhere.out], [1, ""]);
  assertMatch(nowhere.err, /started with --admin-listen.*connection refused/);
  await using engine = await startSim({});
  const other = await engines(engine.url, ["list"]);
  assertEquals(other.code, 1);
  assertMatch(other.err, /pd-router: .+/);
});

Deno.test("pd-router engines refuses a wrong command line with 2", async () => {
  const { ports, err } = fakeProcess();
  assertEquals(await dispatch(["engines", "lst"], ports), 2);
  assert(err.text.includes("lst: unknown command; did you mean list?"), err.text);
  assertStringIncludes(err.text, "Try: pd-router help engines");
});
