/** What is said of KV that does not come, by why it does not: on real sockets. */
import { createLogger, type Network, systemClock } from "../../lib/base/mod.ts";
import type { TraceEvent } from "../../lib/request/mod.ts";
import { noFaults } from "../../lib/sim/mod.ts";
import { assert, assertEquals, assertStringIncludes } from "../support/assert.ts";
import { comparable } from "../support/answers.ts";
import { type ClusterShape, freePort, MODEL, startCluster } from "../support/cluster.ts";
import { eventually } from "../support/eventually.ts";
import { post } from "../support/router.ts";

interface Case {
  readonly name: string;
  readonly shape: (port: number) => ClusterShape;
  readonly note: string;
  /** Ranks that connect. */
  readonly ranks: number;
  /** In what clients are told. */
  readonly told: string;
  /** In the log beside it, where ports are `INIT` and `PROXY`. */
  readonly logged: string;
}

/** Nobody comes from there. */
const ELSEWHERE: Network = { address: Uint8Array.of(192, 0, 2, 0), prefix: 24 };

const CASES: readonly Case[] = [
  {
    name: "no rank ever connected",
    shape: (port) => ({ prefill: { proxyPort: port } }),
    note: "no rank ever connected",
    ranks: 0,
    told: "pd_proxy_host and pd_proxy_port of the prefill engine must be those of",
    logged: "must be those of 127.0.0.1:PROXY",
  },
  {
    name: "ranks that are not let in",
    shape: () => ({
      router: { doors: { notifications: { allow: [ELSEWHERE], maxPerAddress: 1024 } } },
    }),
    note: "its ranks are not let in",
    ranks: 0,
    told: "--nixl-proxy-allow",
    logged: "not let in",
  },
  {
    name: "ranks that are connected and silent",
    shape: () => ({ prefill: { faults: { ...noFaults(), dropNotification: true } } }),
    note: "connected, and silent",
    ranks: 2,
    told: "init and alloc ports, the chunk size on both, and save_unfull_chunk: true",
    logged: "it writes to 127.0.0.1, init ports INIT",
  },
  {
    name: "some ranks only",
    shape: () => ({ ranks: 4, prefill: { faults: { ...noFaults(), dropNotification: 1 } } }),
    note: "3 of 4 ranks",
    ranks: 4,
    told: "3 of 4 ranks notified: both engines need one world size",
    logged: "one is expected for each of 127.0.0.1, init ports INIT",
  },
];

for (const { name, shape, note, ranks, told, logged } of CASES) {
  Deno.test(`a 504 for want of KV says what came: ${name}`, async () => {
    const given = shape(freePort());
    const lines: string[] = [];
    const traces: (readonly TraceEvent[])[] = [];
    const log_ = createLogger(systemClock(), (line) => void lines.push(line), {
      level: "debug",
      format: "text",
    });
    await using cluster = await startCluster({
      ...given,
      router: {
        ...given.router,
        answers: { exposeEngines: false, allowedOrigins: [], rankLeg: "decode" },
        handoff: { kvReadyTimeoutMs: 300 },
        log_,
        onTrace: (_id, _path, { events }) => void traces.push(events),
      },
    });
    const [prefill] = cluster.prefills;
    const [decode] = cluster.decodes;
    assert(prefill !== undefined && decode !== undefined);
    const connected = (): number =>
      lines.filter((line) => line.includes("Prefill rank connected")).length;
    await eventually(() => connected() >= ranks, () => `${connected()} ranks`);
    const body = { model: MODEL, prompt: "Tell me about the river.", max_tokens: 9 };
    const whole = await post(`${cluster.url}/v1/completions`, body);
    assertEquals(whole.status, 504);
    const { error } = await whole.json();
    assertStringIncludes(error.message, told);
    assert(!error.message.includes("127.0.0.1"), error.message);
    assert(!error.message.includes(String(cluster.router.notifyPort)), error.message);
    const steps = traces.flat().filter(({ step }) => step === "kv-timed-out");
    assertEquals(steps.map((step) => step.note), [note]);
    const [init] = decode.initPorts;
    const expected = logged.replace("PROXY", String(cluster.router.notifyPort))
      .replace("INIT", String(init));
    await eventually(
      () => lines.some((line) => line.includes("Request failed") && line.includes(expected)),
      () => lines.join("\n"),
    );
    if (name === "some ranks only") prefill.faults.dropNotification = 1;
    const stream = await comparable(
      await post(`${cluster.url}/v1/completions`, { ...body, stream: true }),
    );
    assertEquals(stream.errors.length, 1);
    assertStringIncludes(JSON.stringify(stream.errors), told);
    await cluster.quiet();
  });
}
