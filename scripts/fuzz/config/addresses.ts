/** IP addresses, networks, URLs of engines and origins of pages, beside `URL`. @module */
import {
  addressText,
  engineAddressProblem,
  isWithin,
  networkText,
  parseAddress,
  parseNetwork,
  RouterError,
} from "../../../lib/base/mod.ts";
import { parseRaw } from "../../../lib/base/ip.ts";
import { parseOrigins } from "../../../lib/config/mod.ts";
import { parseEngineUrl } from "../../../lib/config/url.ts";
import { maskUrls } from "../../../lib/config/value.ts";
import { parseOrigin } from "../../../lib/upstream/origin.ts";
import { HEX_DIGITS } from "../corpora/alphabets.ts";
import type { Corpus } from "../mutate.ts";
import { difference, outcomeOf, short } from "../outcome.ts";
import { parserTarget, type Verdict } from "../parser_target.ts";
import type { FuzzTarget } from "../target.ts";
import { textOf } from "../text.ts";

/** What reads addresses. */
export interface AddressReaders {
  readonly address: typeof parseAddress;
  readonly network: typeof parseNetwork;
}

const CORPUS: Corpus = {
  seeds: [
    "10.0.0.1",
    "10.0.0.0/8",
    "255.255.255.255/32",
    "010.0.0.1",
    "1.2.3",
    "::",
    "::1",
    "2001:db8::/32",
    "1:2:3:4:5:6:7:8/128",
    "::ffff:10.0.0.1",
    "::ffff:0:0/96",
    "1::8",
    "1:2:3:4:5:6:1.2.3.4",
    "fe80::1%eth0",
    "0:0:1::0:0",
    "::/0",
    "",
  ],
  words: [...HEX_DIGITS, ...":./%", "::", "0.0", "ffff", "1.2.3.4", "/0", "/128", "256"],
  lineEnd: ":",
};

/** The target of addresses and networks. */
export function addressesTarget(readers: Partial<AddressReaders> = {}): FuzzTarget {
  const { address, network } = { address: parseAddress, network: parseNetwork, ...readers };
  return parserTarget({
    name: "addresses",
    about: "IP addresses and networks, beside URL",
    corpus: CORPUS,
    check(input) {
      const text = textOf(input);
      const parsed = network(text);
      if (parsed !== undefined) {
        const again = network(networkText(parsed));
        const wrong = difference("again", again, parsed);
        if (wrong !== undefined) return wrong;
        if (!isWithin(parsed.address, parsed)) return `within: ${networkText(parsed)}`;
      }
      return addressProblemOf(text, address(text), parseRaw(text));
    },
  });
}

function addressProblemOf(
  text: string,
  address: Uint8Array | undefined,
  raw: Uint8Array | undefined,
): Verdict {
  if (address !== undefined) {
    const again = difference("text", parseAddress(addressText(address)), address);
    if (again !== undefined) return again;
  }
  const v6 = text.includes(":");
  if (text.includes("%")) return undefined;
  const url = v6 ? `http://[${text}]/` : `http://${text}/`;
  const host = URL.canParse(url) && /^[\da-fA-F:.]*$/.test(text)
    ? new URL(url).hostname
    : undefined;
  // Besides the usual form URLs know others of IPv4, which are none here.
  const wanted = v6 || host === text ? host : undefined;
  const isV4 = wanted !== undefined && /^\d+(?:\.\d+){3}$/.test(wanted);
  const known = v6 || isV4 ? wanted?.replace(/^\[(.*)\]$/, "$1") : undefined;
  return difference("url", raw === undefined ? undefined : addressText(raw), known);
}

const URLS: Corpus = {
  seeds: [
    "http://10.0.0.1:8000",
    "https://a.example/base/",
    "http://[::1]:80/x",
    "http://user:pa55word@a:1",
    "http://169.254.169.254/latest",
    "http://metadata.google.internal./",
    "https://chat.example",
    "chrome-extension://abcdef",
    "http://a:0/v1",
    "http://a?b#c",
    "HTTP://A:80",
    "http://0x7f.1",
    "null",
    "*",
  ],
  words: [
    ..."/:@?#[].%\\ ",
    "http://",
    "https://",
    "user:pa55word@",
    ":80",
    "/v1",
    "::1",
  ],
  lineEnd: "/",
};

/** The target of URLs, with `parse` for those of engines. */
export function urlsTarget(parse: typeof parseEngineUrl = parseEngineUrl): FuzzTarget {
  return parserTarget({
    name: "urls",
    about: "URLs of engines and origins of pages, beside URL",
    corpus: URLS,
    check(input) {
      const text = textOf(input);
      engineAddressProblem(text);
      const masked = maskUrls(`--decode ${text} is wrong`);
      const secret = text.startsWith("http://user:pa55word@");
      if (secret && masked.includes("pa55word")) {
        return `secret: ${short(masked)}`;
      }
      const origin = outcomeOf(() => parseOrigin(text), RouterError);
      if (secret && !origin.ok && origin.error.message.includes("pa55word")) {
        return `secret: ${short(origin.error.message)}`;
      }
      const origins = parseOrigins([text]);
      if (origins.ok && Array.isArray(origins.value)) {
        const wrong = difference("origin", parseOrigins(origins.value), origins);
        if (wrong !== undefined) return wrong;
      }
      const parsed = parse(text);
      if (!parsed.ok) return undefined;
      const { url } = parsed.value;
      const again = parse(url);
      if (!again.ok || again.value.url !== url) return `again: ${short(url)}`;
      const used = outcomeOf(() => parseOrigin(url), RouterError);
      return used.ok || new URL(url).port === "0" ? undefined : `used: ${used.error.message}`;
    },
  });
}
