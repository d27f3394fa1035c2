import { createLogger, silentLogger } from "../../lib/base/mod.ts";
import { EngineBook, listedSource } from "../../lib/discovery/mod.ts";
import type { SourceChange } from "../../lib/fleet/mod.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { FakeClock, settle } from "../support/fake_clock.ts";
import { foundAt, HANDOFF, PLAIN, SaidSource } from "./support.ts";

interface Followed extends AsyncDisposable {
  readonly book: EngineBook;
  /** What the fleet was told since this was asked last, in short. */
  told(): Promise<readonly string[]>;
  readonly lines: readonly string[];
}

function follow(book: EngineBook, lines: readonly string[] = []): Followed {
  const told: string[] = [];
  const stop = new AbortController();
  const reading = (async () => {
    for await (const change of book.changes(stop.signal)) told.push(short(change));
  })();
  return {
    book,
    lines,
    told: async () => {
      await settle();
      return told.splice(0);
    },
    async [Symbol.asyncDispose]() {
      stop.abort();
      await book[Symbol.asyncDispose]();
      await reading;
    },
  };
}

function short(change: SourceChange): string {
  switch (change.kind) {
    case "upsert":
      return `+${change.engine.id}${change.asleep === undefined ? "" : ` asleep=${change.asleep}`}`;
    case "leaving":
      return `~${change.id}`;
    case "remove":
      return `-${change.id}`;
    case "synced":
      return "synced";
    default:
      return change satisfies never;
  }
}

function open(): Followed {
  const lines: string[] = [];
  const log = createLogger(new FakeClock(), (line) => void lines.push(line), {
    level: "info",
    format: "text",
  });
  return follow(new EngineBook({ log, rules: PLAIN }), lines);
}

Deno.test("EngineBook tells of the engines of all sources, and syncs when all have", async () => {
  await using followed = open();
  const { book } = followed;
  const [one, other] = [new SaidSource("one"), new SaidSource("other")];
  book.follow(one);
  book.follow(other);
  one.say({ kind: "found", engine: foundAt("x", "http://a:1") }, { kind: "synced" });
  assertEquals(await followed.told(), ["+a:1"]);
  other.say({ kind: "found", engine: foundAt("x", "http://b:1") }, { kind: "synced" });
  assertEquals(await followed.told(), ["+b:1", "synced"]);
  one.say({ kind: "lost", key: "x" }, { kind: "lost", key: "x" });
  assertEquals(await followed.told(), ["-a:1"]);
});

Deno.test("EngineBook tells of engines that leave and that sleep", async () => {
  await using followed = open();
  const source = new SaidSource();
  followed.book.follow(source);
  source.found(foundAt("x", "http://a:1", { asleep: true }));
  assertEquals(await followed.told(), ["+a:1 asleep=true"]);
  source.found(foundAt("x", "http://a:1", { leaving: true }));
  assertEquals(await followed.told(), ["+a:1", "~a:1"]);
});

Deno.test("EngineBook says once why an engine is left out, and takes it when it can come", async () => {
  await using followed = open();
  const source = new SaidSource();
  followed.book.follow(source);
  source.found(foundAt("x", "http://a:1"));
  source.found(foundAt("y", "http://a:1"));
  source.found(foundAt("y", "http://a:1"));
  assertEquals(await followed.told(), ["+a:1"]);
  assertEquals(followed.lines.filter((line) => line.includes("Engine left out")).length, 1);
  const [, left] = [...followed.book.entries()];
  assertEquals(left?.engine, undefined);
  assertEquals(left?.problems, ["there is an engine with this URL: said/x"]);
  assertEquals(followed.book.sources()[0]?.leftOut, 1);
  source.say({ kind: "lost", key: "x" });
  // One engine in another's place, under one id: the fleet is told how that is at last.
  assertEquals(await followed.told(), ["+a:1"]);
});

Deno.test("EngineBook has an engine that moves go from its old address", async () => {
  await using followed = open();
  const source = new SaidSource();
  followed.book.follow(source);
  source.found(foundAt("x", "http://a:1"));
  assertEquals(await followed.told(), ["+a:1"]);
  source.found(foundAt("x", "http://b:1"));
  assertEquals(await followed.told(), ["-a:1", "+b:1"]);
});

Deno.test("EngineBook.drain() holds through what the source says, until the engine starts anew", async () => {
  await using followed = open();
  const { book } = followed;
  const source = new SaidSource();
  book.follow(source);
  source.found(foundAt("x", "http://a:1", { started: "1" }));
  await followed.told();
  assert(book.drain("a:1", true));
  assertEquals(await followed.told(), ["+a:1", "~a:1"]);
  source.found(foundAt("x", "http://a:1", { started: "1" }));
  assertEquals(await followed.told(), ["+a:1", "~a:1"]);
  assertEquals(book.find("a:1")?.drained, true);
  source.found(foundAt("x", "http://a:1", { started: "2" }));
  assertEquals(await followed.told(), ["+a:1"]);
  assertEquals(book.drain("b:1", true), false);
});

Deno.test("EngineBook.patch() changes what the source says of an engine", async () => {
  await using followed = open();
  const { book } = followed;
  const source = new SaidSource();
  book.follow(source);
  source.found(foundAt("x", "http://a:1"));
  await followed.told();
  assert(book.patch("a:1", { max_num_seqs: 3 }));
  assertEquals(book.find("a:1")?.engine?.maxNumSeqs, 3);
  source.found(foundAt("x", "http://a:1"));
  await followed.told();
  assertEquals(book.find("a:1")?.engine?.maxNumSeqs, 3);
  assert(book.patch("a:1", undefined));
  assertEquals(book.find("a:1")?.engine?.maxNumSeqs, undefined);
});

Deno.test("EngineBook keeps what a source has found that fails, and says so", async () => {
  await using followed = open();
  const source = new SaidSource();
  followed.book.follow(source);
  source.say({ kind: "found", engine: foundAt("x", "http://a:1") }, new Error("out of order"));
  assertEquals(await followed.told(), ["+a:1", "synced"]);
  assertEquals(followed.book.sources(), [
    { name: "said", engines: 1, leftOut: 0, synced: true, ailment: "out of order" },
  ]);
  assert(followed.lines.some((line) => line.includes("their source has failed")));
});

Deno.test("EngineBook tells what keeps a source from looking", async () => {
  await using followed = open();
  const source = new SaidSource();
  followed.book.follow(source);
  source.ailment = "no answer";
  assertEquals(followed.book.sources()[0]?.ailment, "no answer");
});

Deno.test("Following.replace() keeps what the next source finds, and lets the rest go", async () => {
  await using followed = open();
  const following = followed.book.follow(
    listedSource("list", [foundAt("x", "http://a:1"), foundAt("y", "http://b:1")]),
  );
  assertEquals(await followed.told(), ["+a:1", "+b:1", "synced"]);
  following.replace(listedSource("list", [foundAt("y", "http://b:1"), foundAt("z", "http://c:1")]));
  assertEquals(await followed.told(), ["+b:1", "+c:1", "-a:1"]);
});

Deno.test("Following.end() lets the engines of its source go", async () => {
  await using followed = open();
  const source = new SaidSource();
  const following = followed.book.follow(source);
  source.found(foundAt("x", "http://a:1"));
  assertEquals(await followed.told(), ["+a:1"]);
  following.end();
  assertEquals(await followed.told(), ["-a:1", "synced"]);
  assertEquals([...followed.book.entries()], []);
});

Deno.test("EngineBook holds nothing of engines that have come and gone", async () => {
  await using followed = follow(new EngineBook({ log: silentLogger(), rules: PLAIN }));
  const source = new SaidSource();
  followed.book.follow(source);
  for (let round = 0; round < 1000; round++) {
    source.found(foundAt(`pod-${round}`, `http://10.0.0.${round % 250}:1`));
    source.say({ kind: "lost", key: `pod-${round}` });
  }
  await followed.told();
  assertEquals([...followed.book.entries()], []);
  assertEquals(followed.book.sources()[0]?.engines, 0);
});

Deno.test("EngineBook.recheck() tells of engines that other rules let in, or leave out", async () => {
  await using followed = open();
  const source = new SaidSource();
  followed.book.follow(source);
  source.found(foundAt("p", "http://p:1", { raw: { role: "prefill" } }));
  source.found(foundAt("a", "http://a:1"));
  assertEquals(await followed.told(), ["+a:1"]);
  followed.book.recheck(HANDOFF);
  assertEquals(await followed.told(), ["+p:1", "+a:1"]);
  followed.book.recheck(PLAIN);
  assertEquals(await followed.told(), ["-p:1", "+a:1"]);
});

Deno.test("EngineBook.recheck() leaves out nothing that another list is about to replace", async () => {
  await using followed = open();
  const { book } = followed;
  book.recheck(HANDOFF);
  const following = book.follow(
    listedSource("list", [
      foundAt("p", "http://p:1", { raw: { role: "prefill" } }),
      foundAt("d", "http://d:1", { raw: { role: "decode" } }),
    ]),
  );
  assertEquals(await followed.told(), ["+p:1", "+d:1", "synced"]);
  following.replace(listedSource("list", [foundAt("p", "http://p:1")]));
  book.recheck(PLAIN);
  assertEquals(await followed.told(), ["+p:1", "-d:1"]);
  assertEquals(followed.lines, []);
});

Deno.test("EngineBook.find() knows engines that are left out by their source's name and their own", async () => {
  await using followed = open();
  const { book } = followed;
  const source = new SaidSource();
  book.follow(source);
  source.found(foundAt("x", "http://a:1"));
  source.found(foundAt("y", "http://a:1"));
  await followed.told();
  assertEquals(book.find("a:1")?.key, "said/x");
  assertEquals(book.find("said/x")?.engine?.id, "a:1");
  const out = book.find("said/y");
  assertEquals([out?.engine, out?.problems], [
    undefined,
    ["there is an engine with this URL: said/x"],
  ]);
  assert(book.patch("said/y", { label: "x" }));
  assert(!book.drain("said/z", true));
});

Deno.test("EngineBook.faultOf() tells what would keep an engine out, and changes nothing", async () => {
  await using followed = open();
  const { book } = followed;
  const source = new SaidSource();
  book.follow(source);
  source.found(foundAt("x", "http://a:1"));
  await followed.told();
  const raw = foundAt("x", "http://a:1").raw;
  assertEquals(book.faultOf("said", "x", { ...raw, max_num_seqs: 3 }), undefined);
  assertEquals(book.faultOf("said", "x", { ...raw, max_num_seqs: 0 })?.kind, "wrong");
  assertEquals(book.faultOf("said", "y", raw)?.kind, "clash");
  assertEquals(await followed.told(), []);
});
