/**
 * Command lines that users of the production-stack router start it with: those of its documents, and
 * those that its Helm chart makes of values files. Flags alone; addresses are those of the examples.
 * @module
 */

/** One start, and what becomes of it. */
export interface PeerStart {
  readonly name: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Absent: it serves. Else what the refusal says: each of these. */
  readonly refused?: readonly string[];
  /** Part of a warning that the log must have. */
  readonly warns?: string;
}

/** `routerSpec` of a values file, as far as the chart's template makes flags of it. */
interface RouterSpec {
  readonly containerPort?: number;
  readonly routingLogic?: string;
  readonly sessionKey?: string;
  readonly engineScrapeInterval?: number;
  readonly requestStatsWindow?: number;
  readonly extraArgs?: readonly string[];
  readonly lmcacheControllerPort?: number;
  readonly otelEndpoint?: string;
  readonly staticBackends?: string;
  readonly staticModels?: string;
}

/** What the chart's template starts for `spec`, over the chart's own defaults. */
function chartArgs(spec: RouterSpec): readonly string[] {
  const { routingLogic = "roundrobin", extraArgs = [], staticBackends, staticModels = "" } = spec;
  const optional = (flag: string, value: string | number | undefined): readonly string[] =>
    value === undefined ? [] : [flag, String(value)];
  const found = staticBackends === undefined
    ? [
      ...["--service-discovery", "k8s", "--k8s-namespace", "default"],
      ...["--k8s-service-discovery-type", "pod-ip"],
      ...["--k8s-label-selector", "environment=test,release=test"],
    ]
    : [
      ...["--service-discovery", "static", "--static-backends", staticBackends],
      ...["--static-models", staticModels],
    ];
  return [
    ...["--host", "0.0.0.0", "--port", String(spec.containerPort ?? 8000)],
    ...found,
    ...["--routing-logic", routingLogic],
    ...optional("--session-key", spec.sessionKey),
    ...optional("--engine-stats-interval", spec.engineScrapeInterval ?? 15),
    ...optional("--request-stats-window", spec.requestStatsWindow ?? 60),
    ...extraArgs,
    ...optional("--lmcache-controller-port", spec.lmcacheControllerPort),
    ...optional("--otel-endpoint", spec.otelEndpoint),
    ...(spec.otelEndpoint === undefined ? [] : ["--otel-service-name", "vllm-router"]),
  ];
}

const INFO = ["--log-level", "info"];

/** Values files by name: those without settings of their own for the router are one row. */
const VALUES: readonly (readonly [name: string, spec: RouterSpec])[] = [
  ["a router with nothing set", {}],
  ["session routing", {
    routingLogic: "session",
    sessionKey: "x-user-id",
    lmcacheControllerPort: 9000,
    extraArgs: INFO,
  }],
  ["shared storage", { routingLogic: "session", sessionKey: "x-user-id" }],
  ["prefix routing", { routingLogic: "prefixaware", lmcacheControllerPort: 9000, extraArgs: INFO }],
  ["round robin", { routingLogic: "roundrobin", lmcacheControllerPort: 9000, extraArgs: INFO }],
  ["kvaware routing", {
    routingLogic: "kvaware",
    sessionKey: "x-user-id",
    lmcacheControllerPort: 9000,
    extraArgs: INFO,
  }],
  ["disaggregated prefill", {
    routingLogic: "disaggregated_prefill",
    extraArgs: ["--prefill-model-labels", "llama-prefill", "--decode-model-labels", "llama-decode"],
  }],
  ["tracing", { otelEndpoint: "otel-collector:4317" }],
  ["semantic routing in front", { routingLogic: "roundrobin", sessionKey: "x-user-id" }],
];

const PAIR_OF_BACKENDS = "http://localhost:9001,http://localhost:9002";
const OPT = "facebook/opt-125m";

/** The example that its README and its documents begin with. */
const FIRST_EXAMPLE = [
  ...["--port", "8000", "--service-discovery", "static", "--static-backends"],
  "http://localhost:9001,http://localhost:9002,http://localhost:9003",
  ...["--static-models", `${OPT},meta-llama/Llama-3.1-8B-Instruct,${OPT}`],
];

/** All of them. */
export const PEER_STARTS: readonly PeerStart[] = [
  {
    name: "the first example",
    args: [
      ...FIRST_EXAMPLE,
      ...["--engine-stats-interval", "10", "--log-stats", "--routing-logic", "roundrobin"],
    ],
  },
  {
    name: "the example with aliases and health checks",
    args: [
      ...FIRST_EXAMPLE,
      ...["--static-aliases", "gpt4:meta-llama/Llama-3.1-8B-Instruct"],
      ...["--static-model-types", "chat,chat,chat", "--static-backend-health-checks"],
      ...["--engine-stats-interval", "10", "--log-stats", "--routing-logic", "roundrobin"],
    ],
  },
  {
    name: "the script for sessions",
    args: [
      ...["--port", "8000", "--service-discovery", "static", "--static-backends"],
      "http://localhost:9004,http://localhost:9001,http://localhost:9002,http://localhost:9003",
      ...["--static-models", "fake_model_name,fake_model_name,fake_model_name,fake_model_name"],
      ...["--engine-stats-interval", "10", "--log-stats"],
      ...["--routing-logic", "session", "--session-key", "x-user-id"],
    ],
  },
  {
    name: "the stress test",
    args: [
      ...["--port", "8000", "--service-discovery", "static"],
      ...["--static-backends", PAIR_OF_BACKENDS, "--static-models", "m,m"],
      ...["--static-model-types", "chat,chat", "--routing-logic", "roundrobin"],
      ...["--log-stats", "--log-stats-interval", "5"],
    ],
  },
  {
    name: "every window said",
    args: [
      ...["--port", "8000", "--service-discovery", "static"],
      ...["--static-backends", "http://localhost:8100", "--static-models", "m"],
      ...["--static-model-types", "chat", "--log-stats", "--log-stats-interval", "10"],
      ...["--engine-stats-interval", "10", "--request-stats-window", "10"],
      ...["--routing-logic", "roundrobin"],
    ],
  },
  {
    name: "disaggregated prefill on one machine",
    args: [
      ...["--port", "8005", "--service-discovery", "static"],
      ...["--static-backends", "http://localhost:8100,http://localhost:8200"],
      ...["--static-models", "meta-llama/Llama-3.1-8B-Instruct,meta-llama/Llama-3.1-8B-Instruct"],
      ...["--static-model-labels", "llama-prefill,llama-decode"],
      ...["--log-stats", "--log-stats-interval", "10", "--engine-stats-interval", "10"],
      ...["--request-stats-window", "10", "--routing-logic", "disaggregated_prefill"],
      ...["--prefill-model-labels", "llama-prefill", "--decode-model-labels", "llama-decode"],
    ],
  },
  {
    name: "failover",
    args: [
      ...["--port", "18800", "--routing-logic", "roundrobin", "--service-discovery", "static"],
      ...["--static-backends", PAIR_OF_BACKENDS, "--static-models", "test-model,test-model"],
      ...["--max-instance-failover-reroute-attempts", "2"],
    ],
  },
  {
    name: "semantic cache",
    args: [
      ...["--port", "8000", "--service-discovery", "static"],
      ...["--static-backends", PAIR_OF_BACKENDS, "--static-models", "m,m"],
      ...["--routing-logic", "roundrobin", "--feature-gates=SemanticCache=true"],
      ...["--semantic-cache-model=all-MiniLM-L6-v2", "--semantic-cache-dir=/path/to/cache"],
      "--semantic-cache-threshold=0.95",
    ],
    warns: "--feature-gates SemanticCache=true has no effect",
  },
  {
    name: "error reports and traces",
    args: [
      ...["--port", "8000", "--service-discovery", "static"],
      ...["--static-backends", PAIR_OF_BACKENDS, "--static-models", "m,m"],
      ...["--routing-logic", "roundrobin", "--sentry-dsn", "https://key@sentry.example/1"],
      ...["--sentry-traces-sample-rate", "0.5", "--otel-endpoint", "localhost:4317"],
      ...["--otel-service-name", "router", "--otel-secure"],
    ],
    warns: "nothing is sent to Sentry",
  },
  {
    name: "search for personal data",
    args: [
      ...["--port", "8000", "--service-discovery", "static"],
      ...["--static-backends", PAIR_OF_BACKENDS, "--static-models", "m,m"],
      ...["--routing-logic", "roundrobin", "--feature-gates", "PIIDetection=true"],
    ],
    refused: ['--feature-gates "PIIDetection=true": requests are not searched'],
  },
  {
    name: "search for personal data, by the variable",
    args: [
      ...["--port", "8000", "--service-discovery", "static"],
      ...["--static-backends", PAIR_OF_BACKENDS, "--static-models", "m,m"],
      ...["--routing-logic", "roundrobin"],
    ],
    env: { VLLM_FEATURE_GATES: "PIIDetection=true" },
    refused: ['VLLM_FEATURE_GATES "PIIDetection=true": requests are not searched'],
  },
  {
    name: "Python callbacks",
    args: [
      ...["--port", "8000", "--service-discovery", "static"],
      ...["--static-backends", PAIR_OF_BACKENDS, "--static-models", "m,m"],
      ...[
        "--routing-logic",
        "roundrobin",
        "--callbacks",
        "my_callbacks.my_callback_handler_instance",
      ],
    ],
    refused: ["--callbacks", "Python does not run here"],
  },
  {
    name: "service names in Kubernetes",
    args: [
      ...["--port=8000", "--k8s-port=80", "--service-discovery=k8s"],
      ...["--k8s-service-discovery-type=service-name", "--k8s-label-selector=release=test"],
      ...["--k8s-namespace=prod", "--routing-logic=session", "--session-key=x-user-id"],
      ...["--engine-stats-interval=10", "--log-stats"],
    ],
  },
  {
    name: "Kubernetes, outside of it",
    args: chartArgs({}),
    refused: ["--k8s-api-server: required outside a cluster"],
  },
  {
    name: "the chart with static engines",
    args: chartArgs({ staticBackends: PAIR_OF_BACKENDS, staticModels: "m,m" }),
  },
  ...VALUES.map(([name, spec]): PeerStart => ({
    name: `values: ${name}`,
    args: chartArgs(spec),
  })),
  ...VALUES.filter(([, { extraArgs = [] }]) => !extraArgs.includes("--prefill-model-labels"))
    .map(([name, spec]): PeerStart => ({
      name: `values with engines by address: ${name}`,
      args: chartArgs({ ...spec, staticBackends: PAIR_OF_BACKENDS, staticModels: "m,m" }),
    })),
];
