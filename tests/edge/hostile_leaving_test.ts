/** Clients that leave in every phase of every kind of request, beside a stream that goes on. */
import { seededRandom } from "../../lib/base/mod.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { comparable } from "../support/answers.ts";
import { type Cluster, type ClusterShape, MODEL, startCluster } from "../support/cluster.ts";
import { eventually } from "../support/eventually.ts";
import { rawConnection } from "../support/raw_request.ts";
import { post } from "../support/router.ts";
import { socketsOf } from "../support/sockets.ts";

/** Tokens of every answer: 8 s at the engines' pace. */
const TOKENS = 2_000;

/** What clients ask for, each with more tokens than anybody waits for. */
interface Kind {
  readonly path: string;
  readonly body: (index: number) => Record<string, unknown>;
  /** Served by one engine alone. */
  readonly direct?: true;
}

const COMPLETIONS = "/v1/completions";
const CHAT = "/v1/chat/completions";

const KINDS: readonly Kind[] = [
  { path: COMPLETIONS, body: (index) => ({ prompt: story(index), stream: true }) },
  { path: COMPLETIONS, body: (index) => ({ prompt: story(index) }) },
  { path: COMPLETIONS, body: (index) => ({ prompt: story(index), n: 2 }), direct: true },
  {
    path: COMPLETIONS,
    body: (index) => ({ prompt: [story(index), story(index + 1_000)], stream: true }),
  },
  { path: CHAT, body: (index) => ({ messages: chat(index), stream: true }) },
  { path: CHAT, body: (index) => ({ messages: chat(index) }) },
  { path: CHAT, body: (index) => ({ messages: chat(index), n: 2 }), direct: true },
];

function story(index: number): string {
  return `Story ${index} [[sim:len 2000]]`;
}

function chat(index: number): readonly unknown[] {
  return [{ role: "user", content: story(index) }];
}

/** A moment at which clients leave. */
interface Phase {
  readonly reached: (cluster: Cluster, before: Figures) => boolean;
  /** Only requests that are handed off have it, or only where KV is notified of. */
  readonly needs?: "handoff" | "notifications";
}

const PHASES: readonly Phase[] = [
  { reached: () => true },
  {
    reached: (cluster, before) => figures(cluster).prefillAsked > before.prefillAsked,
    needs: "handoff",
  },
  { reached: ({ router }) => router.app.stats().waiters > 0, needs: "notifications" },
  { reached: (cluster, before) => figures(cluster).decodeAsked > before.decodeAsked },
  { reached: (cluster, before) => figures(cluster).tokens > before.tokens + 20 },
];

interface Figures {
  readonly prefillAsked: number;
  readonly decodeAsked: number;
  readonly tokens: number;
}

function figures({ prefills, decodes }: Cluster): Figures {
  const asked = (engines: Cluster["decodes"]): number =>
    engines.flatMap((engine) => Object.entries(engine.stats().requestsByPath))
      .reduce((sum, [path, count]) => sum + (path.startsWith("/v1/") ? count : 0), 0);
  return {
    prefillAsked: asked(prefills),
    decodeAsked: asked(decodes),
    tokens: decodes.reduce((sum, engine) => sum + engine.stats().generationTokens, 0),
  };
}

const SHAPES: Readonly<Record<string, ClusterShape>> = {
  "P1": {},
  "D1": { modes: ["d1"] },
  "NixlConnector": { protocol: "nixl" },
};

/** The bystander's request, whose answer is known of an engine that has no router before it. */
const ASK = { model: MODEL, prompt: "A bystander [[sim:len 250]]", max_tokens: 250, stream: true };

for (const [name, shape] of Object.entries(SHAPES)) {
  for (const seed of [1, 2]) {
    Deno.test(`clients that leave in every phase leave nothing, ${name}, seed ${seed}`, async () => {
      await using cluster = await startCluster({
        prefills: 2,
        decodes: 2,
        prefill: { ttftMs: 10, notify: 10 },
        decode: { itlMs: 4, ttftMs: 10 },
        ...shape,
      });
      const right = await comparable(await post(`${cluster.single.url}/v1/completions`, ASK));
      const { port } = cluster.router.app.address;
      const bystanding = post(`${cluster.url}/v1/completions`, ASK).then(comparable);
      const random = seededRandom(seed);
      const pick = <T>(list: readonly T[]): T => {
        const chosen = list[Math.floor(random.next() * list.length)];
        assert(chosen !== undefined);
        return chosen;
      };
      for (let index = 0; index < 30; index++) {
        const { path, body, direct } = pick(KINDS);
        const { reached } = pick(
          PHASES.filter(({ needs }) =>
            needs === undefined || direct !== true &&
              (needs === "handoff" || shape.protocol === undefined)
          ),
        );
        const ask = {
          model: MODEL,
          max_tokens: TOKENS,
          ...body(index),
        };
        await leave(cluster, path, ask, reached);
      }
      assertEquals(await bystanding, right, "the bystander has the answer of an engine alone");
      await cluster.quiet();
      // The bystander's connection is kept by its client.
      await eventually(() => socketsOf(port) <= 1, () => `${socketsOf(port)} connections`);
      for (const engine of [...cluster.decodes, ...cluster.prefills]) {
        const { staleReads, doubleUses, expired, heldKv, runningNow, deaths } = engine.stats();
        assertEquals([staleReads, doubleUses, expired, heldKv, runningNow, deaths], [
          0,
          0,
          0,
          0,
          0,
          0,
        ]);
      }
      // Far less than was asked for: nobody decodes for those who left.
      const { tokens } = figures(cluster);
      assert(tokens < 250 + 30 * TOKENS / 2, `${tokens} tokens`);
    });
  }
}

for (const [name, shape] of Object.entries(SHAPES)) {
  for (const kind of KINDS.filter(({ body }) => body(0)["stream"] !== true)) {
    const { path, body } = kind;
    const { n = 1 } = body(0);
    Deno.test(`a whole answer that is left is not decoded to its end, ${name}, ${path}, n = ${n}`, async () => {
      await using cluster = await startCluster({ decode: { itlMs: 4 }, ...shape });
      const ask = { model: MODEL, max_tokens: TOKENS, ...body(0) };
      const running = (): boolean =>
        cluster.decodes.some((engine) => engine.stats().runningNow > 0);
      await leave(cluster, path, ask, running);
      await cluster.quiet();
      const { tokens } = figures(cluster);
      // A second of them at most is for nobody.
      assert(tokens < Number(n) * TOKENS / 2, `${tokens} tokens`);
      for (const engine of [...cluster.decodes, ...cluster.prefills]) {
        const { staleReads, doubleUses, expired, heldKv, runningNow, deaths } = engine.stats();
        assertEquals({ staleReads, doubleUses, expired, heldKv, runningNow, deaths }, {
          staleReads: 0,
          doubleUses: 0,
          expired: 0,
          heldKv: 0,
          runningNow: 0,
          deaths: 0,
        });
      }
    });
  }
}

/** Ask by a connection of one's own, and close it when `phase` holds. */
async function leave(
  cluster: Cluster,
  path: string,
  body: Record<string, unknown>,
  reached: Phase["reached"],
): Promise<void> {
  const before = figures(cluster);
  const text = JSON.stringify(body);
  using client = await rawConnection(cluster.router.app.address.port);
  await client.send(
    `POST ${path} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n` +
      `content-length: ${text.length}\r\nconnection: close\r\n\r\n${text}`,
  );
  let over = false;
  const reading = client.rest().then(() => over = true);
  await eventually(() => over || reached(cluster, before), () => "the phase to leave in");
  client[Symbol.dispose]();
  await reading;
}
