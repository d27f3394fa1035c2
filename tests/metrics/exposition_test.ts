import fc from "fast-check";
import { atOnce, decodeUtf8, encodeUtf8 } from "../../lib/base/mod.ts";
import { SampleReader, type Samples, samplesOf } from "../../lib/metrics/mod.ts";
import { assert, assertEquals } from "../support/assert.ts";

const NAMES = ["vllm:a", "vllm:a_total", "vllm:b"];

function read(text: string | Uint8Array, size = Infinity): Samples {
  const bytes = typeof text === "string" ? encodeUtf8(text) : text;
  const reader = new SampleReader(NAMES);
  for (let at = 0; at < bytes.length; at += size) {
    // A copy that is spoilt behind the reader's back, as a connection's buffer is.
    const piece = bytes.slice(at, at + size);
    atOnce(reader.push(piece));
    piece.fill(0x41);
  }
  return reader.end();
}

/** Sums by name, for comparison. */
function sums(samples: Samples): Readonly<Record<string, number>> {
  return Object.fromEntries([...samples].map(([name, { sum }]) => [name, sum]));
}

Deno.test("samplesOf() sums a name's series and counts them, with labels of any kind", () => {
  const text = '# HELP vllm:a A.\n# TYPE vllm:a gauge\nvllm:a{engine="0",m="x} y"} 1.5\n' +
    'vllm:a{engine="1",m="a \\"quoted\\" {\\\\"}2e1 1700000000\nvllm:a 3\r\nvllm:ab 7\n' +
    'vllm:a_total{} 4\nvllm:a_bucket{le="1"} 9\nother 1\n\nvllm:b 5';
  assertEquals([...samplesOf(encodeUtf8(text), NAMES)], [
    ["vllm:a", { sum: 24.5, count: 3 }],
    ["vllm:a_total", { sum: 4, count: 1 }],
    ["vllm:b", { sum: 5, count: 1 }],
  ]);
});

Deno.test("samplesOf() passes over what is no sample", () => {
  const amiss = ["NaN", "+Inf", "-Inf", "0x10", "", "1,5", "1_0", "Infinity", "1e999", "one"];
  for (const value of amiss) assertEquals(sums(read(`vllm:a ${value}\n`)), {}, value);
  for (const line of ['vllm:a{x="1" 2', 'vllm:a{x="1\\"} 2', "vllm:a", "vllm:a{", "{} 1"]) {
    assertEquals(sums(read(`${line}\n`)), {}, line);
  }
  assertEquals(sums(read("vllm:a 1e308\n".repeat(3))), { "vllm:a": 1e308 });
  assertEquals(sums(read(`vllm:a 1\nvllm:a ${"9".repeat(20_000)}\nvllm:a 2\n`)), { "vllm:a": 3 });
});

Deno.test("SampleReader reads the same in pieces of any size", () => {
  const text = 'vllm:a{m="é"} 1\n# vllm:a 9\nvllm:b{} 2.25\nvllm:a -0.5\nvllm:a_total 1e3\n';
  const whole = { "vllm:a": 0.5, "vllm:b": 2.25, "vllm:a_total": 1000 };
  for (const size of [1, 2, 3, 7, 16, 1000]) assertEquals(sums(read(text, size)), whole, `${size}`);
});

Deno.test("SampleReader takes arbitrary bytes, in arbitrary pieces, and never throws", () => {
  const token = fc.constantFrom(
    ...[
      "vllm:a",
      "vllm:b",
      "{",
      "}",
      '"',
      "\\",
      "=",
      " ",
      "\n",
      "1",
      "e",
      ".",
      "-",
      "#",
      "\0",
      "é",
    ],
  );
  const texts = fc.oneof(
    fc.uint8Array({ maxLength: 400 }),
    fc.array(token, { maxLength: 80 }).map((tokens) => encodeUtf8(tokens.join(""))),
  );
  fc.assert(
    fc.property(texts, fc.integer({ min: 1, max: 50 }), (bytes, size) => {
      const found = sums(read(bytes, size));
      assertEquals(found, sums(read(bytes)));
      for (const [name, sum] of Object.entries(found)) {
        assert(NAMES.includes(name) && Number.isFinite(sum), `${name} ${sum}`);
        assert(decodeUtf8(bytes).includes(name));
      }
    }),
    { numRuns: 500 },
  );
});

Deno.test("SampleReader finds written samples again, whatever stands around them", () => {
  const label = fc.string({ unit: "grapheme", maxLength: 20 }).map((text) =>
    text.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n")
  );
  const value = fc.double({ noNaN: true, noDefaultInfinity: true, min: -1e12, max: 1e12 });
  const noise = fc.constantFrom("", "# a comment", "nonsense", 'vllm:a{x="', "vllm:c 4");
  fc.assert(
    fc.property(fc.array(fc.tuple(label, value, noise), { maxLength: 20 }), (rows) => {
      const text = rows.map(([m, v, n]) => `${n}\nvllm:a{m="${m}"} ${v}\n`).join("");
      const found = samplesOf(encodeUtf8(text), NAMES).get("vllm:a");
      const sum = rows.reduce((all, [, v]) => all + v, 0);
      assertEquals(found, rows.length === 0 ? undefined : { sum, count: rows.length });
    }),
  );
});

Deno.test("SampleReader works in steps, and keeps no more than a line", () => {
  const reader = new SampleReader(NAMES);
  const text = encodeUtf8("vllm:a 1\n".repeat(100_000));
  let steps = 0;
  for (const _ of reader.push(text)) steps++;
  assert(steps > 10, `${steps}`);
  assertEquals(reader.end().get("vllm:a"), { sum: 100_000, count: 100_000 });
});
