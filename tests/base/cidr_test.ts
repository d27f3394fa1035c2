import fc from "fast-check";
import {
  addressText,
  isAmong,
  isWithin,
  type Network,
  networkText,
  parseNetwork,
} from "../../lib/base/mod.ts";
import { assertEquals, fail } from "../support/assert.ts";

function network(text: string): Network {
  return parseNetwork(text) ?? fail(text);
}

const NETWORKS: readonly (readonly [text: string, canonical: string | undefined])[] = [
  ["10.0.0.0/8", "10.0.0.0/8"],
  ["10.1.2.3/8", "10.0.0.0/8"],
  ["10.1.2.3", "10.1.2.3/32"],
  ["10.255.255.255/9", "10.128.0.0/9"],
  ["0.0.0.0/0", "0.0.0.0/0"],
  ["::/0", "::/0"],
  ["::1", "::1/128"],
  ["fe80::1/10", "fe80::/10"],
  ["::ffff:10.1.2.3/104", "10.0.0.0/8"],
  ["::ffff:0:0/96", "0.0.0.0/0"],
  ["10.0.0.0/33", undefined],
  ["::/129", undefined],
  ["10.0.0.0/", undefined],
  ["10.0.0.0/-1", undefined],
  ["10.0.0.0/08", undefined],
  ["10.0.0.0/8/8", undefined],
  ["10.0.0.0/255.0.0.0", undefined],
  ["fe80::%eth0/10", undefined],
  ["10/8", undefined],
  ["localhost", undefined],
  ["*", undefined],
  ["", undefined],
];

for (const [text, canonical] of NETWORKS) {
  Deno.test(`parseNetwork() reads "${text}" as ${canonical}`, () => {
    const read = parseNetwork(text);
    assertEquals(read === undefined ? undefined : networkText(read), canonical);
  });
}

const MEMBERS: readonly (readonly [address: string, network: string, member: boolean])[] = [
  ["10.255.0.1", "10.0.0.0/8", true],
  ["11.0.0.1", "10.0.0.0/8", false],
  ["::ffff:10.0.0.1", "10.0.0.0/8", true],
  ["10.0.0.1", "::ffff:10.0.0.0/104", true],
  ["10.0.0.1", "::/0", false],
  ["::1", "0.0.0.0/0", false],
  ["fe80::1%eth0", "fe80::/10", true],
  ["febf::1", "fe80::/10", true],
  ["fec0::1", "fe80::/10", false],
  ["unknown", "0.0.0.0/0", false],
];

for (const [address, text, member] of MEMBERS) {
  Deno.test(`isAmong() says ${member} of ${address} in ${text}`, () => {
    assertEquals(isAmong(address, [network(text)]), member);
    assertEquals(isAmong(address, [network("192.0.2.7"), network(text)]), member);
    assertEquals(isAmong(address, []), false);
  });
}

function bitsOf(address: Uint8Array): string {
  return Array.from(address, (byte) => byte.toString(2).padStart(8, "0")).join("");
}

Deno.test("isWithin() compares the bits of the prefix, and those alone", () => {
  const bytes = fc.constantFrom(4, 16).chain((size) =>
    fc.record({
      address: fc.uint8Array({ minLength: size, maxLength: size }),
      base: fc.uint8Array({ minLength: size, maxLength: size }),
      prefix: fc.nat(size * 8),
      // A prefix in common, or there would hardly be a member.
      shared: fc.nat(size),
    })
  );
  fc.assert(fc.property(bytes, ({ address, base, prefix, shared }) => {
    const near = Uint8Array.from([...base.subarray(0, shared), ...address.subarray(shared)]);
    const text = `${addressText(base)}/${prefix}`;
    // Under a shorter prefix than theirs, mapped addresses are some of IPv6.
    if (base.length === 16 && bitsOf(base).startsWith("0".repeat(80))) return;
    const inside = isWithin(near, network(text));
    assertEquals(inside, bitsOf(near).slice(0, prefix) === bitsOf(base).slice(0, prefix), text);
  }));
});

Deno.test("parseNetwork() has each member of a network name the same network", () => {
  fc.assert(fc.property(
    fc.uint8Array({ minLength: 4, maxLength: 4 }),
    fc.nat(32),
    (base, prefix) => {
      const first = network(`${addressText(base)}/${prefix}`);
      assertEquals(network(networkText(first)), first);
      assertEquals(isWithin(base, first), true);
      assertEquals(isAmong(`::ffff:${addressText(base)}`, [first]), true);
    },
  ));
});
