import { passThrough } from "../../lib/http/pass_through.ts";
import { endpointLabel, routeOf } from "../../lib/http/routes.ts";
import { RouterError } from "../../lib/base/mod.ts";
import { assertEquals, assertRejects, assertThrows } from "../support/assert.ts";
import { engineOf } from "../support/flow_fakes.ts";
import { callOf, type HttpChanges, type HttpSetting, httpSetting } from "../support/http_fakes.ts";

const [A, P] = [engineOf("a", "any"), engineOf("p", "prefill")];
const O = { ...engineOf("o", "any"), models: ["other"] };
const JSON_TYPE = { "content-type": "application/json" };

interface Passing extends HttpSetting {
  ask(path: string, init?: RequestInit): Promise<void>;
}

function passing(changes: HttpChanges = {}): Passing {
  const script: HttpChanges["script"] = () => ({ headers: [["content-type", "x/y"]], body: ["!"] });
  const setting = httpSetting({ engines: [A, O, P], script, ...changes });
  return {
    ...setting,
    async ask(path, init) {
      const call = callOf(setting.deps, new Request(`http://router${path}`, init));
      await passThrough(setting.deps, { ...call, path: decodeURIComponent(call.path) });
    },
  };
}

/** Method, engine, path and body of what an engine was sent last. */
function last({ upstream }: Passing): unknown {
  const { to, path, text, request } = upstream.sent.at(-1) ?? {};
  return [request?.method, to, path, text];
}

Deno.test("routeOf() passes GET and POST through on the paths that are told, and on no others", () => {
  const passed = ["/v1/other", "/x/*", "/v1/models", "/sleep"];
  for (const method of ["GET", "HEAD", "POST"]) {
    assertEquals(routeOf(method, "/v1/other", passed).handler, passThrough);
    assertEquals(routeOf(method, "/x/y", passed).handler, passThrough);
  }
  const error = assertThrows(() => routeOf("DELETE", "/v1/other", passed), RouterError);
  assertEquals([error.code, error.allow], ["method-not-allowed", "GET, HEAD, POST"]);
  for (const path of ["/x", "/y"]) {
    assertThrows(() => routeOf("GET", path, passed), RouterError, "Unknown path");
  }
  assertThrows(() => routeOf("POST", "/v1/other"), RouterError, "Unknown path");
  // What the router knows is its own.
  assertEquals(routeOf("GET", "/v1/models", passed) === routeOf("GET", "/v1/models"), true);
  assertEquals(routeOf("POST", "/sleep", passed) === routeOf("POST", "/sleep"), true);
  assertEquals(
    ["/v1/other", "/x/y", "/v1/models", "/y"].map((path) => endpointLabel(path, passed)),
    ["pass-through", "pass-through", "/v1/models", "unknown"],
  );
});

Deno.test("passThrough() goes by the model of a JSON body, whatever the answer is", async () => {
  await using setting = passing({ config: { aliases: new Map([["small", "other"]]) } });
  const body = JSON.stringify({ model: "other", n: 1.50, stream: true });
  await setting.ask("/x/y?q=1", { method: "POST", headers: JSON_TYPE, body });
  assertEquals(last(setting), ["POST", "o", "/x/y?q=1", body]);
  const alias = '{"model":"small"}';
  await setting.ask("/x", { method: "POST", headers: JSON_TYPE, body: alias });
  assertEquals(last(setting), ["POST", "o", "/x", '{"model":"other"}']);
  const kv = '{"model":"other","kv_transfer_params":{"a":1}}';
  await setting.ask("/x", { method: "POST", headers: JSON_TYPE, body: kv });
  assertEquals(last(setting), ["POST", "o", "/x", '{"model":"other"}']);
});

Deno.test("passThrough() goes by ?id= or ?model= where a body says nothing", async () => {
  await using setting = passing();
  await setting.ask("/x?id=o", { method: "POST", headers: JSON_TYPE, body: "{}" });
  // As everywhere, JSON names its model then.
  assertEquals(last(setting), ["POST", "o", "/x", '{"model":"other"}']);
  await setting.ask("/x?id=o", { method: "POST" });
  assertEquals(last(setting), ["POST", "o", "/x", ""]);
  await setting.ask("/x?model=m", { method: "POST", body: "bytes" });
  assertEquals(last(setting), ["POST", "a", "/x?model=m", "bytes"]);
  await setting.ask("/x?id=o");
  assertEquals(last(setting), ["GET", "o", "/x", ""]);
  const form = new FormData();
  form.append("model", "other");
  await setting.ask("/x", { method: "POST", body: form });
  assertEquals(setting.upstream.sent.at(-1)?.to, "o");
});

Deno.test("passThrough() says what is missing", async () => {
  const cases = [
    ["/x", { method: "POST" }, "bad-request"],
    ["/x", {}, "bad-request"],
    ["/x", { method: "POST", headers: JSON_TYPE, body: "{}" }, "bad-request"],
    ["/x", { method: "POST", headers: JSON_TYPE, body: "no" }, "bad-request"],
    ["/x", { method: "POST", headers: JSON_TYPE, body: '{"model":"z"}' }, "unknown-model"],
    ["/x?id=o", { method: "POST", headers: JSON_TYPE, body: '{"model":"m"}' }, "unknown-model"],
    ["/x?id=p", { method: "POST" }, "bad-request"],
    ["/x?id=z", {}, "unknown-engine"],
  ] as const;
  await using setting = passing();
  for (const [path, init, code] of cases) {
    const error = await assertRejects(() => setting.ask(path, init), RouterError);
    assertEquals(error.code, code, JSON.stringify([path, init]));
  }
  assertEquals(setting.upstream.sent, []);
});

Deno.test("passThrough() sends a path so that it means the same to the engine", async () => {
  await using setting = passing({ engines: [A] });
  await setting.ask("/x/a%20b%3Fc%23%25/%C3%A9");
  assertEquals(last(setting), ["GET", "a", "/x/a%20b%3Fc%23%25/%C3%A9", ""]);
});
