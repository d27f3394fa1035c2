import { assert, assertEquals } from "../support/assert.ts";
import { type Cluster, type ClusterShape, MODEL, startCluster, total } from "../support/cluster.ts";
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

/** Whatever event it dies behind, the client has what one engine answers. */
async function diesAnywhere(
  shape: ClusterShape,
  requests: readonly Asked[],
  last: number,
): Promise<void> {
  await using cluster = await startCluster({ router: ROUTER, ...shape });
  for (const request of requests) {
    const right = await read(cluster.single.url, request);
    // Before its first token a relay is handed off again.
    const opening = shape.modes === undefined && shape.protocol === undefined
      ? 0
      : request.path === "/v1/completions"
      ? 1
      : 2;
    for (let events = opening; events <= last; events++) {
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
  assert(await continuations(cluster, "continued") >= requests.length * 5);
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
      await diesAnywhere(two, [of(false), of(true)], 34);
    });
  }
}
