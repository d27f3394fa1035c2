import { deflateRawSync, deflateSync, gzipSync } from "node:zlib";
import { concatBytes, encodeUtf8, RouterError } from "../../lib/base/mod.ts";
import { BodyDecoder, type Coding, codingOf } from "../../lib/http/coding.ts";
import { assertEquals, assertRejects, assertThrows } from "../support/assert.ts";
import { CountingBreather } from "../support/counting_breather.ts";

const TEXT = encodeUtf8(JSON.stringify({ model: "m", prompt: "a \u00e9 text ".repeat(3_000) }));

/** What is decoded of `bytes`, written so many at a time, and how large its largest part is. */
async function decoded(
  coding: Coding,
  bytes: Uint8Array,
  step = bytes.length,
  breather = new CountingBreather(),
): Promise<{ readonly bytes: Uint8Array; readonly largest: number }> {
  const parts: Uint8Array[] = [];
  using decoder = new BodyDecoder(coding, (part) => parts.push(part), breather);
  for (let at = 0; at < bytes.length; at += step) {
    await decoder.write(bytes.subarray(at, at + step));
  }
  await decoder.end();
  return {
    bytes: new Uint8Array(concatBytes(parts)),
    largest: Math.max(0, ...parts.map(({ length }) => length)),
  };
}

const FORMS: readonly (readonly [name: string, coding: Coding, bytes: Uint8Array])[] = [
  ["gzip", "gzip", gzipSync(TEXT)],
  [
    "gzip of several members",
    "gzip",
    concatBytes([gzipSync(TEXT.subarray(0, 99)), gzipSync(TEXT.subarray(99))]),
  ],
  ["deflate", "deflate", deflateSync(TEXT)],
  ["deflate without its header", "deflate", deflateRawSync(TEXT)],
];

for (const [name, coding, bytes] of FORMS) {
  Deno.test(`BodyDecoder decodes ${name}, however it is cut`, async () => {
    for (const step of [1, 7, bytes.length]) {
      assertEquals((await decoded(coding, bytes, step)).bytes.length, TEXT.length);
    }
    assertEquals((await decoded(coding, bytes, 100)).bytes, new Uint8Array(TEXT));
  });

  Deno.test(`BodyDecoder refuses ${name} that is cut short`, async () => {
    for (const length of [1, 20, bytes.length - 1]) {
      const error = await assertRejects(() => decoded(coding, bytes.slice(0, length)), RouterError);
      assertEquals([error.code, error.message.includes(`not valid ${coding}`)], [
        "bad-request",
        true,
      ]);
    }
  });
}

Deno.test("BodyDecoder refuses what is none", async () => {
  for (const coding of ["gzip", "deflate"] as const) {
    await assertRejects(() => decoded(coding, encodeUtf8('{"model":"m"}')), RouterError);
  }
});

Deno.test("BodyDecoder gives a bomb out in small parts, and rests between them", async () => {
  const breather = new CountingBreather();
  const bomb = gzipSync(new Uint8Array(8 * 1024 * 1024));
  const { bytes, largest } = await decoded("gzip", bomb, bomb.length, breather);
  assertEquals([bytes.length, largest], [8 * 1024 * 1024, 64 * 1024]);
  assertEquals(breather.pauses, 128);
});

Deno.test("BodyDecoder stops at the part that is refused", async () => {
  let parts = 0;
  const refuse = (): void => {
    if (++parts === 3) throw new RangeError("enough");
  };
  using decoder = new BodyDecoder("gzip", refuse, undefined);
  await assertRejects(() => decoder.write(gzipSync(new Uint8Array(8 * 1024 * 1024))), RangeError);
  assertEquals(parts, 3);
});

Deno.test("codingOf() knows gzip and deflate, and none, in any case", () => {
  const fields = [undefined, "", "identity", "gzip", "GZIP", " x-gzip ", "Deflate"];
  assertEquals(fields.map(codingOf), [
    undefined,
    undefined,
    undefined,
    "gzip",
    "gzip",
    "gzip",
    "deflate",
  ]);
  for (const other of ["br", "zstd", "gzip, gzip", "compress", "x"]) {
    const error = assertThrows(() => codingOf(other), RouterError, "gzip, deflate");
    assertEquals(error.code, "unsupported-coding");
  }
});
