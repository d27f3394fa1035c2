import type { SimEngine } from "../../lib/sim/mod.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { type Cluster, type ClusterShape, MODEL, startCluster, total } from "../support/cluster.ts";
import { eventually } from "../support/eventually.ts";
import { post, type RouterChanges } from "../support/router.ts";
import { type Told, told } from "../support/told.ts";

/** No engine is gone around for the failures that are made here. */
const ROUTER: RouterChanges = {
  health: { continueStreams: true, engineFailures: 10_000, pairFailures: 10_000, retryShare: 1 },
  handoff: { kvReadyTimeoutMs: 2_000 },
};

const WAYS = {
  "P1": {},
  "D1": { modes: ["d1"] },
  "nixl": { protocol: "nixl" },
  "shared storage": { protocol: "shared_storage" },
} as const satisfies Readonly<Record<string, ClusterShape>>;

interface Asked {
  readonly path: string;
  readonly body: Record<string, unknown>;
}

function asked(chat: boolean, say: string, more: Record<string, unknown> = {}): Asked {
  const text = `Tell me of it. [[sim:${say}]]`;
  return {
    path: chat ? "/v1/chat/completions" : "/v1/completions",
    body: {
      model: MODEL,
      temperature: 0,
      max_tokens: 40,
      stream: true,
      stream_options: { include_usage: true },
      ...(chat ? { messages: [{ role: "user", content: text }] } : { prompt: text }),
      ...more,
    },
  };
}

function read(url: string, { path, body }: Asked): Promise<Told> {
  return post(url + path, body).then((answer) => told(answer, "stop" in body));
}

async function continuations(cluster: Cluster, result: string): Promise<number> {
  const metrics = await (await fetch(`${cluster.url}/metrics`)).text();
  const line = metrics.split("\n").find((text) =>
    text.startsWith(`pd_router_stream_continuations_total{result="${result}"}`)
  );
  return Number(line?.split(" ").at(-1) ?? 0);
}

/** Every decode engine's next stream dies after so many events. */
function doom(cluster: Cluster, events: number, engines: number = cluster.decodes.length): void {
  cluster.decodes.forEach(({ faults }, index) => {
    faults.dieMidStream = index < engines ? 1 : false;
    faults.dieAfterEvents = events;
    faults.paths = ["/v1/completions", "/v1/chat/completions"];
  });
}

/** Events of a relay before its first token: until then it is handed off again. */
function openingOf({ modes, protocol }: ClusterShape, { path }: Asked): number {
  if (modes === undefined && protocol === undefined) return 0;
  return path === "/v1/completions" ? 1 : 2;
}

/** Whatever event it dies behind, the client has what one engine answers. */
async function diesAnywhere(
  shape: ClusterShape,
  requests: readonly Asked[],
  { last, step = 1 }: { readonly last: number; readonly step?: number },
  ready: (cluster: Cluster) => void = () => {},
): Promise<void> {
  await using cluster = await startCluster({ router: ROUTER, ...shape });
  ready(cluster);
  for (const request of requests) {
    const right = await read(cluster.single.url, request);
    for (let events = openingOf(shape, request); events <= last; events += step) {
      doom(cluster, events);
      assertEquals(
        await read(cluster.url, request),
        right,
        JSON.stringify({ events, ...request }),
      );
    }
  }
  doom(cluster, 0, 0);
  await cluster.quiet();
  assertEquals(total(cluster.decodes, "staleReads"), 0);
  assert(await continuations(cluster, "continued") >= requests.length * 2);
}

const CHARACTERS = "say é世界 🙂🙂 ñandú 世";
const FEATURES: Readonly<Record<string, (chat: boolean) => Asked>> = {
  "plain": (chat) => asked(chat, "len 30"),
  "characters of several tokens": (chat) => asked(chat, CHARACTERS),
  "logprobs and ids": (chat) =>
    asked(chat, "len 30", {
      ...(chat ? { logprobs: true, top_logprobs: 2 } : { logprobs: 2 }),
      return_token_ids: true,
      stream_options: { include_usage: true, continuous_usage_stats: true },
    }),
  "logprobs of characters": (chat) =>
    asked(chat, CHARACTERS, chat ? { logprobs: true, top_logprobs: 1 } : { logprobs: 1 }),
  "a stop string": (chat) =>
    asked(chat, "say one two three STOPPED and more of it", { stop: ["STOPPED and", "zz"] }),
  "a stop string that is said": (chat) =>
    asked(chat, "say one two 世STOP and more", {
      stop: ["世STOP"],
      include_stop_str_in_output: true,
    }),
  "a limit and a least number": (chat) =>
    asked(chat, "len 10", { max_tokens: 14, min_tokens: 12, ignore_eos: true }),
};

for (const [way, shape] of Object.entries(WAYS)) {
  for (const [feature, of] of Object.entries(FEATURES)) {
    Deno.test(`${way}: a stream that dies after any event is gone on with: ${feature}`, async () => {
      const two = { prefills: 1, decodes: 2, ...shape };
      await diesAnywhere(two, [of(false), of(true)], { last: 34 });
    });
  }
}

for (const [way, shape] of Object.entries(WAYS)) {
  Deno.test(`${way}: a stream that dies behind ends that are ignored is gone on with`, async () => {
    const request = asked(false, "len 6", { max_tokens: 18, ignore_eos: true });
    await diesAnywhere({ prefills: 1, decodes: 2, ...shape }, [request], { last: 16 });
  });
}

const LOGPROBS = FEATURES["logprobs of characters"] ?? ((chat) => asked(chat, CHARACTERS));
const STOP = FEATURES["a stop string"] ?? ((chat) => asked(chat, CHARACTERS));

const ENGINES: Readonly<Record<string, ClusterShape>> = {
  "three tokens an event": { decode: { streamInterval: 3 } },
  "a slow detokenizer": { prefill: { detokenizer: "slow" }, decode: { detokenizer: "slow" } },
};

for (const [way, shape] of Object.entries(WAYS)) {
  for (const [engine, options] of Object.entries(ENGINES)) {
    Deno.test(`${way}: a stream that dies is gone on with: ${engine}`, async () => {
      const two = { decodes: 2, ...shape, ...options };
      await diesAnywhere(two, [LOGPROBS(false), STOP(true)], { last: 12 });
    });
  }

  Deno.test(`${way}: a stream that dies is gone on with, whatever cuts its bytes arrive in`, async () => {
    for (
      const [splitBytes, request] of [["byte", STOP(false)], ["random", LOGPROBS(true)]] as const
    ) {
      const two = { decodes: 2, ...shape };
      await diesAnywhere(two, [request], { last: 12, step: 10 }, (cluster) => {
        for (const { faults } of cluster.decodes) faults.splitBytes = splitBytes;
      });
    }
  });

  Deno.test(`${way}: the only pair goes on where its engine is there again`, async () => {
    const request = asked(true, "len 20");
    await diesAnywhere(shape, [request], { last: 22, step: 5 });
  });

  Deno.test(`${way}: a stream that hangs or fails otherwise is gone on with`, async () => {
    const router = { ...ROUTER, timeouts: { streamIdleMs: 300 } };
    // What comes with the first events is seen before they leave.
    const slow = { decodes: 2, decode: { itlMs: 4 }, router, ...shape };
    await using cluster = await startCluster(slow);
    for (const fault of ["hangMidStream", "errorEvent", "finishError"] as const) {
      for (const chat of [false, true]) {
        const request = asked(chat, "len 20");
        const right = await read(cluster.single.url, request);
        for (const { faults } of cluster.decodes) {
          faults[fault] = 1;
          faults.hangAfterEvents = faults.errorAfterEvents = 7;
          faults.paths = ["/v1/completions", "/v1/chat/completions"];
        }
        assertEquals(await read(cluster.url, request), right, `${fault}, chat ${chat}`);
        for (const { faults } of cluster.decodes) faults[fault] = false;
      }
    }
    await cluster.quiet();
    assertEquals(total(cluster.decodes, "staleReads"), 0);
  });

  Deno.test(`${way}: an engine that freezes is gone around, or there is one error event`, async () => {
    for (const decodes of [2, 1]) {
      const router = { ...ROUTER, timeouts: { streamIdleMs: 300, connectMs: 300 } };
      const slow = { decodes, decode: { itlMs: 10 }, router, ...shape };
      await using cluster = await startCluster(slow);
      const request = asked(true, "len 35");
      const right = await read(cluster.single.url, request);
      for (const { faults } of cluster.decodes) {
        Object.assign(faults, { hangMidStream: 1, hangAfterEvents: 5, paths: [request.path] });
        faults.paths.push("/v1/completions");
      }
      const reading = read(cluster.url, request);
      const busy = (): SimEngine | undefined =>
        cluster.decodes.find(({ faults }) => faults.hangMidStream === 0);
      await eventually(() => busy() !== undefined, () => "a stream");
      const frozen = busy();
      assert(frozen);
      frozen.faults.frozen = true;
      for (const { faults } of cluster.decodes) faults.hangMidStream = false;
      const ours = await reading;
      frozen.faults.frozen = false;
      if (decodes === 2) assertEquals(ours, right);
      else assertEquals([ours.choice["error"] !== undefined, ours.done], [true, 0]);
      assertEquals(await continuations(cluster, decodes === 2 ? "continued" : "no_pair"), 1);
      await cluster.quiet();
    }
  });

  Deno.test(`${way}: a stream that cannot be gone on with ends with one error event`, async () => {
    await using cluster = await startCluster({ decodes: 2, router: ROUTER, ...shape });
    const cases: readonly (readonly [string, Asked, boolean | number])[] = [
      ["too_many", asked(true, "len 30"), true],
      ["none", asked(true, "len 30", { presence_penalty: 0.5 }), 1],
      ["none", asked(false, "len 30", { frequency_penalty: 0.5 }), 1],
    ];
    for (const [result, request, when] of cases) {
      const right = await read(cluster.single.url, request);
      const before = await continuations(cluster, result);
      doom(cluster, 6);
      for (const { faults } of cluster.decodes) faults.dieMidStream = when;
      const ours = await read(cluster.url, request);
      const { error, text = "", content = text, ...choice } = ours.choice;
      assertEquals([error !== undefined, ours.done, choice["finish_reason"]], [true, 0, undefined]);
      const whole = right.choice["text"] ?? right.choice["content"];
      assert(String(whole).startsWith(String(content)) && content !== "", String(content));
      const more = result === "none" ? 0 : 1;
      assertEquals(await continuations(cluster, result) - before, more, result);
    }
    doom(cluster, 0, 0);
    await cluster.quiet();
  });

  for (const phase of ["prefill", "decode"] as const) {
    Deno.test(`${way}: a client that leaves during the ${phase} of a continuation leaves nothing`, async () => {
      const ttft = { [phase]: { ttftMs: 250, ...(phase === "decode" ? { itlMs: 1 } : {}) } };
      await using cluster = await startCluster({ decodes: 2, router: ROUTER, ...ttft, ...shape });
      doom(cluster, 5);
      const engines = phase === "prefill" ? cluster.prefills : cluster.decodes;
      const { path, body } = asked(false, "len 30");
      const controller = new AbortController();
      const { signal } = controller;
      const leaving = post(cluster.url + path, body, { signal }).then((answer) => answer.text());
      const left = leaving.then(() => false, () => true);
      const count = (): number =>
        engines.reduce((sum, engine) => sum + (engine.stats().requestsByPath[path] ?? 0), 0);
      await eventually(() => count() === 2, () => `the second ${phase}`);
      controller.abort();
      assert(await left, "the client has left");
      doom(cluster, 0, 0);
      await cluster.quiet();
      assertEquals(total(cluster.decodes, "staleReads"), 0);
      for (const engine of cluster.prefills) {
        assertEquals(engine.stats().abortedBeforeFirstToken, 0);
      }
    });
  }
}

Deno.test("without --continue-streams a stream that dies ends with one error event", async () => {
  for (const shape of Object.values(WAYS)) {
    await using cluster = await startCluster({ decodes: 2, ...shape });
    doom(cluster, 6);
    const ours = await read(cluster.url, asked(true, "len 30"));
    assertEquals([ours.choice["error"] !== undefined, ours.done], [true, 0]);
  }
});
