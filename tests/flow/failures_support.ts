/** A whole router in memory, one request that meets a fault, and what came of it. @module */
import type { Got } from "../../scripts/readme/failures.ts";
import { assert } from "../support/assert.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { FakeServer } from "../support/http_fakes.ts";
import { engineAt, type RouterChanges, startRouter, type TestEngine } from "../support/router.ts";
import type { WireRequest } from "../support/wire_engines.ts";
import { FailingEngines, type Fault, PROMPT, WORDS } from "./failing_engines.ts";

/** How long everything may take, in milliseconds: each wait another time. */
export const LIMITS = {
  connectMs: 1_000,
  tokenizeMs: 4_000,
  prefillMs: 7_000,
  prefillMsPerToken: 0,
  firstByteMs: 9_000,
  wholeAnswerMs: 11_000,
  streamIdleMs: 6_000,
} as const;
export const KV_READY_MS = 5_000;

/** A fault, and the request that meets it. */
export interface Meeting extends Fault {
  readonly stream: boolean;
  /** Engines of each role. */
  readonly engines: number;
  /**
   * What becomes of a request that no pair is left for.
   * @default "error"
   */
  readonly policy?: "direct" | "error";
  /** Failures in a row that shut an engine. One shuts a pair. */
  readonly engineFailures: number;
  /** How long a request may take over all, in milliseconds. */
  readonly requestMs?: number;
}

/** When an engine that owes answers is asked for a sign of life, in milliseconds. */
export const FROZEN_AFTER_MS = 1_500;

/** What came of a request. */
export interface Met {
  /** `cut`: a body that was cut short. */
  readonly got: Got | "cut";
  /** The answer's status, and when it says the client may come again. */
  readonly status: number;
  readonly retryAfter: string | null;
  /** How long the client waited, in milliseconds. */
  readonly tookMs: number;
  /** Who was asked for what, as `leg engine`. */
  readonly asked: readonly string[];
  /** All that engines were sent. */
  readonly requests: readonly WireRequest[];
  /** Counters that moved, by name and labels. */
  readonly counted: ReadonlyMap<string, number>;
  /** Engines, and pairs as `p1+d1`, that were gone around when the answer had ended. */
  readonly shut: readonly string[];
  /** What is held at last; all zero. */
  readonly left: Readonly<Record<string, number>>;
}

/** Have one request meet a fault. */
export async function meet(meeting: Meeting): Promise<Met> {
  const engines = new FailingEngines(meeting);
  const server = new FakeServer();
  const clock = new FakeClock();
  await using router = await startRouter(
    fleetOf(meeting),
    changesOf(meeting, { engines, server, clock }),
  );
  await goOn(clock, router.app.probed);
  await clock.advance(QUIET_MS);
  const timers = clock.pending;
  const ask = (): Promise<Response> =>
    server.fetch("/v1/completions", {
      model: "m",
      prompt: meeting.phase === "tokenize" ? "hi" : PROMPT,
      max_tokens: 4,
      stream: meeting.stream,
    });
  // A restarted engine has ended connections that were kept of requests before.
  for (let warm = 0; meeting.failure === "restart" && warm < 2 * meeting.engines; warm++) {
    await goOn(clock, ask().then((answer) => answer.text()));
  }
  const before = await counters(server);
  const beganMs = clock.now();
  engines.strike();
  const answer = await goOn(clock, ask());
  const body = await goOn(clock, bodyOf(answer));
  const tookMs = clock.now() - beganMs;
  const shut = await shutOf(server);
  const ended = (): Readonly<Record<string, number>> => ({
    ...router.app.stats(),
    ...router.app.admission(),
    timers: Math.max(0, clock.pending - timers),
  });
  await waitFor(clock, () => Object.values(ended()).every((count) => count === 0));
  const left = ended();
  const after = await counters(server);
  return {
    got: gotOf(answer, body),
    status: answer.status,
    retryAfter: answer.headers.get("retry-after"),
    tookMs,
    asked: engines.asked,
    requests: engines.requests,
    counted: new Map(
      [...after].map(([name, value]) => [name, value - (before.get(name) ?? 0)] as const)
        .filter(([, value]) => value !== 0),
    ),
    shut,
    left,
  };
}

/** Longer than connections are kept. */
const QUIET_MS = 10_000;

interface Surroundings {
  readonly engines: FailingEngines;
  readonly server: FakeServer;
  readonly clock: FakeClock;
}

function changesOf(meeting: Meeting, { engines, server, clock }: Surroundings): RouterChanges {
  const { way, policy = "error", engineFailures, requestMs = 3_600_000 } = meeting;
  return {
    clock,
    unprobed: true,
    timeouts: LIMITS,
    handoff: way === "nixl" ? { kind: "nixl" } : { kvReadyTimeoutMs: KV_READY_MS },
    requests: { timeoutMs: requestMs },
    health: {
      failurePolicy: policy,
      fallbackShare: 1,
      engineFailures,
      pairFailures: 1,
      frozenAfterMs: FROZEN_AFTER_MS,
    },
    ports: {
      front: server.start,
      dial: engines.wire.dial,
      bindPull: engines.pull.bind,
      breather: { tired: () => false, pause: () => Promise.resolve() },
    },
  };
}

function fleetOf({ phase, way, engines }: Meeting): readonly TestEngine[] {
  const numbers = Array.from({ length: engines }, (_, index) => index + 1);
  if (phase.startsWith("direct")) return numbers.map((n) => engineAt(`http://a${n}`, "any"));
  const receiver = way === "nixl" ? {} : {
    nixl: { host: "127.0.0.1", initPorts: [7300], allocPorts: [7400], modes: [way] },
  };
  return [
    ...numbers.map((n) => engineAt(`http://p${n}`, "prefill")),
    ...numbers.map((n) => engineAt(`http://d${n}`, "decode", receiver)),
  ];
}

/** A step of time, in milliseconds; all limits are some of them. */
const STEP_MS = 500;

/** No wait of these tests is longer, in steps. */
const MAX_STEPS = 600;

/** Turns of the event loop in which the body of a request comes. */
const TURNS = 5;

/** Let time go by until `work` has ended. */
async function goOn<T>(clock: FakeClock, work: Promise<T>): Promise<T> {
  let ended = false;
  const result = work.finally(() => ended = true);
  result.catch(() => {});
  for (let turn = 0; turn < TURNS && !ended; turn++) {
    await nextTurn();
    // What waits for a turn, and for no time.
    await clock.advance(0);
  }
  for (let step = 0; !ended; step++) {
    assert(step < MAX_STEPS, "it does not end");
    await clock.advance(STEP_MS);
    await nextTurn();
  }
  return await result;
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0));
}

/** Let time go by until `holds` does, in vain at last. */
async function waitFor(clock: FakeClock, holds: () => boolean): Promise<void> {
  for (let step = 0; step < MAX_STEPS && !holds(); step++) {
    await clock.advance(STEP_MS);
  }
}

interface Body {
  readonly text: string;
  readonly isCut: boolean;
}

async function bodyOf(answer: Response): Promise<Body> {
  let text = "";
  try {
    for await (const bytes of answer.body ?? []) text += new TextDecoder().decode(bytes);
    return { text, isCut: false };
  } catch {
    return { text, isCut: true };
  }
}

function gotOf({ status, headers }: Response, { text, isCut }: Body): Got | "cut" {
  if (isCut) return "cut";
  const [, error = ""] = /"error":(\{.*\})\}/.exec(text) ?? [];
  const said = [...text.matchAll(/"text":"([^"]*)"/g)].map(([, part]) => part).join("");
  if (error === "") return said === " one two three" ? "right" : "as it came";
  const { message, code }: { readonly message: string; readonly code: number } = JSON.parse(error);
  const told = message === WORDS ? "its words" : code === 502 ? "502" : code === 504 ? "504" : "";
  if (told !== "" && status === code) return told;
  const isStream = headers.get("content-type")?.startsWith("text/event-stream") === true;
  return told !== "" && isStream ? `event: ${told}` : "as it came";
}

async function counters(server: FakeServer): Promise<ReadonlyMap<string, number>> {
  const text = await (await server.fetch("/metrics")).text();
  const found = text.matchAll(/^pd_router_(\w+?)((?:\{.*\})?) (\S+)$/gm);
  return new Map([...found].map(([, name, labels, value]) => [`${name}${labels}`, Number(value)]));
}

interface Listed {
  readonly engine_id: string;
  readonly verdict?: string;
  readonly shut_pairs?: readonly { readonly engine_id: string }[];
}

async function shutOf(server: FakeServer): Promise<readonly string[]> {
  const listed: readonly Listed[] = await (await server.fetch("/engines")).json();
  const nameOf = (id: string): string => id.replace(/:80$/, "");
  return listed.flatMap(({ engine_id: id, verdict, shut_pairs: pairs = [] }) => [
    ...(verdict === undefined ? [] : [nameOf(id)]),
    ...pairs.map((other) => `${nameOf(id)}+${nameOf(other.engine_id)}`),
  ]);
}
