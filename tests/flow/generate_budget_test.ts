import { encodeUtf8 } from "../../lib/base/mod.ts";
import { direct } from "../../lib/flow/mod.ts";
import type { RetryBudget } from "../../lib/request/mod.ts";
import { assertEquals } from "../support/assert.ts";
import { contextAt, generationOf } from "../support/flow_fakes.ts";
import { json } from "../support/scripted_upstream.ts";
import {
  answered,
  ask,
  D1,
  NIXL,
  once,
  P1,
  P2,
  pair,
  type Setting,
  usual,
  withEngines,
} from "./support.ts";

/** A budget that allows `perRequest` further attempts, and counts what it is told and asked. */
class CountingBudget implements Pick<RetryBudget, keyof RetryBudget> {
  readonly perRequest: number;
  requests = 0;
  taken = 0;

  constructor(perRequest = 1) {
    this.perRequest = perRequest;
  }

  began(): void {
    this.requests++;
  }

  take(): boolean {
    this.taken++;
    return true;
  }

  allows(): boolean {
    return true;
  }
}

function withBudget(setting: Setting, budget: CountingBudget): Setting {
  return { ...setting, deps: { ...setting.deps, retries: budget as unknown as RetryBudget } };
}

const FULL = json({ error: { message: "boom" } }, 500);

const WAYS = [
  ["is handed off", usual(), {}, 0],
  ["is handed off again", usual(once("p1", FULL)), {}, 1],
  ["is served directly for what it asks", usual(), {
    request: generationOf("completions", { prompt: "a", suffix: "b" }),
  }, 0],
  ["picks its engine", usual(), { engine: D1 }, 0],
] as const;

for (const [what, script, more, taken] of WAYS) {
  Deno.test(`generate() has the budget count a request once that ${what}`, async () => {
    await withEngines(NIXL, script, async (setting) => {
      const budget = new CountingBudget();
      setting.fleet.pairs.push(pair(P1, D1), pair(P2, D1));
      const { answer } = await answered(withBudget(setting, budget), more);
      assertEquals([answer.status, budget.requests, budget.taken], [200, 1, taken]);
    });
  });
}

Deno.test("generate() has the budget count a request once whose handoff fails and that one engine serves", async () => {
  await withEngines(NIXL, usual(once("p1", FULL)), async (setting) => {
    const budget = new CountingBudget(0);
    setting.fleet.pairs.push(pair(P1, D1));
    const { answer, context } = await answered(withBudget(setting, budget));
    assertEquals([answer.status, context.trace.directReason], [200, "handoff_failed"]);
    assertEquals([budget.requests, budget.taken], [1, 0]);
  }, { failurePolicy: "direct" });
});

Deno.test("generate() has the budget count each prompt of several once", async () => {
  const choices = [{ index: 0, text: "x", finish_reason: "stop" }];
  const script = usual(({ to }) => to === "d1" || to === "d2" ? json({ choices }) : undefined);
  await withEngines(NIXL, script, async (setting) => {
    const budget = new CountingBudget();
    const request = generationOf("completions", { prompt: ["a", "b", "c"] });
    const { answer } = await answered(withBudget(setting, budget), { request });
    assertEquals([answer.status, budget.requests], [200, 3]);
  });
});

Deno.test("direct() has the budget count a request that nobody has counted", async () => {
  await withEngines(NIXL, usual(), async (setting) => {
    const { deps } = withBudget(setting, new CountingBudget());
    const budget = deps.retries as unknown as CountingBudget;
    const body = [encodeUtf8("{}")];
    const wish = { path: ask().path, model: "m", body, stream: false };
    await direct(deps, contextAt(setting.clock), wish);
    assertEquals(budget.requests, 1);
    await direct(deps, contextAt(setting.clock), { ...wish, began: true });
    assertEquals(budget.requests, 1);
  });
});
