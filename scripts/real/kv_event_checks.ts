/** What the router knows of engines' caches by their KV events, against what they say themselves. @module */
import { ask, type Body } from "./ask.ts";
import { type Checks, must } from "./check.ts";
import { BLOCK_TOKENS, type EngineKind, MODEL, type RealEngine } from "./engine.ts";
import { until } from "./process.ts";
import type { RealRouter } from "./router.ts";

/** An engine that publishes on `events`, and tells again on `replay`. */
export function publishingKind(name: string, port: number, events: number): EngineKind {
  const config = {
    enable_kv_cache_events: true,
    publisher: "zmq",
    endpoint: `tcp://*:${events}`,
    replay_endpoint: `tcp://*:${events + 1}`,
  };
  return { name, port, args: ["--kv-events-config", JSON.stringify(config)] };
}

/** An item of a router's `engines` for such an engine, as JSON. */
export function publishingEntry({ url }: RealEngine, events: number): unknown {
  return { url, model: MODEL, kv_events: { endpoint: events, replay: events + 1 } };
}

/** Tokens of the prompts that an engine has found in its cache. */
function hits(engine: RealEngine): Promise<number> {
  return engine.metric("vllm:prefix_cache_hits_total");
}

function promptOf(name: string, more: string): Body {
  const prompt = `${name}: ${"the quick brown fox jumps over the lazy dog. ".repeat(30)}${more}`;
  return { model: MODEL, prompt, max_tokens: 2, temperature: 0 };
}

/** Second requests meet the engine that has the first's blocks, and as many of them as it says. */
export async function checkKvEvents(
  checks: Checks,
  router: RealRouter,
  engines: readonly RealEngine[],
): Promise<void> {
  const group = "KV events";
  const known = (): Promise<number> => router.metric("pd_router_kv_event_feeds", 'state="known"');
  const applied = (): Promise<number> =>
    router.metric("pd_router_kv_events_total", 'result="applied"');
  await checks.run(group, "engines are followed", async () => {
    const all = await until(async () => await known() === engines.length, 30_000);
    must(all, `${await known()} feeds are known`);
    const malformed = await router.metric("pd_router_kv_events_total", 'result="malformed"');
    must(malformed === 0, `${malformed} events are malformed`);
    return `${engines.length} feeds`;
  });
  await checks.run(group, "what is known is what engines find", async () => {
    const names = ["one", "two", "three", "four"];
    for (const [at, name] of names.entries()) {
      const before = await applied();
      await ask(router.url + "/v1/completions", promptOf(name, ""));
      must(
        await until(async () => await applied() > before, 30_000),
        `no events of prompt ${at + 1}`,
      );
    }
    const cached = (): Promise<number> =>
      router.metric("pd_router_kv_lookup_tokens_total", 'of="cached"');
    const sum = async (): Promise<number> =>
      (await Promise.all(engines.map(hits))).reduce((all, each) => all + each, 0);
    const [told, found] = [await cached(), await sum()];
    for (const name of names) {
      await ask(router.url + "/v1/completions", promptOf(name, " And again?"));
    }
    const [nowTold, nowFound] = [await cached(), await sum()];
    must(nowTold - told >= names.length * BLOCK_TOKENS, `${nowTold - told} tokens known`);
    must(nowTold - told === nowFound - found, `${nowTold - told} known, ${nowFound - found} found`);
    return `${nowFound - found} tokens known and found by ${engines.length} engines`;
  });
  await checks.run(group, "events are well-formed", async () => {
    const count = (result: string): Promise<number> =>
      router.metric("pd_router_kv_events_total", `result="${result}"`);
    const [malformed, orphaned, ignored] = [
      await count("malformed"),
      await count("orphaned"),
      await count("ignored"),
    ];
    must(malformed + orphaned === 0, `${malformed} malformed, ${orphaned} orphaned`);
    return `${await applied()} applied, ${ignored} ignored`;
  });
}
