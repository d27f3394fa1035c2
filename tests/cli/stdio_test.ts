import { flushStdio, type LineWaits, LineWriter, logSink, written } from "../../lib/cli/stdio.ts";
import { seededRandom, sleep } from "../../lib/base/mod.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { FakeClock, settle } from "../support/fake_clock.ts";
import { FakeSink } from "./support.ts";

Deno.test("LineWriter writes lines of one turn together, in order", async () => {
  const sink = new FakeSink();
  const writer = new LineWriter(sink);
  for (const line of ["a", "b", "c"]) writer.write(line);
  await writer.flushed();
  assertEquals([sink.text, sink.writes], ["a\nb\nc\n", 1]);
  writer.write("d");
  await writer.flushed();
  assertEquals([sink.text, sink.writes], ["a\nb\nc\nd\n", 2]);
});

Deno.test("LineWriter gathers lines while a write is under way", async () => {
  const sink = new FakeSink();
  const writer = new LineWriter(sink);
  sink.block();
  writer.write("a");
  await settle();
  for (const line of ["b", "c"]) writer.write(line);
  await settle();
  assertEquals([sink.text, sink.writes], ["", 1]);
  sink.unblock();
  await writer.flushed();
  assertEquals([sink.text, sink.writes], ["a\nb\nc\n", 2]);
});

Deno.test("LineWriter goes on after partial writes, at any byte", async () => {
  const random = seededRandom(7);
  const lines = Array.from({ length: 50 }, (_, index) => `line ${index} \u00e9\u{1f600}`);
  for (const atMost of [1, 2, 3, 7, 1 + Math.floor(random.next() * 100)]) {
    const bytes: number[] = [];
    const writer = new LineWriter({
      write: (part) => {
        bytes.push(...part.subarray(0, atMost));
        return Promise.resolve(Math.min(part.length, atMost));
      },
    });
    for (const line of lines) writer.write(line);
    await writer.flushed();
    assertEquals(new TextDecoder().decode(new Uint8Array(bytes)), `${lines.join("\n")}\n`);
  }
});

Deno.test("LineWriter drops and counts lines of a reader that stalls", async () => {
  const sink = new FakeSink();
  const writer = new LineWriter(sink, 20);
  sink.block();
  for (let line = 0; line < 1000; line++) writer.write("123456789");
  await settle();
  for (let line = 0; line < 1000; line++) writer.write("123456789");
  sink.unblock();
  await writer.flushed();
  assertEquals(sink.lines, [
    "123456789",
    "123456789",
    "1998 lines dropped: the output was not read",
  ]);
  writer.write("after");
  await writer.flushed();
  assertEquals(sink.lines.at(-1), "after");
});

Deno.test("LineWriter words the notice of dropped lines as it is told", async () => {
  const sink = new FakeSink();
  const writer = new LineWriter(sink, 5);
  writer.wordDrops((dropped) => `{"dropped":${dropped}}`);
  writer.write("1234");
  writer.write("1234");
  await writer.flushed();
  assertEquals(sink.lines, ["1234", '{"dropped":1}']);
});

Deno.test("LineWriter takes a line again once there is room", async () => {
  const sink = new FakeSink();
  const writer = new LineWriter(sink, 10);
  for (let round = 0; round < 100; round++) {
    writer.write("123456789");
    await writer.flushed();
  }
  assertEquals(sink.lines.length, 100);
});

Deno.test("LineWriter survives a reader that goes away, and forgets the rest", async () => {
  const sink = new FakeSink();
  const writer = new LineWriter(sink);
  sink.block();
  writer.write("a");
  await settle();
  writer.write("b");
  sink.fail(new Deno.errors.BrokenPipe("Broken pipe"));
  await writer.flushed();
  const { writes } = sink;
  writer.write("c");
  await writer.print("d");
  assertEquals([sink.text, sink.writes], ["", writes]);
});

Deno.test("LineWriter takes a sink that accepts nothing for one that has gone away", async () => {
  const writer = new LineWriter({ write: () => Promise.resolve(0) });
  await writer.print("a");
});

Deno.test("print() writes a text that is longer than the limit, whole", async () => {
  const sink = new FakeSink();
  const writer = new LineWriter(sink, 10);
  const text = "x".repeat(1000);
  await writer.print(text);
  assertEquals(sink.text, `${text}\n`);
});

Deno.test("logSink() sends warnings and worse to standard error", async () => {
  const [out, err] = [new FakeSink(), new FakeSink()];
  const stdio = { out: new LineWriter(out), err: new LineWriter(err) };
  const sink = logSink(stdio);
  for (const level of ["critical", "error", "warning", "info", "debug", "trace"] as const) {
    sink(level, level);
  }
  await Promise.all([stdio.out.flushed(), stdio.err.flushed()]);
  assertEquals(out.lines, ["info", "debug", "trace"]);
  assertEquals(err.lines, ["critical", "error", "warning"]);
});

Deno.test("flushStdio() waits for both, but not past its deadline", async () => {
  const clock = new FakeClock();
  const [out, err] = [new FakeSink(), new FakeSink()];
  const stdio = { out: new LineWriter(out), err: new LineWriter(err) };
  assertEquals(await flushStdio(stdio, clock, 1000), "ready");
  assertEquals(clock.pending, 0);
  stdio.out.write("a");
  stdio.err.write("b");
  assertEquals(await flushStdio(stdio, clock, 1000), "ready");
  assertEquals([out.text, err.text, clock.pending], ["a\n", "b\n", 0]);
  out.block();
  stdio.out.write("c");
  let end = "";
  flushStdio(stdio, clock, 1000).then((value) => end = value);
  await clock.advance(999);
  assertEquals(end, "");
  await clock.advance(1);
  assertEquals(end, "timed-out");
  assert(!out.text.includes("c"));
});

const GATHER_MS = 5;
const PATIENCE_MS = 100;

/** A writer that gathers lines, and what it writes to. */
function gathering(): { clock: FakeClock; sink: FakeSink; writer: LineWriter } {
  const clock = new FakeClock();
  const waits: LineWaits = {
    gather: (hurry) => sleep(clock, GATHER_MS, hurry),
    patience: (over) => sleep(clock, PATIENCE_MS, over),
  };
  const sink = new FakeSink();
  return { clock, sink, writer: new LineWriter(sink, undefined, waits) };
}

Deno.test("LineWriter.written() has lines written at once, and resolves when they are", async () => {
  const { clock, sink, writer } = gathering();
  assertEquals(writer.written(), undefined);
  writer.write("a");
  await settle();
  assertEquals(sink.text, "", "lines are gathered");
  await writer.written();
  assertEquals([sink.text, writer.written(), clock.pending], ["a\n", undefined, 0]);
  // Nobody hurries: the next are gathered again.
  writer.write("b");
  await clock.advance(GATHER_MS - 1);
  assertEquals(sink.text, "a\n");
  await clock.advance(1);
  assertEquals([sink.text, writer.written(), clock.pending], ["a\nb\n", undefined, 0]);
});

Deno.test("LineWriter.written() waits for what is being written, and for what came since", async () => {
  const { sink, writer } = gathering();
  sink.block();
  writer.write("a");
  const first = writer.written();
  await settle();
  const [still, later] = [writer.written(), (writer.write("b"), writer.written())];
  const ended: string[] = [];
  first?.then(() => ended.push("first"));
  still?.then(() => ended.push("still"));
  later?.then(() => ended.push("later"));
  await settle();
  assertEquals([ended, sink.text], [[], ""]);
  sink.unblock();
  await Promise.all([first, still, later]);
  assertEquals([ended, sink.text, sink.writes], [["first", "still", "later"], "a\nb\n", 2]);
});

Deno.test("LineWriter.written() waits for no lines that come later", async () => {
  const { sink, writer } = gathering();
  writer.write("a");
  const waiting = writer.written();
  sink.block();
  writer.write("b");
  sink.unblock();
  await waiting;
  assert(sink.text.startsWith("a\n"));
  await writer.written();
});

Deno.test("LineWriter.written() lets go when the reader stalls, until it reads on", async () => {
  const { clock, sink, writer } = gathering();
  sink.block();
  writer.write("a");
  const [one, other] = [writer.written(), writer.written()];
  await settle();
  writer.write("b");
  const next = writer.written();
  let released = 0;
  for (const wait of [one, other, next]) wait?.then(() => released++);
  await clock.advance(PATIENCE_MS - 1);
  assertEquals(released, 0);
  await clock.advance(1);
  assertEquals([released, sink.text], [3, ""]);
  // Nobody waits for it again, however many lines come.
  for (let line = 0; line < 100; line++) {
    writer.write("c");
    assertEquals(writer.written(), undefined);
  }
  sink.unblock();
  await clock.advance(GATHER_MS);
  await writer.flushed();
  assertEquals(sink.lines.length, 102);
  writer.write("d");
  const again = writer.written();
  assert(again !== undefined, "it reads as it should");
  await again;
  assertEquals([sink.lines.at(-1), clock.pending], ["d", 0]);
});

Deno.test("LineWriter.written() waits for nobody that has gone away", async () => {
  const { clock, sink, writer } = gathering();
  sink.block();
  writer.write("a");
  const first = writer.written();
  await settle();
  writer.write("b");
  const second = writer.written();
  sink.fail(new Deno.errors.BrokenPipe("Broken pipe"));
  await Promise.all([first, second]);
  writer.write("c");
  assertEquals([writer.written(), clock.pending], [undefined, 0]);
});

Deno.test("written() is of both streams", async () => {
  const [out, err] = [new FakeSink(), new FakeSink()];
  const stdio = { out: new LineWriter(out), err: new LineWriter(err) };
  assertEquals(written(stdio), undefined);
  stdio.out.write("a");
  await written(stdio);
  assertEquals([out.text, written(stdio)], ["a\n", undefined]);
  stdio.err.write("b");
  await written(stdio);
  assertEquals([err.text, written(stdio)], ["b\n", undefined]);
  err.block();
  stdio.out.write("c");
  stdio.err.write("d");
  const both = written(stdio);
  let ended = false;
  both?.then(() => ended = true);
  await settle();
  assertEquals([out.text, ended], ["a\nc\n", false]);
  err.unblock();
  await both;
});
