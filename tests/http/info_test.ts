import { decodeUtf8, type Engine, RouterError } from "../../lib/base/mod.ts";
import { FleetView } from "../../lib/fleet/mod.ts";
import { engines, health, metrics, model, models, version } from "../../lib/http/info.ts";
import type { ModelCard } from "../../lib/openai/mod.ts";
import type { Answer } from "../../lib/request/mod.ts";
import { idleCandidate } from "../../lib/selection/mod.ts";
import {
  assertEquals,
  assertMatch,
  assertStringIncludes,
  assertThrows,
} from "../support/assert.ts";
import { engineOf } from "../support/flow_fakes.ts";
import { callOf, type HttpSetting, httpSetting, requestTo } from "../support/http_fakes.ts";

function healthOf(draining: boolean, ailment: string | undefined): [number, unknown] {
  const { status, body } = health({ draining: () => draining, ailment: () => ailment });
  return [status, body instanceof Uint8Array ? JSON.parse(decodeUtf8(body)) : undefined];
}

Deno.test("health() is 200 only while the router takes requests and can do its work", () => {
  assertEquals(healthOf(false, undefined), [200, { status: "healthy" }]);
  assertEquals(healthOf(true, undefined), [503, { status: "draining" }]);
  assertEquals(healthOf(false, "broken"), [503, { status: "unhealthy", reason: "broken" }]);
});

// deno-lint-ignore no-explicit-any
function bodyOf({ status, body }: Answer): any {
  assertEquals(status, 200);
  return body instanceof Uint8Array ? JSON.parse(decodeUtf8(body)) : undefined;
}

/** A router before engines with these cards, and with these aliases. */
function knowing(
  entries: readonly (readonly [engine: Engine, cards: readonly ModelCard[]])[],
  aliases: Readonly<Record<string, string>> = {},
): HttpSetting {
  const setting = httpSetting({ config: { aliases: new Map(Object.entries(aliases)) } });
  const candidates = entries.map(([engine]) => idleCandidate(engine));
  const told = entries.map(([engine, cards], at) => ({ engine, cards, created: 100 + at }));
  setting.fleet.snapshot = () => new FleetView(told, candidates);
  return setting;
}

const [A, B] = [engineOf("a", "any"), engineOf("b", "decode")];
const OWN = { id: "m", object: "model", created: 7, owned_by: "vllm", max_model_len: 4096, x: [1] };

Deno.test("models() lists each model once, as the first engine tells it, then the aliases", async () => {
  const cards = [OWN, { id: "n" }];
  await using setting = knowing([[A, cards], [B, [{ id: "m", max_model_len: 1 }, { id: "o" }]]], {
    small: "m",
    bare: "n",
    gone: "nothing",
    o: "m",
  });
  const list = bodyOf(models(setting.deps, callOf(setting.deps, requestTo("/v1/models"))));
  assertEquals(list, {
    object: "list",
    data: [
      OWN,
      { id: "n" },
      { id: "o" },
      { ...OWN, id: "small", root: "m", parent: null },
      { id: "bare", object: "model", created: 0, owned_by: "vllm", root: "n", parent: null },
    ],
  });
  for (const card of list.data) {
    assertEquals(
      bodyOf(model(setting.deps, callOf(setting.deps, requestTo("/v1/models")), card.id)),
      card,
    );
  }
});

Deno.test("models() lists none where none are known", async () => {
  await using setting = knowing([[A, []]], { small: "m" });
  assertEquals(bodyOf(models(setting.deps, callOf(setting.deps, requestTo("/v1/models")))), {
    object: "list",
    data: [],
  });
  const error = assertThrows(
    () => model(setting.deps, callOf(setting.deps, requestTo("/v1/models")), "small"),
    RouterError,
    "'small'",
  );
  assertEquals([error.code, error.param], ["unknown-model", "model"]);
});

Deno.test("engines() tells who is there, since when, and what they serve", async () => {
  await using setting = knowing([[A, [OWN]], [{ ...B, models: [] }, []]]);
  assertEquals(bodyOf(engines(setting.deps)), [
    { engine_id: "a", serving_models: ["m"], created: 100, url: A.url, role: "any" },
    { engine_id: "b", serving_models: [], created: 101, url: B.url, role: "decode" },
  ]);
});

Deno.test("engines() tells what is taken of an engine and what is left, where that is bounded", async () => {
  await using setting = knowing([[A, [OWN]], [B, [OWN]]]);
  const told = setting.fleet.snapshot();
  const buffer = { bytes: 1_000, bytesPerToken: 1, chunkTokens: 10 };
  const loads = [
    { seats: 3, maxSeats: 8, kvBytes: 0, buffer: undefined },
    { seats: 3, maxSeats: 2, kvBytes: 400, buffer },
  ];
  const entries = told.entries.map((entry, at) => ({ ...entry, load: loads[at] ?? loads[0] }));
  setting.fleet.snapshot = () => new FleetView(entries as FleetView["entries"], []);
  const [a, b] = bodyOf(engines(setting.deps));
  assertEquals([a.inflight, a.room, a.kv_room], [3, 5, undefined]);
  assertEquals([b.inflight, b.room, b.kv_bytes, b.kv_room], [3, 0, 400, 600]);
});

Deno.test("version() tells the version", async () => {
  await using setting = httpSetting();
  assertEquals(bodyOf(version(setting.deps)), { version: "1.2.3" });
});

Deno.test("metrics() brings gauges up to date before it tells them", async () => {
  await using setting = httpSetting({
    refreshGauges: () => setting.metrics.set("pd_router_kv_waiters", {}, 5),
  });
  const { status, headers, body } = await metrics(setting.deps);
  assertEquals([status, headers.map(([name]) => name)], [200, ["content-type"]]);
  assertMatch(headers[0]?.[1] ?? "", /^text\/plain; version=/);
  assertStringIncludes(decodeUtf8(body as Uint8Array), "\npd_router_kv_waiters 5\n");
});
