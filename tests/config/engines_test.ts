import { assertEquals, assertStringIncludes } from "../support/assert.ts";
import { configOf, type Given, linesOf } from "./support.ts";

const PREFILL = "http://p:8000";

function decoders(...decode: readonly string[]): Given {
  return { flags: { prefill: PREFILL, decode } };
}

Deno.test("--decode takes ports, host and models", () => {
  const { engines } = configOf(
    decoders(
      "http://d1:8000/;init=7300,7301;alloc=7400,7401;query=7500,7501;host=10.0.0.7;model=m,n",
      "http://d2:8000; init = 7300 ; alloc=7400 ;",
    ),
  );
  assertEquals(engines.slice(1), [
    {
      id: "d1:8000",
      url: "http://d1:8000",
      role: "decode",
      models: ["m", "n"],
      kv: "lmcache",
      nixl: {
        host: "10.0.0.7",
        initPorts: [7300, 7301],
        allocPorts: [7400, 7401],
        queryPorts: [7500, 7501],
        modes: ["p1"],
      },
    },
    {
      id: "d2:8000",
      url: "http://d2:8000",
      role: "decode",
      models: [],
      kv: "lmcache",
      nixl: { host: "d2", initPorts: [7300], allocPorts: [7400], modes: ["p1"] },
    },
  ]);
});

Deno.test("--prefill takes notifications and models", () => {
  const { engines } = configOf({
    flags: { prefill: `${PREFILL};notifications=1;model=m`, decode: "http://d;model=m" },
  });
  assertEquals(engines[0], {
    id: "p:8000",
    url: PREFILL,
    role: "prefill",
    models: ["m"],
    kv: "lmcache",
    notifications: 1,
  });
});

Deno.test("--decode takes missing ports from --nixl-peer-*-port, and the host from its URL", () => {
  const { engines } = configOf({
    flags: {
      "prefill": PREFILL,
      "decode": "http://d:8000",
      "nixl-peer-host": "10.0.0.7",
      "nixl-peer-init-port": "1,2",
      "nixl-peer-alloc-port": "3,4",
    },
  });
  assertEquals(engines[1]?.nixl, {
    host: "d",
    initPorts: [1, 2],
    allocPorts: [3, 4],
    modes: ["p1"],
  });
});

Deno.test("--decode and the file's nixl say the first token of an engine, the flag that of others", () => {
  const { engines } = configOf({
    flags: {
      "prefill": PREFILL,
      "decode": [
        "http://d1:8000;first_token=decode",
        "http://d2:8000; first_token = both",
        "http://d3:8000",
      ],
      "nixl-first-token": "both",
    },
    file: `engines:
      - {url: "http://d4:8000", role: decode, nixl: {first_token: prefill}}
      - {url: "http://d5:8000", role: decode}`,
  });
  assertEquals(
    engines.filter(({ role }) => role === "decode").map(({ nixl }) => nixl?.modes),
    [
      ["d1"],
      ["p1", "d1"],
      ["p1", "d1"],
      ["p1"],
      ["p1", "d1"],
    ],
  );
});

Deno.test("an engine for whole requests receives KV only where that is said", () => {
  const given = (nixl: string): Given => ({
    flags: { prefill: PREFILL, decode: "http://d:8000" },
    file: `engines: [{url: "http://e:8000"${nixl}}]`,
  });
  assertEquals(configOf(given("")).engines[2]?.nixl, undefined);
  assertEquals(configOf(given(", nixl: {notifications: 1}")).engines[2]?.nixl, undefined);
  assertEquals(configOf(given(", nixl: {init_ports: 1}")).engines[2]?.nixl, {
    host: "e",
    initPorts: [1],
    allocPorts: [7400],
    modes: ["p1"],
  });
});

Deno.test("decode engines of one host may differ in ports, and of one port in hosts", () => {
  const { engines } = configOf(
    decoders(
      "http://d:8000;init=7300;alloc=7400",
      "http://d:8001;init=7301;alloc=7401",
      "http://e:8000;init=7300;alloc=7400",
    ),
  );
  assertEquals(engines.length, 4);
});

Deno.test("engines that are wrong in themselves or together are refused", () => {
  const rows: readonly (readonly [Given, readonly string[]])[] = [
    [decoders("d:8000"), ['--decode "d:8000": expected a URL']],
    [decoders("http://d;init"), ['expected key=value, received "init"']],
    [decoders("http://d;init="), ['expected key=value, received "init="']],
    [decoders("http://d;=1"), ['expected key=value, received "=1"']],
    [decoders("http://d;init=1;init=2"), ['"init" is given twice']],
    [decoders("http://d;inti=1"), ['unknown key "inti"; did you mean init?']],
    [decoders("http://d;notifications=1"), ['unknown key "notifications"']],
    [decoders("http://d;init=0;alloc=70000"), ["init: expected ports", "alloc: expected ports"]],
    [decoders("http://d;init=1,"), ["init: expected ports from 1 to 65535"]],
    [decoders("http://d;host=http://e"), ["host: expected a host name or address, not a URL"]],
    [decoders("http://d;host=e:7300"), ["host: expected a host name or address without a port"]],
    [decoders("http://d;model=m,,n"), ["a model's name is empty"]],
    [decoders("http://d;first_token=decoed"), [
      "first_token: expected prefill, decode or both; did you mean decode?",
    ]],
    [decoders("http://d?x=1;init=1"), ["query or fragment"]],
    [decoders("http://d/v1"), ["without /v1"]],
    [decoders("http://d", "http://d/"), [
      '"http://d": already given by --decode',
    ]],
    [decoders("http://d;init=1,2"), ["has 2 init, 1 alloc ports: one of each for every rank"]],
    [decoders("http://d;init=1;alloc=2;query=3,4"), ["has 1 init, 1 alloc, 2 query ports"]],
    [decoders("http://d;init=1;alloc=1"), ["uses the port d:1 twice"]],
    [decoders("http://d:1", "http://d:2"), ["receives KV on d:7300, as http://d:1 does"]],
    [
      decoders("http://d:1;init=1;alloc=2", "http://d:2;init=3;alloc=1"),
      ["receives KV on d:1, as http://d:1 does"],
    ],
    [
      decoders("http://d:1;host=h;init=1;alloc=2;query=5", "http://e:2;host=h;init=5;alloc=6"),
      ["receives KV on h:5, as http://d:1 does"],
    ],
    [decoders("http://0.0.0.0:1"), ['prefill engines cannot connect to "0.0.0.0"']],
    [decoders("http://[::]:1"), ['prefill engines cannot connect to "[::]"']],
    [
      { flags: { prefill: `${PREFILL};notifications=2`, decode: "http://d" } },
      ['--prefill "http://p:8000": has 2 ranks that notify, more than http://d has ports (1)'],
    ],
    [
      { flags: { prefill: `${PREFILL};notifications=0`, decode: "http://d" } },
      ["notifications: expected an integer from 1 to 1024"],
    ],
    [
      { flags: { prefill: `${PREFILL};notifications=two`, decode: "http://d" } },
      ["notifications: expected an integer from 1 to 1024"],
    ],
    [
      { flags: { prefill: `${PREFILL};host=x`, decode: "http://d" } },
      ['unknown key "host"'],
    ],
    [
      {
        flags: { decode: "http://d" },
        file: "engines: [{url: http://p, role: prefill, nixl: {host: x}}]",
      },
      ["host and ports belong to decode engines"],
    ],
    [
      { flags: { prefill: `${PREFILL};first_token=both`, decode: "http://d" } },
      ['unknown key "first_token"'],
    ],
    [
      {
        flags: { decode: "http://d" },
        file: "engines: [{url: http://p, role: prefill, nixl: {first_token: decode}}]",
      },
      ["host and ports belong to decode engines"],
    ],
    [
      {
        flags: { prefill: PREFILL },
        file: "engines: [{url: http://d, role: decode, nixl: {first_token: neither}}]",
      },
      ["first_token: expected prefill, decode or both"],
    ],
    [
      {
        flags: { prefill: PREFILL },
        file: "engines: [{url: http://d, role: decode, nixl: {notifications: 1}}]",
      },
      ["notifications belong to prefill engines"],
    ],
  ];
  for (const [given, expected] of rows) {
    const lines = linesOf(given);
    assertEquals(lines.length, expected.length, lines.join(" | "));
    for (const [index, part] of expected.entries()) assertStringIncludes(lines[index] ?? "", part);
  }
});

Deno.test("ranks are held against the ports of engines with a common model alone", () => {
  const flags = {
    prefill: [`${PREFILL};model=m;notifications=2`, "http://q;model=n;notifications=1"],
    decode: ["http://d;model=m;init=1,2;alloc=3,4", "http://e;model=n"],
  };
  assertEquals(configOf({ flags }).engines.length, 4);
});

Deno.test("one model in common is enough, and unknown ones may be common", () => {
  const rows = [
    ["http://p;model=m,n", "http://d;model=n"],
    ["http://p", "http://d;model=n"],
    ["http://p;model=m", "http://d"],
  ] as const;
  for (const [prefill, decode] of rows) {
    assertEquals(configOf({ flags: { prefill, decode } }).engines.length, 2);
  }
});

Deno.test("an engine may move KV in a way of its own", () => {
  const { engines } = configOf({
    flags: {
      prefill: ["http://p:8000", "http://q:8000;kv_protocol=nixl"],
      decode: ["http://d:8000;kv_protocol=lmcache", "http://e:8000;kv_protocol=nixl"],
    },
  });
  assertEquals(engines.map(({ kv }) => kv), ["lmcache", "nixl", "lmcache", "nixl"]);
  assertEquals(engines.map(({ nixl }) => nixl !== undefined), [false, false, true, false]);
});

Deno.test("an engine's way to move KV must be one the router is set up for", () => {
  const cases: readonly (readonly [Given, string])[] = [
    [
      {
        flags: {
          "prefill": PREFILL,
          "decode": "http://d;kv_protocol=lmcache",
          "kv-protocol": "nixl",
        },
      },
      "--nixl-proxy-host",
    ],
    [decoders("http://d;kv_protocol=nixxl"), "did you mean nixl"],
  ];
  for (const [given, message] of cases) {
    assertStringIncludes(linesOf(given).join("\n"), message);
  }
});
