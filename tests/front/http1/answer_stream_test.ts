import { decodeUtf8, encodeUtf8 } from "../../../lib/base/mod.ts";
import { AnswerStream, type StreamParts } from "../../../lib/front/http1/answer_stream.ts";
import { Output } from "../../../lib/front/http1/output.ts";
import { Scratch, SCRATCH_BYTES, Scratches } from "../../../lib/front/http1/scratches.ts";
import { Wheel } from "../../../lib/front/http1/wheel.ts";
import { ChunkedBody } from "../../../lib/http1/mod.ts";
import { assert, assertEquals, assertStringIncludes } from "../../support/assert.ts";
import { FakeClock } from "../../support/fake_clock.ts";
import { decode } from "../../http1/support/windows.ts";
import { MemoryClient, rest } from "./support/memory.ts";
import { ScriptedSource, sourceOf } from "./support/sources.ts";

const HEAD = "HEAD\r\n\r\n";

function setUp(
  source: ScriptedSource,
  { framing = "chunked", head = HEAD }: { framing?: StreamParts["framing"]; head?: string } = {},
): { client: MemoryClient; stream: AnswerStream; scratches: Scratches } {
  const client = new MemoryClient();
  const output = new Output(client, new Wheel(new FakeClock(), 800), 800, () => {});
  const scratches = new Scratches();
  const scratch = new Scratch(scratches);
  scratch.bytes.set(encodeUtf8(head));
  const headBytes = head.length;
  const stream = new AnswerStream({ source, framing, output, scratch, headBytes });
  return { client, stream, scratches };
}

/** The texts of the writes, as they were when they were asked for. */
function watchWrites(client: MemoryClient): readonly string[] {
  const texts: string[] = [];
  const write = client.write.bind(client);
  client.write = (data) => {
    texts.push(decodeUtf8(data));
    return write(data);
  };
  return texts;
}

Deno.test("AnswerStream writes what is there at once: head, pieces and end", async () => {
  const source = sourceOf("one", "second piece");
  const { client, stream } = setUp(source);
  const writes = watchWrites(client);
  assertEquals(await stream.run(), "complete");
  assertEquals(writes, [`${HEAD}3\r\none\r\nc\r\nsecond piece\r\n0\r\n\r\n`]);
  assertEquals([source.reads, source.cancelled], [3, 0]);
});

Deno.test("AnswerStream writes what comes as it comes", async () => {
  const source = new ScriptedSource();
  const { client, stream } = setUp(source);
  const writes = watchWrites(client);
  const running = stream.run();
  for (const piece of ["one", "second piece", undefined]) {
    source.give(piece);
    await rest();
  }
  assertEquals(await running, "complete");
  assertEquals(writes, [`${HEAD}3\r\none\r\n`, "c\r\nsecond piece\r\n", "0\r\n\r\n"]);
});

Deno.test("AnswerStream writes the head by itself when the first piece takes its time", async () => {
  const source = new ScriptedSource();
  const { client, stream } = setUp(source);
  const writes = watchWrites(client);
  const running = stream.run();
  await rest();
  assertEquals(writes, [HEAD]);
  source.give("a");
  await rest();
  assertEquals(writes, [HEAD, "1\r\na\r\n"]);
  source.give(undefined);
  assertEquals(await running, "complete");
});

Deno.test("AnswerStream keeps a piece that comes while the head is being written", async () => {
  for (const last of ["a", undefined]) {
    const source = new ScriptedSource();
    const { client, stream } = setUp(source);
    const writes = watchWrites(client);
    client.acceptBytes = 0;
    const running = stream.run();
    await rest();
    source.give(last);
    await rest();
    assertEquals([writes, source.reads], [[HEAD], 1]);
    client.resumeWrites();
    if (last !== undefined) source.give(undefined);
    assertEquals(await running, "complete");
    const body = last === undefined ? "" : "1\r\na\r\n";
    assertEquals(client.received, `${HEAD}${body}0\r\n\r\n`);
  }
});

Deno.test("AnswerStream reads one piece ahead at most while it writes", async () => {
  const source = new ScriptedSource();
  const { client, stream } = setUp(source);
  const running = stream.run();
  source.give("a");
  await rest();
  assertEquals([source.reads, client.writes.length], [2, 1]);
  client.acceptBytes = 0;
  source.give("b");
  await rest();
  assertEquals([source.reads, client.writes.length], [3, 2]);
  source.give("c", "d");
  await rest();
  assertEquals([source.reads, client.writes.length], [3, 2]);
  client.resumeWrites(3);
  await rest();
  assertEquals(source.reads, 3);
  client.resumeWrites();
  await rest();
  assertEquals([source.reads, client.writes.length], [5, 4]);
  source.give(undefined);
  assertEquals(await running, "complete");
  assert(client.received.endsWith("1\r\nb\r\n1\r\nc\r\n1\r\nd\r\n0\r\n\r\n"));
});

Deno.test("AnswerStream holds as much as one write takes, and no more, of a source ahead", async () => {
  const piece = new Uint8Array(100);
  let reads = 0;
  const source = new ScriptedSource();
  source.read = () => {
    reads++;
    return Promise.resolve(piece);
  };
  const { client, stream } = setUp(source);
  client.acceptBytes = 0;
  const running = stream.run();
  for (let turn = 0; turn < 5; turn++) await rest();
  assertEquals(client.writes.length, 1);
  const written = client.writes[0]?.length ?? 0;
  assert(written > SCRATCH_BYTES - 200 && written <= SCRATCH_BYTES, `${written} bytes`);
  assert(reads <= SCRATCH_BYTES / piece.length, `${reads} reads`);
  client.resumeWrites(written);
  await rest();
  assertEquals(client.writes.length, 2);
  stream.stop();
  assertEquals(await running, "stopped");
  client.failWrites(new Error("closed"));
});

Deno.test("AnswerStream writes what came before its source broke", async () => {
  const source = sourceOf("one", "two", new Error("engine lost"));
  const { client, stream } = setUp(source);
  assertEquals(await stream.run(), "broken");
  assertEquals(client.received, `${HEAD}3\r\none\r\n3\r\ntwo\r\n`);
  const later = new ScriptedSource();
  const other = setUp(later);
  other.client.acceptBytes = 0;
  const running = other.stream.run();
  later.give("a");
  await rest();
  later.give(new Error("engine lost"));
  await rest();
  other.client.resumeWrites();
  assertEquals([await running, later.cancelled], ["broken", 1]);
});

Deno.test("AnswerStream passes empty pieces over", async () => {
  const { client, stream } = setUp(sourceOf("", "a", "", "b", ""));
  assertEquals(await stream.run(), "complete");
  assertEquals(client.received, `${HEAD}1\r\na\r\n1\r\nb\r\n0\r\n\r\n`);
});

Deno.test("AnswerStream writes pieces of every size as a strict decoder reads them", async () => {
  const room = SCRATCH_BYTES - HEAD.length;
  const sizes = [1, 15, 16, 17, SCRATCH_BYTES - 18, SCRATCH_BYTES - 17, SCRATCH_BYTES - 6];
  const more = [room - 19, room - 18, room - 17, room, SCRATCH_BYTES, 2 * SCRATCH_BYTES - 7];
  for (const size of [...sizes, ...more, 2 * SCRATCH_BYTES, 50_000, 300_000]) {
    const piece = Uint8Array.from({ length: size }, (_, index) => index * 7);
    for (const framing of ["chunked", "until-close", 2 * size] as const) {
      const { client, stream } = setUp(sourceOf(piece, piece), { framing });
      const written: Uint8Array[] = [];
      const write = client.write.bind(client);
      client.write = (data) => {
        written.push(data.slice());
        return write(data);
      };
      assertEquals(await stream.run(), "complete");
      const all = Uint8Array.from(written.flatMap((data) => [...data])).slice(HEAD.length);
      const pieces = Array.from(
        { length: Math.ceil(all.length / 60_000) },
        (_, index) => all.slice(index * 60_000, (index + 1) * 60_000),
      );
      const body = framing === "chunked"
        ? decode(new ChunkedBody({ strict: true }), pieces, true)
        : { data: all, error: undefined, left: 0 };
      assertEquals([body.data.length, body.error, body.left], [2 * size, undefined, 0], `${size}`);
      assert(body.data.every((byte, index) => byte === piece[index % size]), `${size} ${framing}`);
      const most = size < 15_000 ? 3 : 8;
      assert(written.length <= most, `${size} ${framing}: ${written.length} writes`);
    }
  }
});

Deno.test("AnswerStream ends a body of known length with its last byte", async () => {
  const { client, stream } = setUp(sourceOf("ab", "cde"), { framing: 5 });
  assertEquals(await stream.run(), "complete");
  assertEquals(client.received, `${HEAD}abcde`);
});

Deno.test("AnswerStream breaks where the length is not as announced", async () => {
  for (const [pieces, which] of [[["abc"], "fewer"], [["abc", "def"], "more"]] as const) {
    const source = sourceOf(...pieces);
    const { client, stream } = setUp(source, { framing: 5 });
    assertEquals(await stream.run(), "broken");
    assertStringIncludes(`${stream.failure}`, which);
    assertEquals([source.cancelled, client.received.includes("def")], [1, false]);
  }
});

Deno.test("AnswerStream breaks with its source, without the end of a body", async () => {
  const failure = new Error("engine lost");
  for (const pieces of [[], ["a"]]) {
    const { client, stream } = setUp(sourceOf(...pieces, failure));
    assertEquals([await stream.run(), stream.failure], ["broken", failure]);
    assert(!client.received.includes("0\r\n\r\n"));
  }
});

Deno.test("AnswerStream breaks with a source that throws", async () => {
  const source = new ScriptedSource();
  source.read = () => {
    throw new Error("no source");
  };
  const { stream } = setUp(source);
  assertEquals([await stream.run(), `${stream.failure}`], ["broken", "Error: no source"]);
});

Deno.test("AnswerStream.stop() cancels the source, whatever it is at", async () => {
  const reading = new ScriptedSource();
  const one = setUp(reading);
  const running = one.stream.run();
  await rest();
  one.stream.stop();
  one.stream.stop();
  assertEquals([await running, reading.cancelled], ["stopped", 1]);
  // What comes afterwards goes nowhere.
  reading.give("late");
  await rest();
  assertEquals(one.client.received, HEAD);

  const writing = new ScriptedSource();
  const other = setUp(writing);
  other.client.acceptBytes = 0;
  const stuck = other.stream.run();
  writing.give("a");
  await rest();
  other.stream.stop();
  assertEquals([await stuck, writing.cancelled], ["stopped", 1]);
  other.client.failWrites(new Error("closed"));
  await rest();
  assertEquals(writing.reads, 2);
});

Deno.test("AnswerStream cancels the source when the connection is lost", async () => {
  for (const last of [false, true]) {
    const source = new ScriptedSource();
    const { client, stream } = setUp(source);
    const running = stream.run();
    source.give("a");
    await rest();
    client.acceptBytes = 0;
    source.give(last ? undefined : "b");
    await rest();
    client.failWrites(new Deno.errors.BrokenPipe("broken"));
    assertEquals([await running, source.cancelled], ["lost", 1]);
  }
});

Deno.test("AnswerStream has a buffer while it writes, and lends it to others while it waits", async () => {
  const source = new ScriptedSource();
  const { client, stream, scratches } = setUp(source);
  /** Whether the next buffer is one that was given back. */
  const isBack = (): boolean => {
    const buffer = scratches.take();
    const wasUsed = buffer.some((byte) => byte !== 0);
    // For whoever writes next; the text of another must not show.
    if (wasUsed) scratches.give(buffer.fill(0x2a));
    return wasUsed;
  };
  const running = stream.run();
  await rest();
  assert(isBack(), "behind the head");
  source.give("a");
  await rest();
  assert(isBack(), "behind a piece");
  client.acceptBytes = 0;
  source.give("b");
  await rest();
  assert(!isBack(), "while a piece is being written");
  source.give("c");
  client.resumeWrites();
  await rest();
  assert(isBack(), "behind what came meanwhile");
  source.give(undefined);
  assertEquals(await running, "complete");
  assertEquals(client.received, `${HEAD}1\r\na\r\n1\r\nb\r\n1\r\nc\r\n0\r\n\r\n`);
});
