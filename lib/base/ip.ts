/** IP addresses as bytes. @module */

/**
 * An address: 4 bytes of IPv4 or 16 of IPv6. An IPv4 address that is mapped into IPv6
 * (`::ffff:10.0.0.1`) is the IPv4 address.
 */
export type IpAddress = Uint8Array;

const V4_BYTES = 4;
const V6_BYTES = 16;
const GROUPS = 8;

/** First bytes of IPv6 addresses that stand for IPv4 ones (RFC 4291 section 2.5.5.2). */
const MAPPED = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff] as const;

/**
 * The address that `text` is in the usual notations, without brackets; undefined when it is none. A
 * zone (`fe80::1%eth0`) is left out.
 */
export function parseAddress(text: string): IpAddress | undefined {
  const address = parseRaw(text);
  return address === undefined ? undefined : unmapped(address);
}

/** As {@linkcode parseAddress}; an address that is mapped stays as it is written. */
export function parseRaw(text: string): IpAddress | undefined {
  if (!text.includes(":")) return parseV4(text);
  const [bare = "", ...zones] = text.split("%");
  return zones.length > 1 || zones[0] === "" ? undefined : parseV6(bare);
}

/** Whether `address` stands for an IPv4 one. */
export function isMapped(address: IpAddress): boolean {
  return address.length === V6_BYTES && MAPPED.every((byte, index) => address[index] === byte);
}

/** The text of `address`, of IPv6 as RFC 5952 wants it. */
export function addressText(address: IpAddress): string {
  return address.length === V4_BYTES ? address.join(".") : v6Text(address);
}

/** `text` in its one form where it is an address, else as it is: peers are compared by it. */
export function plainAddress(text: string): string {
  // What a socket tells of an IPv4 peer is in that form already.
  if (!text.includes(":")) return text;
  const address = parseAddress(text);
  return address === undefined ? text : addressText(address);
}

function unmapped(address: IpAddress): IpAddress {
  return isMapped(address) ? address.slice(MAPPED.length) : address;
}

/** Four decimal numbers; a leading zero is refused, as some readers take such a number for octal. */
function parseV4(text: string): IpAddress | undefined {
  const parts = text.split(".");
  const fits = parts.length === V4_BYTES &&
    parts.every((part) => /^(?:0|[1-9]\d{0,2})$/.test(part) && Number(part) <= 0xff);
  return fits ? Uint8Array.from(parts, Number) : undefined;
}

function parseV6(text: string): IpAddress | undefined {
  const halves = text.split("::");
  if (halves.length > 2) return undefined;
  const [before, after] = halves.map((half, index) => groupsOf(half, index === halves.length - 1));
  if (before === undefined || (halves.length === 2 && after === undefined)) return undefined;
  const missing = GROUPS - before.length - (after?.length ?? 0);
  // Two colons stand for one group at least.
  if (after === undefined ? missing !== 0 : missing < 1) return undefined;
  const groups = [...before, ...new Array<number>(missing).fill(0), ...after ?? []];
  return Uint8Array.from(groups.flatMap((group) => [group >> 8, group & 0xff]));
}

/** The groups of one side of `::`; the last of all may be an IPv4 address, and counts as two. */
function groupsOf(text: string, last: boolean): number[] | undefined {
  if (text === "") return [];
  const parts = text.split(":");
  const groups: number[] = [];
  for (const [index, part] of parts.entries()) {
    if (/^[\da-f]{1,4}$/i.test(part)) {
      groups.push(parseInt(part, 16));
      continue;
    }
    const v4 = last && index === parts.length - 1 ? parseV4(part) : undefined;
    if (v4 === undefined) return undefined;
    const [a = 0, b = 0, c = 0, d = 0] = v4;
    groups.push((a << 8) | b, (c << 8) | d);
  }
  return groups;
}

function v6Text(address: IpAddress): string {
  const groups = Array.from(
    { length: GROUPS },
    (_, index) => ((address[2 * index] ?? 0) << 8) | (address[2 * index + 1] ?? 0),
  );
  const { start, length } = longestZeros(groups);
  const hex = groups.map((group) => group.toString(16));
  if (length < 2) return hex.join(":");
  return `${hex.slice(0, start).join(":")}::${hex.slice(start + length).join(":")}`;
}

/** The longest run of zeros, the first of several. */
function longestZeros(groups: readonly number[]): { readonly start: number; length: number } {
  let best = { start: 0, length: 0 };
  let run = best;
  for (const [index, group] of groups.entries()) {
    if (group !== 0) run = { start: index + 1, length: 0 };
    else {
      run = { start: run.length === 0 ? index : run.start, length: run.length + 1 };
      if (run.length > best.length) best = run;
    }
  }
  return best;
}
