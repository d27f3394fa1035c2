import { RouterError } from "../../lib/base/mod.ts";
import { endpointLabel, isAboutItself, routeOf } from "../../lib/http/routes.ts";
import { parseTarget } from "../../lib/http/target.ts";
import {
  assertEquals,
  assertRejects,
  assertStringIncludes,
  assertThrows,
} from "../support/assert.ts";
import { engineOf } from "../support/flow_fakes.ts";
import { callOf, httpSetting, requestTo } from "../support/http_fakes.ts";

/** Every endpoint, and whether its answer depends on which models the engines serve. */
const ENDPOINTS = {
  "POST /v1/completions": true,
  "POST /v1/chat/completions": true,
  "POST /v1/responses": true,
  "POST /v1/messages": true,
  "POST /v1/messages/count_tokens": true,
  "POST /invocations": true,
  "POST /v1/embeddings": true,
  "POST /v1/rerank": true,
  "POST /rerank": true,
  "POST /v1/score": true,
  "POST /score": true,
  "POST /tokenize": true,
  "POST /detokenize": true,
  "POST /v2/rerank": true,
  "POST /pooling": true,
  "POST /classify": true,
  "POST /v1/audio/transcriptions": true,
  "POST /v1/audio/translations": true,
  "POST /v1/audio/speech": true,
  "POST /v1/images/generations": true,
  "POST /v1/images/edits": true,
  "GET /v1/audio/voices": true,
  "GET /tokenizer_info": true,
  "POST /sleep": true,
  "POST /wake_up": true,
  "GET /is_sleeping": true,
  "POST /v1/load_lora_adapter": true,
  "POST /v1/unload_lora_adapter": true,
  "GET /v1/models": true,
  "GET /v1/models/m": true,
  "GET /": false,
  "GET /healthcheck": false,
  "GET /engines": false,
  "GET /health": false,
  "GET /ready": false,
  "GET /version": false,
  "GET /metrics": false,
} as const;

function splitEndpoint(endpoint: string): readonly [method: string, path: string] {
  const [method = "", path = ""] = endpoint.split(" ");
  return [method, path];
}

Deno.test("routeOf() knows every endpoint by its method alone, and HEAD for GET", () => {
  for (const [endpoint, needsModels] of Object.entries(ENDPOINTS)) {
    const [method, path] = splitEndpoint(endpoint);
    const route = routeOf(method, path);
    assertEquals([route.method, route.needsModels], [method, needsModels], endpoint);
    const allow = method === "GET" ? "GET, HEAD" : "POST";
    if (method === "GET") assertEquals(routeOf("HEAD", path).method, "GET", endpoint);
    const others = ["GET", "POST", "PUT", "DELETE", "OPTIONS", "get"];
    for (const other of others.filter((name) => name !== method)) {
      const error = assertThrows(() => routeOf(other, path), RouterError, `use ${method}`);
      assertEquals([error.code, error.allow], ["method-not-allowed", allow], `${other} ${path}`);
    }
  }
  assertThrows(() => routeOf("HEAD", "/v1/completions"), RouterError, "Method HEAD");
});

Deno.test("routeOf() finds nothing at any other path", () => {
  for (const path of ["", "/v1", "/Health", "/health/", "//health", "/v2/models"]) {
    const error = assertThrows(() => routeOf("GET", path), RouterError, `'${path}'`);
    assertEquals(error.code, "not-found");
  }
});

Deno.test("a model's card is found by its id, however the path spells it", async () => {
  const ids = ["m", "org/name", "a b", "100%", "ü"];
  const engines = [{ ...engineOf("a", "any"), models: ids }];
  await using setting = httpSetting({ engines });
  const { deps } = setting;
  const idAt = async (path: string): Promise<unknown> => {
    const { body } = await routeOf("GET", path).handler(deps, callOf(deps, requestTo("/")));
    return body instanceof Uint8Array && JSON.parse(new TextDecoder().decode(body)).id;
  };
  for (const id of ids) {
    for (const encoded of [encodeURIComponent(id), encodeURI(id)]) {
      assertEquals(await idAt(parseTarget(`/v1/models/${encoded}`, "").path), id);
    }
  }
  for (const path of ["/v1/models/x", "/v1/models/", "/v1/models/org", "/v1/models/%6"]) {
    const error = await assertRejects(() => idAt(path), RouterError);
    assertEquals([error.code, error.param], ["unknown-model", "model"], path);
    assertStringIncludes(error.message, `'${path.slice("/v1/models/".length)}'`);
  }
});

Deno.test("endpointLabel() is one of a closed list", () => {
  for (const endpoint of Object.keys(ENDPOINTS)) {
    const [, path] = splitEndpoint(endpoint);
    assertEquals(endpointLabel(path), path === "/v1/models/m" ? "/v1/models/{id}" : path);
  }
  assertEquals(endpointLabel("/v1/models/any/thing%20else"), "/v1/models/{id}");
  for (const path of ["", "/v1/model", "/x".repeat(100)]) {
    assertEquals(endpointLabel(path), "unknown");
  }
});

Deno.test("isAboutItself() tells probes and scrapes from what is asked of models", () => {
  for (const [endpoint, needsModels] of Object.entries(ENDPOINTS)) {
    const [, path = ""] = endpoint.split(" ");
    if (path.startsWith("/v1/models/")) continue;
    assertEquals(isAboutItself(path), !needsModels, path);
  }
  assertEquals(isAboutItself("/nowhere"), false);
});
