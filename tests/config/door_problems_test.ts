import type { FileKind } from "../../lib/config/mod.ts";
import { assertEquals } from "../support/assert.ts";
import { configOf, FLEET, type Given, linesOf, PAIR } from "./support.ts";

const TLS = { ...PAIR, "tls-cert": "/c", "tls-key": "/k" } as const;

const PROBLEMS: readonly (readonly [name: string, given: Given, lines: readonly string[]])[] = [
  ["a certificate alone", { flags: { ...PAIR, "tls-cert": "/c" } }, [
    "--tls-cert: needs --tls-key too",
  ]],
  ["a private key alone", { flags: { ...PAIR, "engine-tls-key": "/k" } }, [
    "--engine-tls-key: needs --engine-tls-cert too",
  ]],
  ["authorities of clients without a certificate", { flags: { ...PAIR, "tls-client-ca": "/a" } }, [
    "--tls-client-ca: needs --tls-cert and --tls-key too",
  ]],
  [
    "files that are none",
    {
      flags: { ...TLS, "tls-client-ca": "/a", "api-keys-file": "/f", "tls-ca": "/e" },
      checkFile: (path, kind) => `${path} is no ${kind}`,
      checkPair: () => "never asked",
    },
    [
      '--tls-ca "/e": /e is no authorities',
      '--tls-cert "/c": /c is no certificate',
      '--tls-key "/k": /k is no private-key',
      '--tls-client-ca "/a": /a is no certificate',
      '--api-keys-file "/f": /f is no api-keys',
    ],
  ],
  [
    "a pair that is none",
    {
      flags: TLS,
      checkFile: () => undefined,
      checkPair: (cert, key) => `${key} is not of ${cert}`,
    },
    ["--tls-key: /k is not of /c"],
  ],
  ["protection without keys", { flags: { ...PAIR, protect: "all" } }, [
    "--protect: needs keys: add --api-keys-file, or --api-key",
  ]],
  ["an unknown endpoint", { flags: { ...PAIR, "api-key": "k", protect: "/metric" } }, [
    '--protect "/metric": expected a list of all, /metrics, /version, /engines, /v1/models, ' +
    '!/metrics, !/version, !/engines or !/v1/models, received "/metric"; did you mean /metrics?',
  ]],
  [
    "a bound that libzmq cannot keep",
    { flags: { ...PAIR, "nixl-proxy-socket": "zeromq", "nixl-proxy-max-per-address": "8" } },
    [
      '--nixl-proxy-max-per-address "8": libzmq cannot count the connections of one address: ' +
      "give 0, or --nixl-proxy-socket builtin",
    ],
  ],
  ["a network that is none", { flags: { ...PAIR, "trusted-proxies": "10.0.0.0/33" } }, [
    '--trusted-proxies "10.0.0.0/33": expected addresses or networks such as 10.0.0.0/8, ' +
    'received "10.0.0.0/33"',
  ]],
];

for (const [name, given, lines] of PROBLEMS) {
  Deno.test(`resolveConfig() refuses ${name}`, () => assertEquals(linesOf(given), lines));
}

const LINK_LOCAL = "the address is link-local, which no engine should be " +
  "(--allow-link-local-engines allows it)";
const METADATA = "the address is a cloud's metadata service, which no engine should be " +
  "(--allow-link-local-engines allows it)";

const ADDRESSES: readonly (readonly [name: string, given: Given, lines: readonly string[]])[] = [
  ["a flag", { flags: { ...PAIR, prefill: "http://169.254.169.254:80" } }, [
    `--prefill "http://169.254.169.254": ${LINK_LOCAL}`,
  ]],
  [
    "a list",
    { flags: { ...FLEET, "static-backends": "http://a:8000,http://metadata.google.internal" } },
    [`--static-backends "http://metadata.google.internal": ${METADATA}`],
  ],
  [
    "a file",
    {
      flags: { "routing-logic": "roundrobin" },
      file: 'engines:\n  - {url: "http://[fe80::1]:8000", model: m}\n',
    },
    [`engines[0] in pd.yaml "http://[fe80::1]:8000": ${LINK_LOCAL}`],
  ],
];

for (const [name, given, lines] of ADDRESSES) {
  Deno.test(`resolveConfig() refuses engines at addresses that none should have, of ${name}`, () => {
    assertEquals(linesOf(given), lines);
    const flags = { ...given.flags, "allow-link-local-engines": "true" };
    assertEquals(configOf({ ...given, flags }).doors.allowLinkLocalEngines, true);
  });
}

Deno.test("resolveConfig() asks for each file by what it must hold", () => {
  const asked: [string, FileKind][] = [];
  configOf({
    flags: {
      ...TLS,
      "tls-client-ca": "/a",
      "engine-tls-cert": "/ec",
      "engine-tls-key": "/ek",
      "tls-ca": "/ea",
      "api-keys-file": "/f",
    },
    checkFile: (path, kind) => void asked.push([path, kind]),
  });
  assertEquals(asked, [
    ["/ea", "authorities"],
    ["/c", "certificate"],
    ["/k", "private-key"],
    ["/a", "certificate"],
    ["/ec", "certificate"],
    ["/ek", "private-key"],
    ["/f", "api-keys"],
  ]);
});
