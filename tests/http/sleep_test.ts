import { RouterError } from "../../lib/base/mod.ts";
import { OPEN_PASS } from "../../lib/doors/mod.ts";
import { EngineControl } from "../../lib/flow/mod.ts";
import { changeAdapter } from "../../lib/http/adapters.ts";
import type { HttpCall } from "../../lib/http/mod.ts";
import { isSleeping, putToSleep, wakeUp } from "../../lib/http/sleep.ts";
import { assertEquals, assertRejects } from "../support/assert.ts";
import { engineOf } from "../support/flow_fakes.ts";
import { callOf, type HttpSetting, httpSetting, requestTo } from "../support/http_fakes.ts";
import { json } from "../support/scripted_upstream.ts";

const ENGINES = [engineOf("a", "any"), { ...engineOf("b", "any"), models: ["m", "n"] }];
const LORA = { lora_name: "l", lora_path: "/l" };

/** A router that may tell engines what to do. */
function allowed(): HttpSetting & { readonly asleep: Map<string, boolean> } {
  const setting = httpSetting({
    engines: ENGINES,
    script: () => json({ is_sleeping: false }),
  });
  const asleep = new Map<string, boolean>();
  const control = new EngineControl({
    ...setting.flow,
    apiKey: undefined,
    fleet: {
      setAsleep: ({ id }, state) => void asleep.set(id, state),
      ask: () => Promise.resolve(),
    },
  });
  const config = { ...setting.deps.config, control: { engines: true, passThrough: [] } };
  return { ...setting, asleep, deps: { ...setting.deps, config, control } };
}

const HANDLERS = [
  ["/sleep", putToSleep],
  ["/wake_up", wakeUp],
  ["/is_sleeping", isSleeping],
] as const;

Deno.test("engines change no adapters unless that is allowed", async () => {
  await using setting = httpSetting({ engines: ENGINES });
  const { deps, upstream } = setting;
  for (const change of ["load", "unload"] as const) {
    const call = callOf(deps, requestTo(`/v1/${change}_lora_adapter`, LORA));
    const error = await assertRejects(
      () => changeAdapter(deps, call, change),
      RouterError,
      "--allow-engine-control",
    );
    assertEquals([error.code, upstream.sent], ["forbidden", []]);
  }
});

Deno.test("/sleep, /wake_up and /is_sleeping are for the engine of ?id=, other parameters go on", async () => {
  await using setting = allowed();
  const { deps, upstream, asleep } = setting;
  await putToSleep(deps, callOf(deps, requestTo("/sleep?id=b&level=2&mode=wait")));
  assertEquals([...asleep], [["b", true]]);
  await isSleeping(deps, callOf(deps, requestTo("/is_sleeping?id=b")));
  assertEquals([...asleep], [["b", false]]);
  await wakeUp(deps, callOf(deps, requestTo("/wake_up?tags=weights&id=b&tags=kv")));
  assertEquals(upstream.sent.map(({ to, path, request }) => [request.method, to, path]), [
    ["POST", "b", "/sleep?level=2&mode=wait"],
    ["GET", "b", "/is_sleeping"],
    ["POST", "b", "/wake_up?tags=weights&tags=kv"],
    ["GET", "b", "/is_sleeping"],
  ]);
});

Deno.test("/sleep and its like refuse a call without an engine, as the production-stack router does", async () => {
  await using setting = allowed();
  const { deps, upstream } = setting;
  for (const [path, handler] of HANDLERS) {
    for (const [query, message] of [["", "Missing query"], ["?id=x", "has the id 'x'"]] as const) {
      const call = callOf(deps, requestTo(path + query));
      const error = await assertRejects(() => handler(deps, call), RouterError, message);
      assertEquals([error.code, error.param], ["bad-request", "id"]);
    }
  }
  assertEquals(upstream.sent, []);
});

Deno.test("a key tells engines nothing that serve models which it may not use", async () => {
  await using setting = allowed();
  const { deps } = setting;
  const pass = { ...OPEN_PASS, key: "team", allows: (name: string) => name === "m" };
  const callWith = (path: string): HttpCall => ({ ...callOf(deps, requestTo(path)), pass });
  await putToSleep(deps, callWith("/sleep?id=a"));
  const error = await assertRejects(
    () => putToSleep(deps, callWith("/sleep?id=b")),
    RouterError,
    "may not use the model 'n'",
  );
  assertEquals(error.code, "forbidden");
});
