import { encode } from "@msgpack/msgpack";
import fc from "fast-check";
import { decodeNotice, MAX_NOTICE_BYTES, type Notice } from "../../lib/zmq/mod.ts";
import { assert, assertEquals, assertStringIncludes } from "../support/assert.ts";
import { hex, proxyNotif } from "./support.ts";

// Made with msgspec from LMCache's own structs.
const VECTORS: readonly (readonly [name: string, bytes: string, notice: Notice])[] = [
  [
    "ProxyNotif of generations B, C and D",
    `82 a4 74 79 70 65 aa 50 72 6f 78 79 4e 6f 74 69 66 a6 72 65 71 5f 69 64 a1 31`,
    { kind: "kv-ready", reqId: "1" },
  ],
  [
    "ProxyNotif with a UUID",
    `82 a4 74 79 70 65 aa 50 72 6f 78 79 4e 6f 74 69 66 a6 72 65 71 5f 69 64 d9 24 31 32 33 65 34
     35 36 37 2d 65 38 39 62 2d 31 32 64 33 2d 61 34 35 36 2d 34 32 36 36 31 34 31 37 34 30 30 30`,
    { kind: "kv-ready", reqId: "123e4567-e89b-12d3-a456-426614174000" },
  ],
  [
    "NixlProxyNotif of generation A",
    `82 a4 74 79 70 65 ae 4e 69 78 6c 50 72 6f 78 79 4e 6f 74 69 66 a6 72 65 71 5f 69 64 a1 31`,
    { kind: "kv-ready", reqId: "1" },
  ],
  [
    "CancelNotif of generation D",
    `83 a4 74 79 70 65 ab 43 61 6e 63 65 6c 4e 6f 74 69 66 a6 72 65 71 5f 69 64 a1 31 a4 6b 65 79
     73 91 a1 6b`,
    { kind: "cancelled", reqId: "1" },
  ],
];

for (const [name, bytes, notice] of VECTORS) {
  Deno.test(`decodeNotice() reads ${name}`, () => {
    assertEquals(decodeNotice([hex(bytes)]), notice);
  });

  Deno.test(`decodeNotice() takes no cut or prolonged form of ${name}`, () => {
    const whole = hex(bytes);
    for (let length = 0; length < whole.length; length++) {
      const { kind } = decodeNotice([whole.subarray(0, length)]);
      assertEquals(kind, "garbage", `${length} of ${whole.length} bytes`);
    }
    assertEquals(decodeNotice([Uint8Array.of(...whole, 0)]).kind, "garbage");
  });
}

Deno.test("decodeNotice() reads by key: any order, keys beside, a view into a larger buffer", () => {
  const frame = encode({
    rank: 3,
    req_id: "a",
    extra: { deep: [1, null, "x"] },
    type: "ProxyNotif",
  });
  const buffer = new Uint8Array(frame.length + 20).fill(0xc1);
  buffer.set(frame, 7);
  const view = buffer.subarray(7, 7 + frame.length);
  assertEquals(decodeNotice([view]), { kind: "kv-ready", reqId: "a" });
});

Deno.test("decodeNotice() reads usual ids of every length and letter as it reads others", () => {
  for (let length = 25; length <= 300; length++) {
    for (const letter of ["a", "é", "\u007f"]) {
      const reqId = letter.repeat(length);
      const notice = decodeNotice([encode({ type: "ProxyNotif", req_id: reqId })]);
      assertEquals(notice, { kind: "kv-ready", reqId }, `${length} times ${letter}`);
      const other = decodeNotice([encode({ type: "ProxyNotif", req_id: reqId, more: 1 })]);
      assertEquals(other, notice);
    }
  }
});

Deno.test("decodeNotice() keeps nothing of the frame", () => {
  const frame = proxyNotif("request");
  const notice = decodeNotice([frame]);
  frame.fill(0);
  assertEquals(notice, { kind: "kv-ready", reqId: "request" });
});

Deno.test("decodeNotice() takes an integer id as its decimal text", () => {
  const ids: readonly (readonly [string, string])[] = [
    ["07", "7"],
    ["ff", "-1"],
    ["cd 01 2c", "300"],
    ["cf ff ff ff ff ff ff ff ff", "18446744073709551615"],
    ["d3 80 00 00 00 00 00 00 00", "-9223372036854775808"],
  ];
  const head = "82 a4 74 79 70 65 aa 50 72 6f 78 79 4e 6f 74 69 66 a6 72 65 71 5f 69 64";
  for (const [bytes, text] of ids) {
    assertEquals(decodeNotice([hex(`${head} ${bytes}`)]), { kind: "kv-ready", reqId: text });
  }
});

Deno.test("decodeNotice() calls other ids garbage", () => {
  for (const id of [null, true, 1.5, NaN, "", "x".repeat(513), [], {}, Uint8Array.of(1)]) {
    const notice = decodeNotice([proxyNotif(id)]);
    assertEquals(notice, { kind: "garbage", reason: `no usable "req_id" in ProxyNotif` });
  }
  assertEquals(decodeNotice([encode({ type: "CancelNotif" })]).kind, "garbage");
  assertEquals(decodeNotice([proxyNotif("x".repeat(512))]).kind, "kv-ready");
});

Deno.test("decodeNotice() names the type of a message it does not know", () => {
  const request = encode({ type: "AllocRequest", keys: ["k"], fmt: 1, req_id: "1" });
  assertEquals(decodeNotice([request]), { kind: "unknown", type: "AllocRequest" });
  assertEquals(decodeNotice([encode({ type: "toString" })]), { kind: "unknown", type: "toString" });
});

Deno.test("decodeNotice() calls everything that is no tagged map garbage", () => {
  for (const value of [null, 1, "ProxyNotif", ["ProxyNotif", "1"], {}, { type: 1, req_id: "1" }]) {
    assertEquals(decodeNotice([encode(value)]).kind, "garbage", JSON.stringify(value));
  }
  assertEquals(decodeNotice([hex("c1")]).kind, "garbage");
  // A key that would reach the prototype.
  assertEquals(decodeNotice([encode({ ["__proto__"]: 1, type: "ProxyNotif" })]).kind, "garbage");
});

Deno.test("decodeNotice() takes exactly one frame", () => {
  const frame = proxyNotif("1");
  const empty = new Uint8Array();
  assertEquals(decodeNotice([]), { kind: "garbage", reason: "0 frames" });
  assertEquals(decodeNotice([empty, frame]), { kind: "garbage", reason: "2 frames" });
  assertEquals(decodeNotice([frame, frame]), { kind: "garbage", reason: "2 frames" });
  assertEquals(decodeNotice([empty]).kind, "garbage");
});

Deno.test("decodeNotice() does not look at a frame over 4 KiB", () => {
  const padded = (bytes: number): Uint8Array =>
    encode({ type: "ProxyNotif", req_id: "1", pad: "x".repeat(bytes) });
  const overhead = padded(4000).length - 4000;
  const fits = padded(MAX_NOTICE_BYTES - overhead);
  assertEquals(fits.length, MAX_NOTICE_BYTES);
  assertEquals(decodeNotice([fits]).kind, "kv-ready");
  const over = decodeNotice([padded(MAX_NOTICE_BYTES - overhead + 1)]);
  assertEquals(over, { kind: "garbage", reason: "4097 bytes" });
});

Deno.test("decodeNotice() reserves no room for items that are only announced", () => {
  for (const bytes of ["dd ff ff ff ff", "dd 01 ff ff ff", "df ff ff ff ff", "db 7f ff ff ff"]) {
    const notice = decodeNotice([hex(bytes)]);
    assert(notice.kind === "garbage");
    assertStringIncludes(notice.reason, "not msgpack: ");
    assertStringIncludes(notice.reason, "length exceeded", "refused by its announced size");
  }
});

Deno.test("decodeNotice() never throws, whatever the bytes", () => {
  const start = [...hex("82 a4 74 79 70 65 aa 50 72 6f 78 79 4e 6f 74 69 66")];
  fc.assert(
    fc.property(
      fc.array(fc.uint8Array({ maxLength: 64 }), { maxLength: 3 }),
      fc.boolean(),
      (frames, lawfulStart) => {
        const sent = lawfulStart ? frames.map((tail) => Uint8Array.of(...start, ...tail)) : frames;
        assert(["kv-ready", "cancelled", "unknown", "garbage"].includes(decodeNotice(sent).kind));
      },
    ),
    { seed: 7, numRuns: 300 },
  );
});

Deno.test("decodeNotice() gives back every id that was encoded", () => {
  const codePoint = fc.nat({ max: 0x10ffff }).filter((code) => code < 0xd800 || code > 0xdfff);
  fc.assert(
    fc.property(
      fc.array(codePoint, { minLength: 1, maxLength: 256 }).map((codes) =>
        String.fromCodePoint(...codes)
      ),
      fc.constantFrom("ProxyNotif", "NixlProxyNotif"),
      (reqId, type) => {
        assertEquals(decodeNotice([proxyNotif(reqId, type)]), { kind: "kv-ready", reqId });
      },
    ),
    { seed: 7, numRuns: 300 },
  );
});
