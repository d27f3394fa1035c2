/**
 * A fleet of simulated engines that is restarted one by one under streams, whoever tells the router of it.
 * @module
 */
import type { Side } from "../../lib/base/mod.ts";
import type { SimEngine } from "../../lib/sim/mod.ts";
import { ask } from "./admin.ts";
import { comparable, type ComparableAnswer } from "./answers.ts";
import { assert, assertEquals } from "./assert.ts";
import { freePort, MODEL, startSim } from "./cluster.ts";
import { eventually } from "./eventually.ts";
import { post } from "./router.ts";

/** One engine, on an address of its own that no other has had. */
export interface Home {
  readonly name: string;
  readonly role: Side;
  /** `127.0.0.n` */
  readonly host: string;
  readonly port: number;
  readonly url: string;
  readonly initPorts: readonly number[];
  readonly allocPorts: readonly number[];
  readonly sim: SimEngine;
}

/** Has the router's source of engines tell what becomes of them. */
export interface Orchestrator extends AsyncDisposable {
  readonly routerUrl: string;
  /** Of its admin API, which says when an engine has nothing to do any more. */
  readonly adminUrl: string;
  /** It serves from here on. */
  comes(home: Home): Promise<void>;
  /** It shall get nothing more. */
  leaves(home: Home): Promise<void>;
  /** It has ended. */
  goes(home: Home): Promise<void>;
}

/** What an orchestrator is started with: the router is to hand prompts over by LMCache. */
export interface Ground {
  readonly homes: readonly Home[];
  /** Of all engines. */
  readonly port: number;
  /** Of the router's socket for notifications, on 127.0.0.1. */
  readonly proxyPort: number;
  readonly initPort: number;
  readonly allocPort: number;
}

/** What is restarted, and under what. */
export interface RestartShape {
  /** Of each role. */
  readonly engines: number;
  readonly clients: number;
  /** Hosts are `127.0.0.firstHost` and those behind it. */
  readonly firstHost: number;
}

const TOKENS = 12;
const ITL_MS = 60;

/** Prompts of several lengths, below and above what LMCache stores. */
const BODIES = Array.from({ length: 8 }, (_, index) => ({
  model: MODEL,
  prompt: `Story ${index}: ${"a river and a stone, ".repeat(3 + 9 * index)}[[sim:len ${TOKENS}]]`,
  max_tokens: TOKENS,
  stream: true,
}));

/** A long time for any condition on a busy machine. */
const DEADLINE_MS = 60_000;

/** How soon all engines serve alike again. */
const EVEN_MS = 10_000;

/** Restart every engine in its turn; fails where a client has seen anything of it. */
export async function restartAll(
  { engines, clients, firstHost }: RestartShape,
  start: (ground: Ground) => Promise<Orchestrator>,
): Promise<void> {
  await using stack = new AsyncDisposableStack();
  const [port, proxyPort, initPort, allocPort] = [freePort(), freePort(), freePort(), freePort()];
  let made = 0;
  const build = async (role: Side): Promise<Home> => {
    const host = `127.0.0.${firstHost + made}`;
    const name = `${role}-${made++}`;
    const ports = { initPorts: [initPort], allocPorts: [allocPort] };
    const sim = await startSim({
      role,
      host,
      port,
      itlMs: ITL_MS,
      kvConnector: "lmcache",
      ...(role === "decode" ? ports : { proxyHost: "127.0.0.1", proxyPort }),
    }, 100 + made);
    stack.use(sim);
    return { name, role, host, port, url: sim.url, ...ports, sim };
  };
  const single = stack.use(await startSim({ role: "any" }, 300));
  const right = await Promise.all(
    BODIES.map(async (body) => comparable(await post(`${single.url}/v1/completions`, body))),
  );
  const homes: Home[] = [];
  for (const role of ["prefill", "decode"] as const) {
    for (let index = 0; index < engines; index++) homes.push(await build(role));
  }
  const ground: Ground = { homes: [...homes], port, proxyPort, initPort, allocPort };
  await using orchestrator = await start(ground);
  const { routerUrl, adminUrl } = orchestrator;
  for (const home of homes) await serves(routerUrl, home);
  const load = new Load(routerUrl, right);
  load.begin(clients);
  try {
    for (let index = 0; index < homes.length; index++) {
      const old = homes[index];
      if (old === undefined) continue;
      await orchestrator.leaves(old);
      await idle(adminUrl, old);
      await orchestrator.goes(old);
      await old.sim[Symbol.asyncDispose]();
      const fresh = await build(old.role);
      homes[index] = fresh;
      await orchestrator.comes(fresh);
      await serves(routerUrl, fresh);
      load.check();
    }
    await even(homes, load);
  } finally {
    await load.end();
  }
  load.check();
  const served = homes.map(({ sim }) => sim.stats());
  for (const { plainOnSender, staleReads, doubleUses } of served) {
    assertEquals({ plainOnSender, staleReads, doubleUses }, {
      plainOnSender: 0,
      staleReads: 0,
      doubleUses: 0,
    });
  }
}

/** Wait until the router has heard from an engine. */
async function serves(routerUrl: string, { url, name }: Home): Promise<void> {
  let seen = "";
  await eventually(
    async () => {
      seen = await (await fetch(`${routerUrl}/engines`)).text();
      const engines: readonly {
        readonly url?: string;
        readonly serving_models?: readonly string[];
      }[] = JSON.parse(seen);
      return engines.some((engine) => engine.url === url && engine.serving_models?.includes(MODEL));
    },
    () => `${name} (${url}) serves: ${seen.slice(0, 2_000)}`,
    DEADLINE_MS,
  );
}

/** Wait until the router has nothing more for an engine that leaves. */
async function idle(adminUrl: string, { url, name }: Home): Promise<void> {
  const { host } = new URL(url);
  let seen = "";
  await eventually(
    async () => {
      const answer = await ask(adminUrl, "GET", `/admin/engines/${encodeURIComponent(host)}`);
      seen = JSON.stringify(answer.json);
      return answer.json.state === "drained";
    },
    () => `${name} is idle: ${seen}`,
    DEADLINE_MS,
  );
}

/** Wait until all engines of a role get about as many requests as one another. */
async function even(homes: readonly Home[], load: Load): Promise<void> {
  const counts = (): readonly number[] =>
    homes.map(({ sim }) => sim.stats().requestsByPath["/v1/completions"] ?? 0);
  let shown = "";
  const since = performance.now();
  await eventually(
    async () => {
      const before = counts();
      await load.more(50 * homes.length);
      const grown = counts().map((count, index) => count - (before[index] ?? 0));
      shown = JSON.stringify(grown);
      return (["prefill", "decode"] as const).every((role) => {
        const shares = grown.filter((_, index) => homes[index]?.role === role);
        return Math.min(...shares) * 2 >= Math.max(...shares);
      });
    },
    () => shown,
    DEADLINE_MS,
  );
  // What a busy machine takes to answer so many is not the router's.
  assert(load.rate() < 100 || performance.now() - since < EVEN_MS, shown);
}

/** Clients that ask again and again, and compare what they get. */
class Load {
  readonly #url: string;
  readonly #right: readonly ComparableAnswer[];
  readonly #running: Promise<void>[] = [];
  readonly #wrong: string[] = [];
  #began = 0;
  #answered = 0;
  #stopped = false;

  constructor(routerUrl: string, right: readonly ComparableAnswer[]) {
    this.#url = `${routerUrl}/v1/completions`;
    this.#right = right;
  }

  begin(clients: number): void {
    this.#began = performance.now();
    for (let client = 0; client < clients; client++) this.#running.push(this.#run(client));
  }

  /** Fails where an answer was wrong. */
  check(): void {
    assertEquals(this.#wrong.slice(0, 3), []);
  }

  /** Answers in a second. */
  rate(): number {
    return this.#answered / ((performance.now() - this.#began) / 1000);
  }

  /** Wait for so many more answers. */
  async more(count: number): Promise<void> {
    const enough = this.#answered + count;
    await eventually(
      () => this.#answered >= enough || this.#wrong.length > 0,
      () => `${this.#answered} of ${enough} answers`,
      DEADLINE_MS,
    );
    this.check();
  }

  async end(): Promise<void> {
    this.#stopped = true;
    await Promise.all(this.#running);
  }

  async #run(client: number): Promise<void> {
    for (let turn = client; !this.#stopped && this.#wrong.length === 0; turn++) {
      const index = turn % BODIES.length;
      try {
        const answer = await comparable(await post(this.#url, BODIES[index]));
        const [ours, theirs] = [answer, this.#right[index]].map(told);
        if (ours !== theirs) this.#wrong.push(`${ours} is not ${theirs}`);
      } catch (error) {
        this.#wrong.push(String(error));
      }
      this.#answered++;
    }
  }
}

/** What has to be equal of two answers, as text. */
function told(answer: ComparableAnswer | undefined): string {
  if (answer === undefined) return "nothing";
  const { status, text, finishReason, errors, done } = answer;
  return JSON.stringify({ status, text, finishReason, errors, done });
}
