import { type AbortWatch, decodeUtf8, encodeUtf8, RouterError } from "../../lib/base/mod.ts";
import type { Flight } from "../../lib/fleet/mod.ts";
import { openDecode, type OpenEnd } from "../../lib/handoff/decode.ts";
import type { Continued } from "../../lib/handoff/continuation.ts";
import { EventPump, type Seam } from "../../lib/handoff/event_pump.ts";
import { HandoffStream, type HandoffStreamParts } from "../../lib/handoff/handoff_stream.ts";
import type { ReadyEnd } from "../../lib/handoff/open_when_ready.ts";
import { StreamWriter } from "../../lib/openai/mod.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { settle } from "../support/fake_clock.ts";
import { eventResponse, type FakeResponse } from "../support/fake_upstream.ts";
import { data, event, usageEvent } from "../support/scripted_pair.ts";
import { DECODE, handoffParts, type Parts, PREFILL } from "./support.ts";

const HEAD = encodeUtf8("data: head\n\n");
const REST = [event(" two"), event(" three", { finish_reason: "stop" }), usageEvent(4, 2)];

interface Fixture {
  readonly parts: Parts;
  readonly flight: Flight;
  readonly stream: HandoffStream;
  /** How the opening ends. */
  readonly opening: PromiseWithResolvers<ReadyEnd<OpenEnd>>;
  /** The signal it was given, once for each call. */
  readonly gone: AbortWatch[];
  /** The next bytes as text. */
  readonly read: () => Promise<string | undefined>;
}

interface Changes {
  readonly head?: Uint8Array | undefined;
  readonly continuation?: HandoffStreamParts["continuation"];
  readonly writer?: StreamWriter;
  readonly aborted?: boolean;
}

function fixture(changes: Changes = {}): Fixture {
  const parts = handoffParts();
  const { head = "head" in changes ? undefined : HEAD, aborted = false } = changes;
  if (aborted) parts.client.controller.abort();
  const flight = parts.fleet.take(DECODE, "decode", PREFILL);
  const opening = Promise.withResolvers<ReadyEnd<OpenEnd>>();
  const gone: AbortWatch[] = [];
  const identity = { form: "completions", id: "cmpl-r", created: 1, model: "m" } as const;
  const stream = new HandoffStream(parts.deps, {
    head,
    open: (signal) => {
      gone.push(signal);
      return opening.promise;
    },
    seam: {
      engine: DECODE,
      prefillUsage: undefined,
      continuousUsage: false,
      joiner: undefined,
      stops: undefined,
      begun: "",
      spelled: 0,
      tells: { tokenIds: false, logprobs: false },
    },
    writer: changes.writer ?? new StreamWriter(identity, { includeUsage: false }),
    flight,
    signal: parts.client.signal,
    timedOut: () => new RouterError("kv-timeout", "no KV in time"),
    continuation: changes.continuation,
  });
  const read = async (): Promise<string | undefined> => {
    const bytes = await stream.read();
    return bytes && decodeUtf8(bytes);
  };
  return { parts, flight, stream, opening, gone, read };
}

/** Have the decode leg open with `response`. */
async function open(
  { parts, flight, opening }: Fixture,
  response: FakeResponse,
): Promise<AbortWatch> {
  const abort = new AbortController();
  const ask = { flight, path: "/v1/completions", body: [encodeUtf8("{}")] };
  const end = openDecode(parts.deps, parts.context, ask, abort);
  parts.upstream.to(DECODE.url).answer(response);
  opening.resolve(await end);
  await settle();
  return abort.signal;
}

/** The texts in what was read, and the message where it is a failure. */
function told(text: string | undefined): readonly string[] {
  return (text ?? "").split("\n\n").filter((part) => part !== "").map((part) => {
    const json = part.slice("data: ".length);
    if (!json.startsWith("{")) return json;
    const { error, choices } = JSON.parse(json);
    return error === undefined ? choices[0].text : `${error.code} ${error.message}`;
  });
}

/** Whether the last thing is said and all is given back. */
async function assertOver({ parts, stream, read }: Fixture): Promise<void> {
  assertEquals(await read(), undefined);
  stream.cancel();
  assertEquals(await read(), undefined);
  await parts.deps.background.idle();
  parts.assertQuiet();
}

Deno.test("HandoffStream gives its head at once, and the rest when the decode leg is open", async () => {
  const made = fixture();
  assertEquals(made.gone.length, 1, "opened at once, however slowly the client reads");
  assertEquals(await made.read(), decodeUtf8(HEAD));
  const reading = made.read();
  await open(made, eventResponse([REST.join(""), data("[DONE]")]));
  assertEquals(told(await reading), [" two"]);
  assertEquals(told(await made.read()), [" three", "[DONE]"]);
  assertEquals(made.parts.fleet.ends, ["decode ok"]);
  assertEquals([made.stream.failure, made.gone[0]?.aborted], [undefined, false]);
  await assertOver(made);
});

Deno.test("HandoffStream waits for the decode leg where it has no head", async () => {
  const made = fixture({ head: undefined });
  const reading = made.read();
  await open(made, eventResponse([...REST, data("[DONE]")]));
  assertEquals(told(await reading), [" two"]);
  made.stream.cancel();
  await assertOver(made);
});

const UNOPENED: readonly (readonly [
  name: string,
  end: ReadyEnd<OpenEnd>,
  told: string,
  flight: string,
])[] = [
  [
    "refused",
    {
      kind: "refused",
      error: new RouterError("decode-failed", "too odd"),
    },
    "502 too odd",
    "decode left",
  ],
  [
    "failed",
    {
      kind: "failed",
      error: new RouterError("upstream-timeout", "silent"),
    },
    "504 silent",
    "decode left",
  ],
  ["without its KV", { kind: "timed-out" }, "504 no KV in time", "decode failed kv-timeout"],
];

for (const [name, end, message, flight] of UNOPENED) {
  Deno.test(`HandoffStream tells in the stream that its decode leg is ${name}`, async () => {
    const made = fixture();
    made.opening.resolve(end);
    assertEquals(await made.read(), decodeUtf8(HEAD));
    assertEquals(told(await made.read()), [message], "one event, and no [DONE]");
    assertEquals(made.stream.failure?.message, message.slice(4));
    // Where it was refused or failed, whoever opened it has said so of the flight.
    assertEquals(made.parts.fleet.ends, [flight]);
    await assertOver(made);
  });
}

Deno.test("HandoffStream ends without a word where whoever opens says that the client has gone", async () => {
  const made = fixture();
  made.opening.resolve({ kind: "gone" });
  assertEquals(await made.read(), decodeUtf8(HEAD));
  assertEquals(await made.read(), undefined);
  assertEquals([made.stream.failure, made.parts.fleet.ends], [undefined, ["decode left"]]);
  await assertOver(made);
});

const BREAKS: readonly (readonly [string, readonly (string | Error)[], string, string])[] = [
  ["an error event", [data({ error: "boom" })], "failed: boom", "decode-failed"],
  ["an end without [DONE]", [], "without [DONE]", "decode-failed"],
  ["a cut", [new RouterError("upstream-protocol", "cut short")], "cut short", "upstream-protocol"],
];

for (const [name, pieces, message, code] of BREAKS) {
  Deno.test(`HandoffStream tells in the stream of ${name}`, async () => {
    const made = fixture();
    await made.read();
    await open(made, eventResponse([event(" two"), ...pieces]));
    assertEquals(told(await made.read()), [" two"]);
    const [last = "", ...more] = told(await made.read());
    assert(last.includes(message) && more.length === 0, last);
    assert(made.stream.failure?.message.includes(message));
    assertEquals(made.parts.fleet.ends, [`decode failed ${code}`]);
    await assertOver(made);
  });
}

Deno.test("HandoffStream gives text that came with a failure before it", async () => {
  const made = fixture();
  await made.read();
  await open(made, eventResponse([event(" two") + data({ error: "boom" })]));
  const [text, failure] = told(await made.read());
  assertEquals(text, " two");
  assert(failure?.includes("boom"));
  await assertOver(made);
});

Deno.test("HandoffStream tells of what is nobody's failure as internal", async () => {
  const made = fixture();
  await made.read();
  made.opening.reject(new TypeError("a secret"));
  assertEquals(told(await made.read()), ["500 The answer could not be completed"]);
  assertEquals(made.stream.failure?.code, "internal");
});

for (const by of ["signal", "cancel"] as const) {
  const leave = ({ parts, stream }: Fixture): void => {
    if (by === "signal") parts.client.controller.abort();
    else stream.cancel();
  };

  Deno.test(`HandoffStream has whoever opens told that the client has gone, by ${by}`, async () => {
    for (const reading of [false, true]) {
      const made = fixture();
      if (reading) await made.read();
      const pending = reading ? made.read() : undefined;
      await settle();
      leave(made);
      assertEquals([made.gone[0]?.aborted, made.parts.fleet.ends], [true, ["decode left"]]);
      made.opening.resolve({ kind: "gone" });
      assertEquals(await pending, undefined);
      assertEquals(made.stream.failure, undefined);
      await assertOver(made);
    }
  });

  Deno.test(`HandoffStream closes a decode leg that opens for a client that has gone, by ${by}`, async () => {
    const made = fixture();
    leave(made);
    const response = eventResponse();
    response.send(event(" two"));
    const abort = await open(made, response);
    assertEquals([response.state, abort.aborted], ["closed", true]);
    await assertOver(made);
  });

  Deno.test(`HandoffStream cuts a decode leg off that nobody has read from, by ${by}`, async () => {
    const made = fixture();
    const response = eventResponse();
    response.send(event(" two"));
    await open(made, response);
    leave(made);
    await settle();
    assertEquals([response.state, made.parts.fleet.ends], ["closed", ["decode left"]]);
    await assertOver(made);
  });

  Deno.test(`HandoffStream cuts a decode leg off that is being read, by ${by}`, async () => {
    const made = fixture({ head: undefined });
    const response = eventResponse();
    response.send(event(" two"));
    await open(made, response);
    assertEquals(told(await made.read()), [" two"]);
    const pending = made.read();
    await settle();
    leave(made);
    assertEquals(await pending, undefined, "no error event: nobody would read it");
    assertEquals([response.state, made.stream.failure], ["closed", undefined]);
    assertEquals(made.parts.fleet.ends, ["decode left"]);
    await assertOver(made);
  });
}

Deno.test("HandoffStream ends at once for a client that has gone already", async () => {
  const made = fixture({ aborted: true });
  assertEquals([made.gone[0]?.aborted, await made.read()], [true, undefined]);
  made.opening.resolve({ kind: "gone" });
  assertEquals(made.parts.fleet.ends, ["decode left"]);
  await assertOver(made);
});

const LOST = new RouterError("upstream-lost", "lost");

/** Goes on with what `next` gives; remembers what it was asked. */
class FakeContinuation {
  readonly asked: unknown[] = [];
  completions = 0;
  readonly #next: (gone: AbortWatch) => Promise<Continued | undefined>;

  constructor(next: (gone: AbortWatch) => Promise<Continued | undefined>) {
    this.#next = next;
  }

  next(error: unknown, gone: AbortWatch): Promise<Continued | undefined> {
    this.asked.push(error);
    return this.#next(gone);
  }

  completed(): void {
    this.completions++;
  }
}

/** Another decode leg of `made` with `response`. */
async function further(
  made: Fixture,
  writer: StreamWriter,
  response: FakeResponse,
): Promise<Continued> {
  const { parts } = made;
  const flight = parts.fleet.take(DECODE, "decode", PREFILL);
  const abort = new AbortController();
  const ask = { flight, path: "/v1/completions", body: [encodeUtf8("{}")] };
  const opening = openDecode(parts.deps, parts.context, ask, abort);
  parts.upstream.sent.at(-1)?.answer(response);
  const opened = await opening;
  assert(opened.kind === "open");
  const seam: Seam = {
    engine: DECODE,
    prefillUsage: undefined,
    continuousUsage: false,
    joiner: undefined,
    stops: undefined,
    begun: "",
    spelled: 0,
    tells: { tokenIds: false, logprobs: false },
  };
  const { open } = opened;
  return { kind: "open", open, seam, pump: new EventPump(seam, writer), flight };
}

Deno.test("HandoffStream has another pair go on where its decode leg fails, and once more", async () => {
  const identity = { form: "completions", id: "cmpl-r", created: 1, model: "m" } as const;
  const writer = new StreamWriter(identity, { includeUsage: false });
  const responses = [
    eventResponse([event(" three"), LOST]),
    eventResponse([event(" four", { finish_reason: "stop" }), data("[DONE]")]),
  ];
  const continuation = new FakeContinuation((): Promise<Continued | undefined> => {
    const response = responses.shift();
    return response === undefined ? Promise.resolve(undefined) : further(made, writer, response);
  });
  const made = fixture({ continuation, writer });
  assertEquals(await made.read(), decodeUtf8(HEAD));
  await open(made, eventResponse([event(" two"), LOST]));
  const said: string[] = [];
  for (let text = await made.read(); text !== undefined; text = await made.read()) {
    said.push(...told(text));
  }
  assertEquals(said, [" two", " three", " four", "[DONE]"]);
  assertEquals([continuation.asked, made.stream.failure], [[LOST, LOST], undefined]);
  assertEquals(made.parts.fleet.ends, [
    "decode failed upstream-lost",
    "decode failed upstream-lost",
    "decode ok",
  ]);
  await assertOver(made);
});

Deno.test("HandoffStream tells of the failure where nobody goes on, and of one that comes then", async () => {
  for (const next of [() => Promise.resolve(undefined), () => Promise.reject(new Error("odd"))]) {
    const made = fixture({ continuation: new FakeContinuation(next) });
    await made.read();
    await open(made, eventResponse([event(" two"), LOST]));
    assertEquals(told(await made.read()), [" two"]);
    const [message] = told(await made.read());
    assert(message !== undefined && /^50[02] /.test(message), message);
    await assertOver(made);
  }
});

Deno.test("HandoffStream completes an answer of which only the end is missing", async () => {
  const continuation = new FakeContinuation(() => Promise.resolve(undefined));
  const made = fixture({ continuation });
  await made.read();
  await open(made, eventResponse([event(" two", { finish_reason: "length" }), LOST]));
  assertEquals(told(await made.read()), [" two", "[DONE]"]);
  assertEquals([continuation.asked, continuation.completions], [[], 1]);
  assertEquals(made.stream.failure, undefined);
  await assertOver(made);
});

Deno.test("HandoffStream leaves what goes on when the client has gone meanwhile", async () => {
  const identity = { form: "completions", id: "cmpl-r", created: 1, model: "m" } as const;
  const writer = new StreamWriter(identity, { includeUsage: false });
  const { promise, resolve } = Promise.withResolvers<void>();
  const gone: AbortWatch[] = [];
  const continuation = new FakeContinuation(async (signal): Promise<Continued> => {
    gone.push(signal);
    await promise;
    return await further(made, writer, eventResponse([event(" three")]));
  });
  const made = fixture({ continuation, writer });
  await made.read();
  await open(made, eventResponse([event(" two"), LOST]));
  assertEquals(told(await made.read()), [" two"]);
  const reading = made.read();
  await settle();
  made.stream.cancel();
  assertEquals(gone[0]?.aborted, true);
  resolve();
  assertEquals(await reading, undefined);
  assertEquals(made.parts.fleet.ends, ["decode failed upstream-lost", "decode left"]);
  await assertOver(made);
});
