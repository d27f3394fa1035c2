import fc from "fast-check";
import { addressText, parseAddress, plainAddress } from "../../lib/base/mod.ts";
import { assertEquals } from "../support/assert.ts";

const ADDRESSES: readonly (readonly [text: string, plain: string | undefined])[] = [
  ["10.0.0.1", "10.0.0.1"],
  ["255.255.255.255", "255.255.255.255"],
  ["::", "::"],
  ["::1", "::1"],
  ["fe80::1", "fe80::1"],
  ["fe80::1%eth0", "fe80::1"],
  ["FE80:0:0:0:0:0:0:1", "fe80::1"],
  ["2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"],
  ["2001:0:0:1:0:0:0:1", "2001:0:0:1::1"],
  ["2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"],
  ["1::", "1::"],
  ["::ffff:10.0.0.1", "10.0.0.1"],
  ["::ffff:a00:1", "10.0.0.1"],
  ["0:0:0:0:0:ffff:10.0.0.1", "10.0.0.1"],
  ["::10.0.0.1", "::a00:1"],
  ["64:ff9b::10.0.0.1", "64:ff9b::a00:1"],
  ["10.0.0", undefined],
  ["10.0.0.256", undefined],
  ["10.0.0.01", undefined],
  ["10.0.0.0x1", undefined],
  [" 10.0.0.1", undefined],
  ["10.0.0.1/8", undefined],
  ["167772161", undefined],
  ["", undefined],
  [":", undefined],
  [":::", undefined],
  ["1::2::3", undefined],
  ["1:2:3:4:5:6:7", undefined],
  ["1:2:3:4:5:6:7:8:9", undefined],
  ["1:2:3:4:5:6:7::8", undefined],
  ["10.0.0.1::", undefined],
  ["::10.0.0.1:1", undefined],
  ["12345::", undefined],
  ["g::", undefined],
  ["[::1]", undefined],
  ["::1%", undefined],
  ["::1%a%b", undefined],
  ["localhost", undefined],
];

for (const [text, plain] of ADDRESSES) {
  Deno.test(`parseAddress() reads "${text}" as ${plain}`, () => {
    const address = parseAddress(text);
    assertEquals(address === undefined ? undefined : addressText(address), plain);
  });
}

Deno.test("plainAddress() gives an address its one form, and leaves what is none", () => {
  const rows = [["::FFFF:10.0.0.1", "10.0.0.1"], ["0:0::1", "::1"], ["a:b", "a:b"], ["x", "x"]];
  for (const [text = "", plain] of rows) assertEquals(plainAddress(text), plain);
});

Deno.test("parseAddress() reads what addressText() writes", () => {
  const bytes = fc.oneof(
    fc.uint8Array({ minLength: 4, maxLength: 4 }),
    // Many zeros, or there would hardly be a run of them.
    fc.array(fc.oneof(fc.constant(0), fc.nat(255)), { minLength: 16, maxLength: 16 })
      .map((list) => Uint8Array.from(list)),
  );
  fc.assert(fc.property(bytes, (address) => {
    const read = parseAddress(addressText(address));
    const mapped = address.length === 16 && addressText(address).startsWith("::ffff:") &&
      address.subarray(0, 10).every((byte) => byte === 0);
    assertEquals(read, mapped ? address.slice(12) : address);
  }));
});

Deno.test("parseAddress() agrees with URL about IPv6 addresses, and takes no other text", () => {
  const text = fc.string({ unit: fc.constantFrom(..."0123af:.%"), maxLength: 24 });
  fc.assert(
    fc.property(text, (candidate) => {
      if (!candidate.includes(":") || candidate.includes("%")) return;
      const url = URL.canParse(`http://[${candidate}]/`);
      assertEquals(parseAddress(candidate) !== undefined, url, candidate);
    }),
    { numRuns: 2000 },
  );
});
