/** One trace before one fleet, placed by one policy. @module */
import { type Engine, seededRandom } from "../../../lib/base/mod.ts";
import type { PolicyName } from "../../../lib/config/mod.ts";
import { place } from "../../../lib/fleet/mod.ts";
import {
  type Candidate,
  chooseDirect,
  choosePair,
  GOOD,
  ModelGroup,
  policiesFor,
  PrefixExchange,
  type PromptFacts,
} from "../../../lib/selection/mod.ts";
import { Events } from "./events.ts";
import { LaggingIndex } from "./lagging_index.ts";
import { ModelEngine } from "./model.ts";
import { chunksOf, type Turn, Workload, type WorkloadOptions } from "./workload.ts";

/** What is simulated. */
export interface Scenario extends WorkloadOptions {
  readonly seed: number;
  readonly policy: PolicyName;
  /** Engines that prefill and decode, or that do both. */
  readonly fleet: { readonly prefill: number; readonly decode: number } | { readonly any: number };
  /** Seconds after which the router knows of KV; undefined where it is told nothing of it. */
  readonly kvLag?: number;
  /** Requests at the start that nothing is counted of. */
  readonly warmUp: number;
  /**
   * Routers side by side, which know of each other's load; each request comes to any of them.
   * @default 1
   */
  readonly routers?: number;
  /** Seconds after which they know where the others have sent prompts; undefined where they never do. */
  readonly toldLag?: number;
}

/** What came of it. */
export interface Result {
  /** Seconds to the first token, of each request. */
  readonly ttft: readonly number[];
  /** Prompt tokens that engines had, and all. */
  readonly hits: number;
  readonly tokens: number;
  /** The most of one engine that computes prompts against the mean: of work, and of requests. */
  readonly workImbalance: number;
  readonly requestImbalance: number;
}

/** Bytes of text in a token, and bytes that the router takes for one. */
const BYTES_PER_TOKEN = 4;
const BYTES_ESTIMATED = 3;

/** Seconds that a token's KV takes from one engine to another. */
const MOVE_SECONDS = 0.000_01;

/** An engine as policies see it, and the model of it. */
interface Member extends Candidate {
  inflight: number;
  promptTokens: number;
  readonly model: ModelEngine;
  readonly known: LaggingIndex | undefined;
}

/** Run `scenario` to its end. */
export function simulate(scenario: Scenario): Result {
  const { fleet, policy, seed, requests, warmUp } = scenario;
  const events = new Events();
  const members = "any" in fleet ? membersOf(scenario, events, "any", fleet.any) : [
    ...membersOf(scenario, events, "decode", fleet.decode),
    ...membersOf(scenario, events, "prefill", fleet.prefill),
  ];
  const group = new ModelGroup(members, "m");
  const universe = members.map(({ engine }) => engine);
  const routers = Array.from(
    { length: scenario.routers ?? 1 },
    (_, index) => {
      const exchange = new PrefixExchange();
      const random = seededRandom(seed + 1 + 100 * index);
      return { exchange, policies: policiesFor({ kind: policy }, { random, exchange }) };
    },
  );
  const lots = seededRandom(seed + 2);
  const memberOf = ({ id }: Engine): Member => {
    const found = members.find(({ engine }) => engine.id === id);
    if (found === undefined) throw new RangeError(`No engine ${id}`);
    return found;
  };
  const workload = new Workload(scenario, seededRandom(seed));
  const ttft: number[] = [];
  let base = members.map(({ model }) => ({ ...model.done }));

  const begin = (index: number): void => {
    if (index === warmUp) base = members.map(({ model }) => ({ ...model.done }));
    const turn = workload.next();
    const router = routers[Math.floor(lots.next() * routers.length)];
    if (router === undefined) throw new RangeError("No router");
    const { policies } = router;
    const tell = (): void => {
      const met = router.exchange.take();
      if (scenario.toldLag === undefined) return;
      events.after(scenario.toldLag, () => {
        for (const { exchange } of routers) {
          if (exchange === router.exchange) continue;
          for (const { id, chunks } of met) exchange.hear(id, chunks);
        }
      });
    };
    const since = events.now;
    const prompt = factsOf(turn, members);
    // Where sessions are not told, `kvaware` has nothing but KV to go by.
    const told = policy === "session" ? { session: turn.session } : {};
    const ask = { model: "m", ...told, attempt: 1, universe, prompt };
    const first = (): void => {
      if (index >= warmUp) ttft.push(events.now - since);
    };
    if ("any" in fleet) {
      const engine = chooseDirect(group, policies, ask);
      if (engine === undefined) throw new RangeError("No engine");
      const computed = place(policies, { engine, leg: "direct", peer: undefined, prompt });
      tell();
      serve(memberOf(engine), turn, computed, first);
      return;
    }
    const choice = choosePair(group, policies, { ...ask, mode: "p1", takes });
    if (choice.kind !== "pair") throw new RangeError("No pair");
    const { prefill: engine, decode: peer } = choice.pair;
    const computed = place(policies, { engine, leg: "prefill", peer, prompt });
    tell();
    handOff(events, memberOf(engine), memberOf(peer), { turn, computed, first });
  };
  const arrive = (index: number): void => {
    if (index === requests) return;
    events.after(workload.nextAt() - events.now, () => {
      begin(index);
      arrive(index + 1);
    });
  };
  arrive(0);
  events.runAll();
  return resultOf(members, base, ttft);
}

function takes(): boolean {
  return true;
}

function membersOf(
  { kvLag }: Scenario,
  events: Events,
  role: Engine["role"],
  count: number,
): readonly Member[] {
  return Array.from({ length: count }, (_, index) => {
    const id = `${role}-${index}`;
    const known = kvLag === undefined ? undefined : new LaggingIndex(events, kvLag);
    return {
      engine: { id, url: `http://${id}`, role, models: ["m"], kv: "nixl" },
      inflight: 0,
      promptTokens: 0,
      verdict: GOOD,
      model: new ModelEngine(events, (event) => known?.tell(event)),
      known,
    };
  });
}

/** What the router knows of the prompt: its length exactly where it knows its tokens. */
function factsOf(turn: Turn, members: readonly Member[]): PromptFacts {
  const chunks = chunksOf(turn);
  const isKnown = members.some(({ known }) => known !== undefined);
  const estimate = Math.ceil(turn.promptTokens * BYTES_PER_TOKEN / BYTES_ESTIMATED);
  return {
    tokens: isKnown ? turn.promptTokens : estimate,
    chunks: () => chunks,
    cachedAt: (id) => members.find(({ engine }) => engine.id === id)?.known?.held(turn),
  };
}

function serve(member: Member, turn: Turn, computed: number, first: () => void): void {
  member.inflight++;
  member.promptTokens += computed;
  member.model.prefill(turn, () => {
    first();
    member.promptTokens -= computed;
    member.model.decode(turn, () => {
      member.inflight--;
      turn.end();
    });
  });
}

function handOff(
  events: Events,
  prefill: Member,
  decode: Member,
  { turn, computed, first }: {
    readonly turn: Turn;
    readonly computed: number;
    readonly first: () => void;
  },
): void {
  prefill.inflight++;
  prefill.promptTokens += computed;
  prefill.model.prefill(turn, () => {
    first();
    prefill.inflight--;
    prefill.promptTokens -= computed;
    decode.inflight++;
    events.after(turn.promptTokens * MOVE_SECONDS, () =>
      decode.model.decode(turn, () => {
        decode.inflight--;
        turn.end();
      }));
  });
}

function resultOf(
  members: readonly Member[],
  base: readonly ModelEngine["done"][],
  ttft: readonly number[],
): Result {
  const all = members.map(({ engine, model: { done } }, index) => ({
    role: engine.role,
    requests: done.requests - (base[index]?.requests ?? 0),
    tokens: done.tokens - (base[index]?.tokens ?? 0),
    hits: done.hits - (base[index]?.hits ?? 0),
    busy: done.busy - (base[index]?.busy ?? 0),
  }));
  const total = (key: "tokens" | "hits"): number => all.reduce((sum, one) => sum + one[key], 0);
  const computing = all.filter(({ role }) => role !== "decode");
  const unevenness = (key: "busy" | "requests"): number => {
    const each = computing.map((one) => one[key]);
    return Math.max(...each) * each.length / each.reduce((sum, one) => sum + one, 0);
  };
  return {
    ttft,
    hits: total("hits"),
    tokens: total("tokens"),
    workImbalance: unevenness("busy"),
    requestImbalance: unevenness("requests"),
  };
}
