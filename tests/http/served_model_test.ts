import { encodeUtf8, RouterError } from "../../lib/base/mod.ts";
import { FleetView } from "../../lib/fleet/mod.ts";
import { servedModel } from "../../lib/http/served_model.ts";
import { JsonObject } from "../../lib/openai/mod.ts";
import { idleCandidate } from "../../lib/selection/mod.ts";
import { assertEquals, assertRejects } from "../support/assert.ts";
import { engineOf } from "../support/flow_fakes.ts";
import { callOf, type HttpChanges, httpSetting, requestTo } from "../support/http_fakes.ts";

const A = engineOf("a", "any");
const BODY = new JsonObject(encodeUtf8("{}"));

/** What is looked for, and the model that `asked` comes to; `found` has the engine serve it. */
async function look(
  asked: string,
  { found = false, ...changes }: HttpChanges & { readonly found?: boolean },
): Promise<readonly [looked: readonly string[], model: string]> {
  const looked: string[] = [];
  await using setting = httpSetting({
    engines: [A],
    lookup: {
      look(model) {
        looked.push(model);
        if (found) setting.fleet.engines = [{ ...A, models: ["m", model] }];
        return Promise.resolve();
      },
    },
    ...changes,
  });
  const { deps } = setting;
  try {
    return [looked, await servedModel(deps, callOf(deps, requestTo("/")), { asked, body: BODY })];
  } catch (error) {
    if (error instanceof RouterError) return [looked, error.code];
    throw error;
  }
}

Deno.test("servedModel() looks for a model that nobody serves, by its own name", async () => {
  assertEquals(await look("m", {}), [[], "m"]);
  assertEquals(await look("lora", { found: true }), [["lora"], "lora"]);
  assertEquals(await look("lora", {}), [["lora"], "unknown-model"]);
  const config = { aliases: new Map([["small", "lora"]]) };
  assertEquals(await look("small", { config, found: true }), [["lora"], "lora"]);
  assertEquals(await look("", { engines: [] }), [[], "no-engine"]);
});

Deno.test("servedModel() looks for nothing that a sleeping engine serves, and says that it sleeps", async () => {
  const entry = { engine: A, cards: [], created: 1, asleep: true };
  const B = { ...engineOf("b", "any"), models: ["n"] };
  const view = new FleetView([entry, { ...entry, engine: B, asleep: false }], [idleCandidate(B)]);
  await using setting = httpSetting();
  const fleet = Object.assign(setting.fleet, { snapshot: () => view });
  const look = (): Promise<void> => Promise.reject(new Error("looked"));
  const deps = { ...setting.deps, fleet, lookup: { look } };
  const error = await assertRejects(
    async () => await servedModel(deps, callOf(deps, requestTo("/")), { asked: "m", body: BODY }),
    RouterError,
    "Every engine that serves model 'm' sleeps",
  );
  assertEquals([error.code, error.param], ["no-engine", "model"]);
});
