/**
 * What requests go by that is made of the configuration: made anew and exchanged at once when that is
 * another, while requests that have begun end on what they began with.
 * @module
 */
import {
  type Clock,
  type Lease,
  type Logger,
  type Random,
  RouterError,
  UnderWay,
} from "./base/mod.ts";
import { checksBy } from "./app_checks.ts";
import { checksAwake } from "./app_control.ts";
import { type PromptParts, promptParts } from "./app_handoff.ts";
import type { PeerBounds } from "./app_handoff.ts";
import { followKvEvents, type KvEventPorts, lookupOf } from "./app_kv_events.ts";
import type { EngineTelling } from "./app_proof.ts";
import { externalOf, hooksOf } from "./app_outside.ts";
import { endAfter, followAll, type Pairing, startPairing } from "./app_pairing.ts";
import type { AppPorts } from "./app_ports.ts";
import { Slot, timeoutsOf } from "./app_slot.ts";
import type { RouterConfig } from "./config/mod.ts";
import { EngineChecks, type Fleet } from "./fleet/mod.ts";
import type { Admission, GenerateDeps } from "./flow/mod.ts";
import type { LoadedHooks } from "./hooks/mod.ts";
import type { HttpDeps } from "./http/mod.ts";
import type { KvWatch } from "./kv_events/mod.ts";
import { type FlowDeps, RetryBudget } from "./request/mod.ts";
import { isSame } from "./reload/mod.ts";
import { partsRead, type Policies, policiesFor, type PolicyParts } from "./selection/mod.ts";
import type { PooledUpstreamClient } from "./upstream/mod.ts";

/** What is there for every configuration. */
export interface LiveParts {
  /** What requests work with, but for what is made of the configuration. */
  readonly base: Omit<FlowDeps, "retries" | "timeouts" | "kvLookup" | "promptParts" | "fleet"> & {
    readonly clock: Clock;
    readonly random: Random;
    readonly log: Logger;
    readonly fleet: Fleet;
  };
  readonly policies: PolicySlot;
  readonly admission: Admission;
  readonly ports: Pick<AppPorts, "bindPull" | "kv">;
  readonly peers: PeerBounds;
  readonly telling: EngineTelling;
  readonly kvEvents: KvEventPorts;
  /** Connections to providers. */
  readonly outside: PooledUpstreamClient;
}

/** What requests that begin at the same time have in common. */
export interface Generation {
  readonly config: RouterConfig;
  readonly flow: FlowDeps;
  readonly pairing: Pairing | undefined;
  /** Set where prompts are prefilled elsewhere. */
  readonly handoff: GenerateDeps | undefined;
  readonly hooks: HttpDeps["hooks"];
  readonly external: HttpDeps["external"];
  /** To be told of each request. */
  readonly begin: () => Lease;
}

/** The policies, and what they are made of. */
export type PolicySlot = Slot<RouterConfig["routing"], Policies>;

/** Further attempts that are always there, so that a router with few requests can make them. */
const RETRIES_PER_SECOND = 3;

/** The policies of `config`, drawing lots by `random`; `beside`: what they have of other routers. */
export function policySlot(
  config: Pick<RouterConfig, "routing">,
  random: Random,
  beside?: Pick<PolicyParts, "firstTurn" | "exchange">,
): PolicySlot {
  return new Slot(choiceOf(config), (routing) => policiesFor(routing, { random, ...beside }));
}

/** Policies keep what they remember where the name of the session alone is another. */
function choiceOf({ routing }: Pick<RouterConfig, "routing">): RouterConfig["routing"] {
  const { sessionKey: _name, ...choice } = routing;
  return choice;
}

interface HookSource {
  readonly hooks: RouterConfig["hooks"];
  /** Compared as a value, which modules are not. */
  readonly version: number;
}

/** For one router. */
export class AppLive implements AsyncDisposable {
  readonly #parts: LiveParts;
  readonly #stop = new AbortController();
  readonly #ending = new Set<Promise<void>>();
  readonly #retries: Slot<Pick<RouterConfig["health"], "reroutes" | "retryShare">, RetryBudget>;
  readonly #prompts: Slot<RouterConfig["tokenize"], PromptParts>;
  readonly #kv: Slot<RouterConfig["kvEvents"], (AsyncDisposable & { watch: KvWatch }) | undefined>;
  readonly #checks: Slot<RouterConfig["checks"], EngineChecks | undefined>;
  readonly #external: Slot<RouterConfig["external"], Generation["external"]>;
  readonly #hooks: Slot<HookSource, Generation["hooks"]>;
  /** Of whoever is there over changes: what it reads is in force at the moment. */
  readonly #lasting: FlowDeps;
  #loaded: LoadedHooks | undefined;
  #version = 0;
  #config: RouterConfig;
  #pairing: Pairing | undefined;
  /** Requests that may use the pairing. */
  #requests = new UnderWay();
  #now: Generation;
  #proving: { readonly ready: Promise<void>; readonly stopped: () => boolean } | undefined;

  private constructor(config: RouterConfig, hooks: LoadedHooks | undefined, parts: LiveParts) {
    this.#parts = parts;
    this.#config = config;
    this.#loaded = hooks;
    const { base, outside } = parts;
    const timeouts = timeoutsOf(() => this.#config.timeouts);
    this.#retries = new Slot(
      retriesOf(config),
      ({ reroutes: perRequest, retryShare: share }) =>
        new RetryBudget(base.clock, { perRequest, share, perSecond: RETRIES_PER_SECOND }),
    );
    this.#lasting = { ...base, timeouts, retries: this.#retries.part };
    this.#prompts = new Slot(config.tokenize, (how) => promptParts(this.#lasting, how));
    this.#kv = new Slot(config.kvEvents, (kvEvents) => {
      const watch = kvEvents && followKvEvents({ kvEvents }, parts.kvEvents);
      if (watch === undefined) return undefined;
      const following = followAll(base.fleet, (change) => watch.follow(change));
      return {
        watch,
        async [Symbol.asyncDispose](): Promise<void> {
          following[Symbol.dispose]();
          await watch[Symbol.asyncDispose]();
        },
      };
    });
    this.#checks = new Slot(config.checks, (checks) => {
      if (checks === undefined) return undefined;
      const { clock, log, fleet, upstream } = base;
      const { apiKey } = this.#config;
      const checksOf = checksAwake(fleet, checksBy({ upstream, timeouts, clock, apiKey }, checks));
      return new EngineChecks({ clock, log, fleet, everyMs: checks.everyMs, checksOf });
    });
    this.#external = new Slot(
      config.external,
      () => externalOf(this.#config, { ...base, timeouts }, outside),
    );
    this.#hooks = new Slot(
      { hooks: config.hooks, version: 0 },
      () => hooksOf(this.#config, this.#loaded, base),
    );
    this.#now = this.#made();
  }

  /** Rejects when a socket cannot be bound; nothing is left behind then. */
  static async open(
    config: RouterConfig,
    hooks: LoadedHooks | undefined,
    parts: LiveParts,
  ): Promise<AppLive> {
    await using stack = new AsyncDisposableStack();
    const live = stack.use(new AppLive(config, hooks, parts));
    live.#pairing = await live.#pair(config);
    live.#now = live.#made();
    stack.move();
    return live;
  }

  get now(): Generation {
    return this.#now;
  }

  get config(): RouterConfig {
    return this.#config;
  }

  get kvWatch(): KvWatch | undefined {
    return this.#kv.part?.watch;
  }

  /** Ids of prompts. */
  get prompts(): PromptParts {
    return this.#prompts.part;
  }

  /** What it is to work with that is there over changes. */
  get lasting(): FlowDeps {
    return this.#lasting;
  }

  /** Find out whether KV moves, from when `ready` resolves, of this pairing and of those to come. */
  prove(ready: Promise<void>, stopped: () => boolean): void {
    this.#proving = { ready, stopped };
    this.#prove();
  }

  /**
   * Go by `config` and `hooks`: `onChange` is told in the same turn in which everything is exchanged.
   * Rejects, and nothing has changed, when a socket cannot be bound.
   */
  async apply(
    config: RouterConfig,
    hooks: LoadedHooks | undefined,
    onChange: (now: Generation, before: Generation) => void,
  ): Promise<void> {
    const paired = isSame(config.handoff, this.#config.handoff);
    const pairing = paired ? this.#pairing : await this.#pair(config);
    if (this.#stop.signal.aborted) {
      if (!paired) await pairing?.[Symbol.asyncDispose]();
      throw new RouterError("shutting-down", "The router is stopping");
    }
    const [before, requests, last] = [this.#pairing, this.#requests, this.#now];
    this.#config = config;
    this.#exchange(config, hooks);
    this.#pairing = pairing;
    if (!paired) this.#requests = new UnderWay();
    this.#now = this.#made();
    onChange(this.#now, last);
    if (paired) return;
    this.#prove();
    if (before !== undefined) {
      this.#end(endAfter(before, requests, this.#parts.base, this.#stop.signal));
    }
  }

  /** What requests wait for ends. */
  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#pairing?.[Symbol.asyncDispose]();
    await Promise.all(this.#ending);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    await this.#checks.part?.[Symbol.asyncDispose]();
    await this.#kv.part?.[Symbol.asyncDispose]();
  }

  #pair(config: RouterConfig): Promise<Pairing | undefined> {
    const { ports, peers, telling, base: { fleet } } = this.#parts;
    const prompts = this.#prompts.part;
    return startPairing(config, { flow: this.#lasting, fleet, ports, peers, prompts, telling });
  }

  #exchange(config: RouterConfig, hooks: LoadedHooks | undefined): void {
    this.#parts.policies.set(choiceOf(config));
    this.#retries.set(retriesOf(config));
    this.#prompts.set(config.tokenize);
    this.#external.set(config.external);
    if (hooks !== this.#loaded) this.#version++;
    this.#loaded = hooks;
    this.#hooks.set({ hooks: config.hooks, version: this.#version });
    for (const gone of [this.#kv.set(config.kvEvents), this.#checks.set(config.checks)]) {
      if (gone !== undefined) this.#end(gone[Symbol.asyncDispose]());
    }
  }

  #made(): Generation {
    const { base, policies: { part: policies } } = this.#parts;
    const config = this.#config;
    const watch = this.kvWatch;
    const flow: FlowDeps = {
      ...base,
      retries: this.#retries.part,
      timeouts: config.timeouts,
      promptParts: partsRead(policies),
      ...(watch === undefined ? {} : { kvLookup: lookupOf(watch, this.prompts.prompts) }),
    };
    const pairing = this.#pairing;
    const requests = this.#requests;
    return {
      config,
      flow,
      pairing,
      handoff: pairing && this.#generateDeps(pairing, flow),
      hooks: this.#hooks.part,
      external: this.#external.part,
      begin: () => requests.begin(),
    };
  }

  #generateDeps({ handoff: { deps }, proof }: Pairing, flow: FlowDeps): GenerateDeps {
    const { health, trustClientKvParams, lmcacheTagDirect, worth } = this.#config;
    const { failurePolicy, fallbackShare, continueStreams } = health;
    const { admission, policies: { part: { direct: { held: heldAt } } } } = this.#parts;
    return {
      ...deps,
      ...flow,
      ...this.prompts,
      admission,
      trustClientKvParams,
      lmcacheTagDirect,
      failurePolicy,
      fallbackShare,
      continueStreams,
      witness: proof.witness,
      ...(worth === undefined ? {} : { worth: { rules: worth, heldAt } }),
    };
  }

  #prove(): void {
    const { handoff, pairing } = this.#now;
    if (this.#proving === undefined || handoff === undefined) return;
    pairing?.proof.start(handoff, this.#proving.ready, this.#proving.stopped);
  }

  /** Look after the end of a part. */
  #end(ending: PromiseLike<void>): void {
    const ended = Promise.resolve(ending).finally(() => this.#ending.delete(ended));
    this.#ending.add(ended);
    this.#parts.base.background.run(ended);
  }
}

function retriesOf(
  { health: { reroutes, retryShare } }: RouterConfig,
): Pick<RouterConfig["health"], "reroutes" | "retryShare"> {
  return { reroutes, retryShare };
}
