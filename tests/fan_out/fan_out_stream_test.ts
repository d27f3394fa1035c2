import { decodeUtf8, encodeUtf8, RouterError } from "../../lib/base/mod.ts";
import { FanOutStream } from "../../lib/fan_out/fan_out_stream.ts";
import { assert, assertEquals, assertStringIncludes } from "../support/assert.ts";
import { countListeners } from "../support/counted_signal.ts";
import { allCuts } from "../support/cuts.ts";
import { FakeBody } from "../support/fake_body.ts";
import { settle } from "../support/fake_clock.ts";
import { data, event, usageEvent } from "../support/scripted_pair.ts";
import { answerWith, type ListParts, listParts, streamOf } from "./support.ts";

// deno-lint-ignore no-explicit-any
type Json = any;

interface Fixture extends ListParts {
  readonly stream: FanOutStream;
  /** Have the prompt at `index` answered with `body`. */
  readonly answer: (index: number, body: FakeBody) => Promise<FakeBody>;
  /** Listeners to the list's end. */
  readonly listeners: () => number;
  /** The events of the next read; undefined at the end. */
  readonly read: () => Promise<readonly Json[] | undefined>;
}

interface Changes {
  readonly n?: number;
  readonly includeUsage?: boolean;
  readonly gone?: boolean;
}

/** The stream of a list of `size` prompts, of which `begun` are under way. */
function fixture(size: number, begun: number, changes: Changes = {}): Fixture {
  const { n = 1, includeUsage = true, gone = false } = changes;
  const parts = listParts(size);
  const { list, asked } = parts;
  const listeners = countListeners(list.signal);
  const prompts = list.begin(begun);
  if (gone) parts.client.controller.abort();
  const stream = new FanOutStream({
    list,
    begun: prompts,
    identity: { id: "cmpl-r", created: 17 },
    n,
    includeUsage,
  });
  return {
    ...parts,
    stream,
    listeners,
    answer: async (index, body) => {
      asked[index]?.answer.resolve(answerWith(body));
      await settle();
      return body;
    },
    read: async () => {
      const bytes = await stream.read();
      return bytes && eventsOf(decodeUtf8(bytes));
    },
  };
}

function eventsOf(text: string): readonly Json[] {
  return text.split("\n\n").filter((part) => part !== "").map((part) => {
    const json = part.slice("data: ".length);
    return json === "[DONE]" ? json : JSON.parse(json);
  });
}

/** All events to the end. */
async function allOf({ read }: Fixture): Promise<readonly Json[]> {
  const events: Json[] = [];
  for (let some = await read(); some !== undefined; some = await read()) events.push(...some);
  return events;
}

/** What each chunk says: the choice's index and its text. */
function saidBy(events: readonly Json[]): readonly string[] {
  return events.map((chunk) => {
    if (typeof chunk === "string") return chunk;
    if (chunk.error !== undefined) return `error ${chunk.error.message ?? chunk.error}`;
    const [choice] = chunk.choices;
    return choice === undefined ? "usage" : `${choice.index} ${choice.text}`;
  });
}

/** Whether nothing of the list is left, neither here nor at its client. */
async function assertOver(made: Fixture): Promise<void> {
  assertEquals(await made.read(), undefined);
  made.stream.cancel();
  assertEquals(await made.read(), undefined);
  await made.background.idle();
  assertEquals([made.listeners(), made.client.count()], [0, 0]);
}

Deno.test("FanOutStream puts the prompts' streams together, at any cut", async () => {
  for (const { name, pieces } of allCuts(encodeUtf8(streamOf(" b").join("")), 20)) {
    const made = fixture(2, 2, { n: 2 });
    await made.answer(0, new FakeBody(streamOf(" a")));
    const other = new FakeBody();
    other.sendBytes(pieces);
    other.end();
    await made.answer(1, other);
    const events = await allOf(made);
    assertEquals(events.at(-1), "[DONE]", name);
    assertEquals(
      saidBy(events).toSorted(),
      ["0  a", "0 !", "2  b", "2 !", "[DONE]", "usage"],
      name,
    );
    assert(events.slice(0, -1).every(({ id, created }) => id === "cmpl-r" && created === 17), name);
    assertEquals(events.at(-2).usage, {
      prompt_tokens: 10,
      completion_tokens: 4,
      total_tokens: 14,
    }, name);
    await assertOver(made);
  }
});

Deno.test("FanOutStream gives each prompt's chunks in its own order, as they come", async () => {
  const made = fixture(2, 2);
  const one = await made.answer(0, new FakeBody());
  const other = await made.answer(1, new FakeBody());
  other.send(event(" b"));
  assertEquals(saidBy(await made.read() ?? []), ["1  b"]);
  const next = made.read();
  one.send(event(" a"));
  assertEquals(saidBy(await next ?? []), ["0  a"]);
  other.send(event(" c"));
  one.send(event(" d"));
  assertEquals(saidBy(await made.read() ?? []), ["1  c", "0  d"]);
  made.stream.cancel();
  await assertOver(made);
});

Deno.test("FanOutStream reads no prompt further ahead than one read of its client's", async () => {
  const made = fixture(2, 2);
  const bodies = [new FakeBody(streamOf(" a")), new FakeBody(streamOf(" b"))];
  for (const [index, body] of bodies.entries()) await made.answer(index, body);
  await settle();
  assertEquals(bodies.map(({ reads }) => reads), [0, 0], "nothing has been asked for yet");
  for (let count = 1; count <= 2; count++) {
    await made.read();
    await settle();
    assertEquals(bodies.map(({ reads }) => reads), [count, count]);
  }
  made.stream.cancel();
  await assertOver(made);
});

Deno.test("FanOutStream begins a further prompt as one ends, and no sooner", async () => {
  const made = fixture(4, 2);
  const reading = allOf(made);
  await made.answer(0, new FakeBody());
  const second = await made.answer(1, new FakeBody());
  assertEquals(made.asked.length, 2);
  second.send(...streamOf(" b"));
  await settle();
  assertEquals(made.asked.length, 2, "its stream has not ended");
  second.end();
  await settle();
  assertEquals(made.asked.map(({ index }) => index), [0, 1, 2]);
  await made.answer(2, new FakeBody(streamOf(" c")));
  assertEquals(made.asked.map(({ index }) => index), [0, 1, 2, 3]);
  await made.answer(3, new FakeBody(streamOf(" d")));
  made.stream.cancel();
  assertEquals(saidBy(await reading), ["1  b", "1 !", "2  c", "2 !", "3  d", "3 !"]);
  await assertOver(made);
});

Deno.test("FanOutStream reports usage where it is asked for, and told", async () => {
  const rows: readonly (readonly [boolean, boolean, readonly string[]])[] = [
    [true, true, ["0  a", "0 !", "usage", "[DONE]"]],
    [false, true, ["0  a", "0 !", "[DONE]"]],
    [true, false, ["0  a", "0 !", "[DONE]"]],
  ];
  for (const [includeUsage, told, expected] of rows) {
    const made = fixture(1, 1, { includeUsage });
    const [text = "", last = "", , done = ""] = streamOf(" a");
    const pieces = told ? [text, last, usageEvent(5, 2), done] : [text, last, done];
    await made.answer(0, new FakeBody(pieces));
    assertEquals(saidBy(await allOf(made)), expected);
    await assertOver(made);
  }
});

Deno.test("FanOutStream reads an answer that comes whole", async () => {
  const made = fixture(1, 1);
  made.asked[0]?.answer.resolve(answerWith(encodeUtf8(streamOf(" a").join(""))));
  assertEquals(saidBy(await allOf(made)), ["0  a", "0 !", "usage", "[DONE]"]);
  await assertOver(made);
});

const BREAKS: readonly (readonly [
  name: string,
  act: (body: FakeBody) => void,
  message: string,
  code: RouterError["code"],
])[] = [
  [
    "an error event",
    (body) => body.send(data({ error: { message: "boom" } })),
    "boom",
    "decode-failed",
  ],
  [
    "an error event whose body knows why",
    (body) => {
      body.failure = new RouterError("kv-timeout", "too late");
      body.send(data({ error: { message: "boom" } }));
    },
    "boom",
    "kv-timeout",
  ],
  [
    "a broken read",
    (body) => body.break(new RouterError("upstream-timeout", "silent")),
    "silent",
    "upstream-timeout",
  ],
  ["what nobody expects", (body) => body.break(new TypeError("odd")), "could not", "internal"],
  ["an end without [DONE]", (body) => body.end(), "without [DONE]", "upstream-protocol"],
  ["an event that is none", (body) => body.send(data("{]")), "that is none", "upstream-protocol"],
  ["a choice without list", (body) => body.send(data({ a: 1 })), "no list", "upstream-protocol"],
  [
    "an event without end",
    (body) => {
      const piece = encodeUtf8(`data: ${"x".repeat(20 * 1024 * 1024)}`);
      body.sendBytes([piece, piece, piece, piece]);
    },
    "exceeds",
    "upstream-protocol",
  ],
];

for (const [name, act, message, code] of BREAKS) {
  Deno.test(`FanOutStream ends all with one error event after ${name}`, async () => {
    const made = fixture(4, 3);
    const other = await made.answer(0, new FakeBody());
    const body = await made.answer(1, new FakeBody());
    other.send(event(" a"));
    assertEquals(saidBy(await made.read() ?? []), ["0  a"]);
    act(body);
    const events = await made.read();
    assertEquals(events?.length, 1);
    assertStringIncludes(saidBy(events ?? [])[0] ?? "", message);
    assertEquals(made.stream.failure?.code, code);
    const ended = name === "an end without [DONE]";
    assertEquals([other.cancelled, body.cancelled], [true, !ended], "what goes on is given back");
    assert(made.asked.every(({ context }) => context.signal.aborted), "all are told");
    // The third has not been answered: what comes for it is given back.
    const late = await made.answer(2, new FakeBody());
    await assertOver(made);
    assertEquals([late.cancelled, made.asked.length], [true, 3]);
  });
}

Deno.test("FanOutStream gives what has come before a failure, and nothing behind it", async () => {
  const made = fixture(2, 2);
  const one = await made.answer(0, new FakeBody());
  const other = await made.answer(1, new FakeBody());
  const reading = made.read();
  one.send(event(" a") + data({ error: "boom" }) + event(" never"));
  other.send(event(" b"));
  assertEquals(saidBy(await reading ?? []).slice(0, 2), ["0  a", "error boom"]);
  await assertOver(made);
});

for (
  const [name, act, message, code] of [
    [
      "is refused",
      ({ asked }: Fixture) =>
        asked[2]?.answer.resolve(answerWith(encodeUtf8('{"error":"odd"}'), 400)),
      "odd",
      "bad-request",
    ],
    [
      "fails",
      ({ asked }: Fixture) => asked[2]?.answer.reject(new RouterError("no-engine", "none left")),
      "none left",
      "no-engine",
    ],
  ] as const
) {
  Deno.test(`FanOutStream ends all with one error event when a further prompt ${name}`, async () => {
    const made = fixture(3, 2);
    const other = await made.answer(0, new FakeBody());
    const reading = allOf(made);
    await made.answer(1, new FakeBody(streamOf(" b")));
    await settle();
    act(made);
    const events = saidBy(await reading);
    assertEquals(events.slice(0, -1), ["1  b", "1 !"]);
    assertStringIncludes(events.at(-1) ?? "", message);
    assertEquals([made.stream.failure?.code, other.cancelled], [code, true]);
    await assertOver(made);
  });
}

for (const by of ["signal", "cancel"] as const) {
  Deno.test(`FanOutStream gives everything back when the client goes, by ${by}`, async () => {
    const made = fixture(4, 3);
    const bodies = [new FakeBody(), new FakeBody()];
    for (const [index, body] of bodies.entries()) await made.answer(index, body);
    const pending = made.read();
    await settle();
    if (by === "signal") made.client.controller.abort();
    else made.stream.cancel();
    assertEquals(await pending, undefined);
    assert(bodies.every(({ cancelled }) => cancelled));
    assert(made.asked.every(({ context }) => context.signal.aborted));
    const late = await made.answer(2, new FakeBody());
    await assertOver(made);
    assertEquals([late.cancelled, made.stream.failure, made.asked.length], [true, undefined, 3]);
  });
}

Deno.test("FanOutStream gives back answers that nobody has asked for yet", async () => {
  const made = fixture(2, 2);
  const bodies = [new FakeBody(), new FakeBody()];
  for (const [index, body] of bodies.entries()) await made.answer(index, body);
  made.stream.cancel();
  await assertOver(made);
  assert(bodies.every(({ cancelled, reads }) => cancelled && reads === 0));
});

Deno.test("FanOutStream ends at once for a client that has gone already", async () => {
  const made = fixture(2, 2, { gone: true });
  assertEquals(await made.read(), undefined);
  const late = await made.answer(0, new FakeBody());
  made.asked[1]?.answer.reject(new RouterError("client-gone", "gone"));
  await assertOver(made);
  assert(late.cancelled);
});
