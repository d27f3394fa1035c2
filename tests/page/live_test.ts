import { Api, Refused } from "../../lib/page/assets/api.js";
import { follow, pauseMs } from "../../lib/page/assets/live.js";
import { EventDecoder } from "../../lib/page/assets/sse.js";
import { sleep as sleepOn } from "../../lib/base/mod.ts";
import { assertEquals, assertMatch, assertRejects } from "../support/assert.ts";
import { eventually } from "../support/eventually.ts";
import { FakeClock } from "../support/fake_clock.ts";

const TEXT = 'event: hello\ndata: {"interval":1}\n\n: note\n\nevent: fleet\ndata: {"é":1}\n\n';

Deno.test("EventDecoder gives the same events however the text is cut", () => {
  const expected = [
    { name: "hello", data: '{"interval":1}' },
    { name: "fleet", data: '{"é":1}' },
  ];
  for (let cut = 0; cut <= TEXT.length; cut++) {
    const decoder = new EventDecoder();
    const events = [...decoder.push(TEXT.slice(0, cut)), ...decoder.push(TEXT.slice(cut))];
    assertEquals(events, expected, `${cut}`);
  }
  const decoder = new EventDecoder();
  assertEquals([...TEXT].flatMap((character) => decoder.push(character)), expected);
});

Deno.test("pauseMs() doubles to a bound, a fifth shorter or longer by chance", () => {
  assertEquals([0, 1, 2, 3, 4, 5, 50].map((attempt) => pauseMs(attempt, 0.5)), [
    ...[500, 1_000, 2_000, 4_000, 8_000, 10_000, 10_000],
  ]);
  assertEquals([pauseMs(1, 0), pauseMs(1, 1)], [800, 1_200]);
});

interface Followed {
  readonly clock: FakeClock;
  readonly seen: string[];
  readonly over: AbortController;
  readonly ended: Promise<void>;
}

/** Follow what `opens` give, one after the other. */
function followed(opens: readonly (() => Promise<Response>)[]): Followed {
  const clock = new FakeClock();
  const seen: string[] = [];
  const over = new AbortController();
  const left = [...opens];
  const ended = follow({
    open: () => left.shift()?.() ?? Promise.reject(new TypeError("away")),
    onEvent: (name: string) => void seen.push(name),
    onOpen: () => void seen.push("open"),
    onLost: (why: unknown, pause: number) =>
      void seen.push(`lost ${(why as Error).message} ${pause}`),
    sleep: async (ms: number, signal: AbortSignal) => void await sleepOn(clock, ms, signal),
    random: () => 0.5,
    isFinal: (error: unknown) => error instanceof Refused && error.status === 401,
  }, over.signal);
  return { clock, seen, over, ended };
}

const answer = (text: string): () => Promise<Response> => () => Promise.resolve(new Response(text));

function until(seen: readonly string[], length: number): Promise<void> {
  return eventually(() => seen.length >= length, () => seen.join(", "));
}

Deno.test("follow() reads, begins again after a loss with growing pauses, and anew once it has read", async () => {
  const away = (): Promise<Response> => Promise.reject(new TypeError("away"));
  const { clock, seen, over, ended } = followed([answer(TEXT), away, away, answer(TEXT)]);
  await until(seen, 4);
  assertEquals(seen, ["open", "hello", "fleet", "lost The stream has ended 500"]);
  await clock.advance(500);
  await until(seen, 5);
  await clock.advance(1_000);
  await until(seen, 6);
  assertEquals(seen.slice(4), ["lost away 1000", "lost away 2000"]);
  await clock.advance(2_000);
  await until(seen, 10);
  assertEquals(seen.at(-1), "lost The stream has ended 500");
  over.abort();
  await ended;
  assertEquals(clock.pending, 0);
});

Deno.test("follow() gives up a stream of which nothing comes, and ends for what is final", async () => {
  const silent = (): Promise<Response> =>
    Promise.resolve(new Response(new ReadableStream({ pull: () => new Promise(() => {}) })));
  const refused = (): Promise<Response> => Promise.reject(new Refused(401, "a key is needed"));
  const { clock, seen, ended } = followed([silent, refused]);
  await until(seen, 1);
  await clock.advance(10_000);
  await until(seen, 2);
  assertMatch(seen[1] ?? "", /^lost Nothing has come for too long 500/);
  const error = assertRejects(() => ended, Refused);
  await clock.advance(500);
  await error;
  assertEquals(clock.pending, 0);
});

Deno.test("Api shows its key as long as it keeps one, and says what the router says", async () => {
  const kept = new Map<string, string>();
  const asked: [string, Record<string, string>][] = [];
  const api = new Api({
    fetch: (path, init) => {
      asked.push([`${init?.method} ${path}`, init?.headers as Record<string, string>]);
      const error = { error: { message: "The key is not known here" } };
      return Promise.resolve(
        path === "good" ? Response.json({ a: 1 }) : Response.json(error, { status: 401 }),
      );
    },
    storage: {
      getItem: (name) => kept.get(name) ?? null,
      setItem: (name, value) => void kept.set(name, value),
      removeItem: (name) => void kept.delete(name),
    },
  });
  assertEquals([api.hasKey, await api.json("GET", "good")], [false, { a: 1 }]);
  api.setKey("sk-1");
  const error = await assertRejects(() => api.ask("POST", "bad"), Refused);
  assertEquals([error.status, error.message], [401, "The key is not known here"]);
  assertEquals(asked, [
    ["GET good", {}],
    ["POST bad", { "content-type": "application/json", authorization: "Bearer sk-1" }],
  ]);
  api.setKey(undefined);
  assertEquals([api.hasKey, kept.size], [false, 0]);
});
