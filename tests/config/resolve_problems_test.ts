import { resolveConfig } from "../../lib/config/mod.ts";
import { assert, assertEquals, assertStringIncludes } from "../support/assert.ts";
import { FLEET, type Given, linesOf, PAIR, problemsOf } from "./support.ts";

Deno.test("resolveConfig() refuses what does not fit together", () => {
  const fleet = (more: Readonly<Record<string, string>>): Given => ({
    flags: { ...FLEET, ...more },
  });
  const rows: readonly (readonly [string, Given, readonly string[]])[] = [
    ["nothing at all", {}, ["--routing-logic: required", "engines: none are given"]],
    ["no logic", fleet({ "routing-logic": "" }), ["--routing-logic: required"]],
    ["no session key", fleet({ "routing-logic": "session" }), ["--session-key: required with"]],
    [
      "a session key that is no name",
      fleet({ "routing-logic": "session", "session-key": "user id" }),
      ['--session-key "user id": expected the name of a header'],
    ],
    [
      "handoffs over LMCache without notifications",
      fleet({
        "routing-logic": "disaggregated_prefill",
        "kv-protocol": "lmcache",
        "static-model-labels": "p,d",
        "prefill-model-labels": "p",
        "decode-model-labels": "d",
      }),
      ["--nixl-proxy-host: required with --kv-protocol lmcache: add --nixl-proxy-host"],
    ],
    [
      "a protocol without handoffs",
      fleet({ "kv-protocol": "nixl" }),
      ['--kv-protocol "nixl": needs --routing-logic disaggregated_prefill'],
    ],
    [
      "an unknown protocol",
      { flags: { ...PAIR, "kv-protocol": "nixxl" } },
      ['--kv-protocol "nixxl": expected lmcache, nixl or shared_storage; did you mean nixl?'],
    ],
    [
      "an unknown source of the first token",
      { flags: { ...PAIR, "nixl-first-token": "boht" } },
      ['--nixl-first-token "boht": expected prefill, decode or both; did you mean both?'],
    ],
    [
      "NIXL without roles",
      fleet({ "routing-logic": "disaggregated_prefill_orchestrated" }),
      [
        "--prefill: disaggregated_prefill needs a prefill engine",
        "--decode: disaggregated_prefill needs a decode engine",
      ],
    ],
    [
      "handoffs without roles",
      fleet({ "routing-logic": "disaggregated_prefill", "nixl-proxy-host": "0.0.0.0" }),
      [
        "--prefill: disaggregated_prefill needs a prefill engine",
        "--decode: disaggregated_prefill",
      ],
    ],
    [
      "a label with two roles",
      fleet({
        "routing-logic": "disaggregated_prefill",
        "nixl-proxy-host": "0.0.0.0",
        "static-model-labels": "p,d",
        "prefill-model-labels": "p,d",
        "decode-model-labels": "d",
      }),
      ['--decode-model-labels "d": also in --prefill-model-labels'],
    ],

    [
      "k8s with nothing else",
      { flags: { "service-discovery": "k8s", "routing-logic": "roundrobin" } },
      [
        "--k8s-label-selector: required with --service-discovery k8s",
        "--k8s-api-server: required outside a cluster (KUBERNETES_SERVICE_HOST is not set)",
      ],
    ],
    ["unknown logic", fleet({ "routing-logic": "roundrobbin" }), ["did you mean roundrobin?"]],
    ["no models", fleet({ "static-models": "" }), ["--static-models: required with"]],
    [
      "too few models",
      fleet({ "static-models": "m" }),
      ["--static-models: expected one item for each engine of --static-backends: 2, not 1"],
    ],
    ["no backends", fleet({ "static-backends": "" }), [
      "--static-models: needs --static-backends",
    ]],
    ["too many labels", fleet({ "static-model-labels": "a,b,c" }), ["--static-model-labels: expe"]],
    ["too few types", fleet({ "static-model-types": "chat" }), ["--static-model-types: expected"]],
    ["unknown type", fleet({ "static-model-types": "chat,caht" }), ["did you mean chat?"]],
    [
      "a backend twice",
      fleet({ "static-backends": "http://a:1,http://a:1/" }),
      ['--static-backends "http://a:1/": given twice for "m"'],
    ],
    [
      "a backend with two labels",
      fleet({
        "static-backends": "http://a,http://a",
        "static-models": "m,n",
        "static-model-labels": "x,y",
      }),
      ['--static-backends "http://a": has two different labels'],
    ],
    [
      "a backend in two spellings",
      fleet({ "static-backends": "http://a,HTTP://A:80" }),
      ['--static-backends "http://a": already given by --static-backends'],
    ],
    [
      "wrong URLs beside a wrong length",
      fleet({ "static-backends": "ftp://a,http://b?x", "static-models": "m" }),
      ["expected one item", '"ftp://a": expected a URL', "query or fragment is refused"],
    ],
    ["no decode engine", { flags: { prefill: "http://p" } }, [
      "--decode: disaggregated_prefill needs",
    ]],
    ["no prefill engine", { flags: { decode: "http://d" } }, ["--prefill: disaggregated_prefill"]],
    [
      "no model in common",
      { flags: { prefill: "http://p;model=m", decode: "http://d;model=n,o" } },
      ["engines: no prefill engine serves a model of a decode engine: m against n, o"],
    ],
    [
      "no protocol in common",
      { flags: { prefill: "http://p", decode: "http://d;kv_protocol=nixl" } },
      ["engines: no prefill engine has the kv_protocol of a decode engine: give it to both"],
    ],
    [
      "a prefill engine for whole requests",
      { flags: { ...PAIR, "routing-logic": "roundrobin" } },
      ['--prefill "http://p:8000": a prefill engine needs --routing-logic disaggregated_prefill'],
    ],
    [
      "an engine twice",
      { flags: PAIR, file: "engines: [{url: http://d:8000/}]" },
      ['engines[0] in pd.yaml "http://d:8000": already given by --decode'],
    ],
    ["a file that is no YAML", { flags: PAIR, file: "a: [" }, ["pd.yaml: "]],
    [
      "engines of a wrong shape",
      { file: "routing_logic: roundrobin\nengines: [{uri: http://a}]" },
      ["engines[0].url in pd.yaml: required", 'engines[0] in pd.yaml "uri": unknown key'],
    ],
    [
      "a certificate file that cannot be used",
      { flags: { ...PAIR, "tls-ca": "/nope" }, checkFile: (path) => `cannot read ${path}` },
      ['--tls-ca "/nope": cannot read /nope'],
    ],
    ["an API key with a control character", { flags: PAIR, env: { VLLM_API_KEY: "a\nb" } }, [
      "VLLM_API_KEY: holds characters",
    ]],
  ];
  for (const [name, given, expected] of rows) {
    const lines = linesOf(given);
    assertEquals(lines.length, expected.length, `${name}: ${lines.join(" | ")}`);
    for (const [index, part] of expected.entries()) {
      assertStringIncludes(lines[index] ?? "", part, `${name}: ${lines[index]}`);
    }
  }
});

Deno.test("resolveConfig() tells all problems at once", () => {
  const keys = problemsOf({
    flags: {
      "prot": "9000",
      "port": "abc",
      "log-level": "loud",
      "routing-logic": "session",
      "enable-batch-api": "maybe",
      "static-backends": "http://a",
      "static-models": "m,n",
      "prefill": "http://p;init=1",
    },
    env: { PD_ROUTER_CONNECT_TIMEOUT: "0" },
    file: "drain_timeout: long\nhots: b\n",
  }).map(({ key }) => key);
  assertEquals(
    keys.sort(),
    [
      "--enable-batch-api",
      "--log-level",
      "--port",
      "--prefill",
      "--prot",
      "--session-key",
      "--static-models",
      "PD_ROUTER_CONNECT_TIMEOUT",
      "drain_timeout in pd.yaml",
      "hots in pd.yaml",
    ].sort(),
  );
});

Deno.test("resolveConfig() passes on problems that were there before", () => {
  const before = { key: "stray", message: "unexpected argument" };
  const result = resolveConfig({
    flags: new Map([["prefill", ["http://p"]], ["decode", ["http://d"]]]),
    env: () => undefined,
    problems: [before],
  });
  assert(!result.ok);
  assertEquals(result.problems, [before]);
  assertEquals(result.engines.length, 2);
});
