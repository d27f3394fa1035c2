import { type Engine, RouterError } from "../../lib/base/mod.ts";
import { type ControlAsk, EngineControl } from "../../lib/flow/mod.ts";
import { assertEquals, assertRejects } from "../support/assert.ts";
import { settle } from "../support/fake_clock.ts";
import { engineOf, flowSetting } from "../support/flow_fakes.ts";
import { type EngineScript, json } from "../support/scripted_upstream.ts";

const A = engineOf("a", "any");

/** A control whose fleet keeps what it is told, and all that engines were sent. */
function controlled(script: EngineScript, apiKey?: string) {
  const setting = flowSetting([A], script);
  const told: string[] = [];
  const asked = Promise.withResolvers<void>();
  const control = new EngineControl({
    ...setting.flow,
    apiKey,
    fleet: {
      setAsleep: ({ id }: Engine, asleep) => void told.push(`${id} ${asleep}`),
      ask(ids) {
        told.push(`ask ${[...ids].join()}`);
        return asked.promise;
      },
    },
  });
  const sent = (): readonly string[] =>
    setting.upstream.sent.map(({ to, path, request }) => `${request.method} ${to}${path}`);
  return { ...setting, control, told, sent, asked };
}

function askOf(path: string, method: ControlAsk["method"] = "POST"): ControlAsk {
  const headers = [["authorization", "Bearer client"], ["x-request-id", "r"]] as const;
  return { method, path, headers, signal: new AbortController().signal };
}

const DONE = { status: 200, body: [] };

Deno.test("EngineControl.sleep() keeps requests away before the engine is told", async () => {
  const setting = controlled(() => {
    assertEquals(setting.told, ["a true"]);
    return DONE;
  });
  const { status } = await setting.control.sleep(A, false, askOf("/sleep?level=2"));
  assertEquals([status, setting.told], [200, ["a true"]]);
  assertEquals(setting.sent(), ["POST a/sleep?level=2"]);
  assertEquals(setting.upstream.sent[0]?.request.replayable, false);
});

Deno.test("EngineControl.sleep() takes it back where the engine refuses, or cannot be reached", async () => {
  for (const asleep of [false, true]) {
    const refusing = controlled(() => json({ error: "no" }, 404));
    const { status } = await refusing.control.sleep(A, asleep, askOf("/sleep"));
    assertEquals([status, refusing.told], [404, ["a true", `a ${asleep}`]]);
    const error = new RouterError("upstream-unreachable", "refused");
    const gone = controlled(() => error);
    await assertRejects(() => gone.control.sleep(A, asleep, askOf("/sleep")), RouterError);
    assertEquals(gone.told, ["a true", `a ${asleep}`]);
  }
});

Deno.test("EngineControl.sleep() has an engine asked whose answer was lost", async () => {
  const setting = controlled(() => new RouterError("upstream-lost", "lost"));
  await assertRejects(() => setting.control.sleep(A, false, askOf("/sleep")), RouterError, "lost");
  assertEquals(setting.told, ["a true", "ask a"]);
});

Deno.test("EngineControl.wakeUp() believes what the engine says of itself", async () => {
  const cases = [
    [json({ is_sleeping: false }), ["a false"]],
    [json({ is_sleeping: true }), ["a true"]],
    [json({ detail: "Not Found" }, 404), ["a false"]],
    [json(7), ["a false"]],
    [new RouterError("upstream-timeout", "late"), ["a false"]],
  ] as const;
  for (const [state, told] of cases) {
    const setting = controlled(({ path }) => path === "/is_sleeping" ? state : DONE);
    await setting.control.wakeUp(A, askOf("/wake_up?tags=weights"));
    assertEquals(setting.told, [...told]);
    assertEquals(setting.sent(), ["POST a/wake_up?tags=weights", "GET a/is_sleeping"]);
  }
  const refusing = controlled(() => json({}, 500));
  assertEquals((await refusing.control.wakeUp(A, askOf("/wake_up"))).status, 500);
  assertEquals(refusing.told, []);
});

Deno.test("EngineControl.askAsleep() has the fleet learn what the engine says", async () => {
  const setting = controlled(() => json({ is_sleeping: true }));
  const { body } = await setting.control.askAsleep(A, askOf("/is_sleeping", "GET"));
  assertEquals([new TextDecoder().decode(body), setting.told], ['{"is_sleeping":true}', [
    "a true",
  ]]);
  const odd = controlled(() => json({}));
  await odd.control.askAsleep(A, askOf("/is_sleeping", "GET"));
  assertEquals(odd.told, []);
});

Deno.test("EngineControl shows engines the router's key in the place of the client's", async () => {
  for (const [key, shown] of [["own", "Bearer own"], [undefined, "Bearer client"]] as const) {
    const setting = controlled(() => DONE, key);
    await setting.control.tell(A, askOf("/sleep"));
    const { headers = [] } = setting.upstream.sent[0]?.request ?? {};
    assertEquals(headers.filter(([name]) => name === "authorization"), [["authorization", shown]]);
    assertEquals(headers.some(([name]) => name === "x-request-id"), true);
  }
});

Deno.test("EngineControl.learn() waits for the engines, but not long", async () => {
  const { signal } = new AbortController();
  const setting = controlled(() => DONE);
  let over = 0;
  setting.control.learn([A], signal).then(() => over++);
  await settle();
  assertEquals([setting.told, over], [["ask a"], 0]);
  await setting.clock.advance(2_000);
  assertEquals(over, 1);
  setting.control.learn([A], signal).then(() => over++);
  setting.asked.resolve();
  await settle();
  assertEquals([over, setting.clock.pending], [2, 0]);
});
