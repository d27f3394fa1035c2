import fc from "fast-check";
import { SpanQueue } from "../../lib/tracing/span_queue.ts";
import { assert, assertEquals } from "../support/assert.ts";

const span = (size: number): Uint8Array => new Uint8Array(size);

Deno.test("SpanQueue refuses what is too much, by number and by size", () => {
  const byNumber = new SpanQueue({ spans: 2, bytes: 1_000 });
  assertEquals([1, 1, 1].map((size) => byNumber.add(span(size))), [true, true, false]);
  const bySize = new SpanQueue({ spans: 100, bytes: 10 });
  assertEquals([6, 5, 4, 1].map((size) => bySize.add(span(size))), [true, false, true, false]);
  assertEquals([bySize.length, bySize.bytes], [2, 10]);
  bySize.take({ spans: 1, bytes: 100 });
  assertEquals([bySize.length, bySize.bytes, bySize.add(span(6))], [1, 4, true]);
});

Deno.test("SpanQueue gives one at least, however large it is", () => {
  const queue = new SpanQueue({ spans: 10, bytes: 1_000 });
  for (const size of [500, 20]) queue.add(span(size));
  assertEquals(queue.take({ spans: 10, bytes: 100 }).map(({ length }) => length), [500]);
  assertEquals(queue.take({ spans: 10, bytes: 100 }).map(({ length }) => length), [20]);
  assertEquals(queue.take({ spans: 10, bytes: 100 }), []);
});

Deno.test("SpanQueue gives all in order, and never holds more than it may", () => {
  const step = fc.oneof(
    fc.record({ add: fc.integer({ min: 0, max: 40 }) }),
    fc.record({ spans: fc.integer({ min: 1, max: 5 }), bytes: fc.integer({ min: 1, max: 60 }) }),
  );
  fc.assert(fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
    const queue = new SpanQueue({ spans: 8, bytes: 120 });
    const waiting: Uint8Array[] = [];
    for (const each of steps) {
      if ("add" in each) {
        const added = span(each.add);
        if (queue.add(added)) waiting.push(added);
      } else {
        const taken = queue.take(each);
        assert(taken.length <= each.spans);
        taken.forEach((given) => assert(given === waiting.shift()));
      }
      const bytes = waiting.reduce((sum, { length }) => sum + length, 0);
      assertEquals([queue.length, queue.bytes], [waiting.length, bytes]);
      assert(queue.length <= 8 && queue.bytes <= 120);
    }
  }));
});
