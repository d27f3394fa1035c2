import fc from "fast-check";
import { EntryWriter } from "../../lib/gossip/entries.ts";
import {
  beginUpdate,
  flagUpdate,
  MAX_MESSAGE_BYTES,
  readMessage,
  VERSION,
  writeAsk,
  writeBye,
} from "../../lib/gossip/message.ts";
import { WireWriter } from "../../lib/gossip/wire.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { anyEntry, loadOf, Taken } from "./support.ts";

const anyUpdate = fc.record({
  life: fc.maxSafeNat(),
  number: fc.maxSafeNat(),
  first: fc.boolean(),
  last: fc.boolean(),
  settled: fc.boolean(),
  entries: fc.array(anyEntry, { maxLength: 8 }),
});

type Update = typeof anyUpdate extends fc.Arbitrary<infer T> ? T : never;

function updateOf({ life, number, first, last, settled, entries }: Update): Uint8Array {
  const to = new WireWriter();
  beginUpdate(to, life, number);
  const writer = new EntryWriter(to);
  for (const entry of entries) entry(writer);
  flagUpdate(to, { first, last, settled });
  return to.view().slice();
}

function takenOf({ entries }: Update): Taken {
  const taken = new Taken();
  for (const entry of entries) entry(taken);
  return taken;
}

Deno.test("readMessage() reads updates as they were written, entry by entry", () => {
  fc.assert(
    fc.property(anyUpdate, (update) => {
      const { life, number, first, last, settled } = update;
      const taken = new Taken();
      const head = readMessage(updateOf(update), taken);
      assertEquals(head, { kind: "update", life, number, first, last, settled });
      assertEquals(taken.entries, takenOf(update).entries);
    }),
    { seed: 2, numRuns: 300 },
  );
});

Deno.test("readMessage() takes nothing of a message that is cut off, at every cut", () => {
  fc.assert(
    fc.property(anyUpdate, (update) => {
      const bytes = updateOf(update);
      const whole = takenOf(update).entries;
      for (let end = 0; end < bytes.length; end++) {
        const taken = new Taken();
        const head = readMessage(bytes.subarray(0, end), taken);
        if (head === undefined) assertEquals(taken.entries, []);
        // Where an entry ends, so can a message.
        else assertEquals(taken.entries, whole.slice(0, taken.entries.length));
      }
      assertEquals(readMessage(Uint8Array.from([...bytes, 99])), undefined);
    }),
    { seed: 3, numRuns: 50 },
  );
});

Deno.test("readMessage() takes any bytes, and all or nothing of them", () => {
  const some = fc.uint8Array({ maxLength: 200 });
  const changed = fc.tuple(anyUpdate, fc.array(fc.tuple(fc.nat(), fc.nat({ max: 255 }))))
    .map(([update, changes]) => {
      const bytes = updateOf(update);
      for (const [at, value] of changes) bytes[at % bytes.length] = value;
      return bytes;
    });
  const begun = some.map((bytes) => Uint8Array.from([VERSION, 1, 0, 5, 5, ...bytes]));
  fc.assert(
    fc.property(fc.oneof(some, changed, begun), (bytes) => {
      const taken = new Taken();
      const head = readMessage(bytes, taken);
      if (head === undefined) assertEquals(taken.entries, []);
      assertEquals(readMessage(bytes), head);
    }),
    { seed: 4, numRuns: 2_000 },
  );
});

Deno.test("readMessage() reads questions and leave", () => {
  const to = new WireWriter();
  writeAsk(to);
  assertEquals(readMessage(to.view()), { kind: "ask", of: undefined });
  writeAsk(to, "10.0.0.1");
  assertEquals(readMessage(to.view()), { kind: "ask", of: "10.0.0.1" });
  assertEquals(readMessage(Uint8Array.from([...to.view(), 0])), undefined);
  writeAsk(to, "no name");
  assertEquals(readMessage(to.view()), undefined);
  writeBye(to, 77);
  assertEquals(readMessage(to.view()), { kind: "bye", life: 77 });
});

Deno.test("readMessage() looks at no other version, kind, flag, or size", () => {
  const bytes = updateOf({
    life: 1,
    number: 1,
    first: false,
    last: false,
    settled: false,
    entries: [],
  });
  assert(readMessage(bytes) !== undefined);
  for (const [at, value] of [[0, VERSION + 1], [1, 9], [2, 8]] as const) {
    const other = bytes.slice();
    other[at] = value;
    assertEquals(readMessage(other), undefined, `byte ${at}`);
  }
  const entry = (to: Taken | EntryWriter): void => to.load(1, loadOf());
  const many = updateOf({
    life: 1,
    number: 1,
    first: false,
    last: false,
    settled: true,
    entries: Array(MAX_MESSAGE_BYTES / 8).fill(entry),
  });
  assertEquals(many.length > MAX_MESSAGE_BYTES, true);
  assertEquals(readMessage(many), undefined);
});
