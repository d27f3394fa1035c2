import type { FaultWhen, SimEngine, SimFaults } from "../../lib/sim/mod.ts";
import { comparable, type ComparableAnswer } from "../support/answers.ts";
import { assert, assertEquals, assertStringIncludes } from "../support/assert.ts";
import { type Cluster, type ClusterShape, MODEL, startCluster, total } from "../support/cluster.ts";
import { post } from "../support/router.ts";

type Fault = {
  [Name in keyof SimFaults]: SimFaults[Name] extends FaultWhen ? Name : never;
}[keyof SimFaults];

/** Short waits for what never comes; all else has the time that a busy machine takes. */
function waiting(fault?: Fault): ClusterShape {
  const hangs = fault === "hangBeforeHead" || fault === "hangMidStream";
  const timeouts = {
    prefillMs: 1_500,
    firstByteMs: 1_500,
    streamIdleMs: 1_500,
    wholeAnswerMs: 2_500,
  };
  return { router: { handoff: { kvReadyTimeoutMs: 3_000 }, ...(hangs ? { timeouts } : {}) } };
}

function body(index: number, stream: boolean): Record<string, unknown> {
  return {
    model: MODEL,
    messages: [{ role: "user", content: `Number ${index}, please. [[sim:len 15]]` }],
    max_tokens: 30,
    stream,
    ...(stream ? { stream_options: { include_usage: true } } : {}),
  };
}

function ask(url: string, index: number, stream: boolean): Promise<ComparableAnswer> {
  return post(`${url}/v1/chat/completions`, body(index, stream)).then(comparable);
}

/** Right, or cleanly wrong: an error status, or one error event at the end of a stream. */
function assertRightOrClean(ours: ComparableAnswer, right: ComparableAnswer): boolean {
  if (ours.status === 200 && ours.errors.length === 0) {
    assertEquals(ours, right);
    return true;
  }
  assertEquals(ours.errors.length, 1);
  if (ours.status === 200) {
    assertEquals(ours.done, 0);
    assert(right.text.startsWith(ours.text), `${ours.text} begins ${right.text}`);
  } else {
    assert([502, 503, 504].includes(ours.status), String(ours.status));
  }
  return false;
}

async function underFault(
  shape: ClusterShape,
  engineOf: (cluster: Cluster) => SimEngine | undefined,
  fault: Fault,
  when: FaultWhen,
): Promise<{ right: number; all: number }> {
  await using cluster = await startCluster({ ...waiting(fault), ...shape });
  const engine = engineOf(cluster);
  assert(engine);
  engine.faults[fault] = when as never;
  engine.faults.paths = ["/v1/completions", "/v1/chat/completions"];
  engine.faults.dieAfterEvents = 2;
  engine.faults.hangAfterEvents = 2;
  let right = 0;
  const indexes = Array.from({ length: 8 }, (_, index) => index);
  await Promise.all(indexes.map(async (index) => {
    const stream = index % 2 === 0;
    const [ours, theirs] = await Promise.all([
      ask(cluster.url, index, stream),
      ask(cluster.single.url, index, stream),
    ]);
    if (assertRightOrClean(ours, theirs)) right++;
  }));
  engine.faults[fault] = false as never;
  // What went wrong leaves nothing behind: the next requests are as good as the first.
  await cluster.quiet();
  for (const stream of [false, true]) {
    assertEquals(await ask(cluster.url, 99, stream), await ask(cluster.single.url, 99, stream));
  }
  assertEquals(total(cluster.decodes, "staleReads"), 0);
  return { right, all: indexes.length };
}

const HTTP_FAULTS: readonly Fault[] = [
  "dieBeforeAnswer",
  "hangBeforeHead",
  "errorAnswer",
  "badJson",
];
const STREAM_FAULTS: readonly Fault[] = [
  "dieMidStream",
  "hangMidStream",
  "errorEvent",
  "finishError",
];

for (const fault of HTTP_FAULTS) {
  Deno.test(`a faulty prefill engine is gone around when there is another: ${fault}`, async () => {
    const { right, all } = await underFault(
      { prefills: 2, decodes: 2 },
      ({ prefills }) => prefills[0],
      fault,
      true,
    );
    assertEquals(right, all);
  });

  Deno.test(`a faulty prefill engine alone is a clean error: ${fault}`, async () => {
    const { right } = await underFault({}, ({ prefills }) => prefills[0], fault, true);
    assertEquals(right, 0);
  });
}

for (const fault of [...HTTP_FAULTS.filter((name) => name !== "badJson"), ...STREAM_FAULTS]) {
  Deno.test(`a faulty decode engine gives a right answer or a clean error: ${fault}`, async () => {
    const { right, all } = await underFault(
      { prefills: 2, decodes: 2 },
      ({ decodes }) => decodes[0],
      fault,
      true,
    );
    assert(right >= all / 2, `${right} of ${all} right`);
  });
}

const RELAYS: Readonly<Record<string, ClusterShape>> = {
  "D1": { modes: ["d1"] },
  "NixlConnector": { protocol: "nixl" },
  "shared storage": { protocol: "shared_storage" },
};

for (const [name, relay] of Object.entries(RELAYS)) {
  for (const fault of ["dieBeforeAnswer", "hangBeforeHead", "errorAnswer"] as const) {
    Deno.test(`${name}: a faulty engine is gone around before the first byte: ${fault}`, async () => {
      for (const role of ["prefills", "decodes"] as const) {
        const { right, all } = await underFault(
          { prefills: 2, decodes: 2, ...relay },
          (cluster) => cluster[role][0],
          fault,
          true,
        );
        assertEquals(right, all, role);
      }
    });
  }
}

Deno.test("slow tokens and comments in the stream change nothing", async () => {
  for (const fault of ["slowTokens", "sseComments"] as const) {
    const { right, all } = await underFault({}, ({ decodes }) => decodes[0], fault, 3);
    assertEquals(right, all, fault);
  }
});

Deno.test("a stopped prefill engine is named in the error", async () => {
  await using cluster = await startCluster(waiting());
  const [prefill] = cluster.prefills;
  assert(prefill);
  await prefill.stop();
  const answer = await post(`${cluster.url}/v1/chat/completions`, body(1, false));
  assertEquals(answer.status, 502);
  assertStringIncludes((await answer.json()).error.message, prefill.url);
  await cluster.quiet();
});

Deno.test("a stopped decode engine is gone around when there is another", async () => {
  await using cluster = await startCluster({ ...waiting(), decodes: 2 });
  const [decode] = cluster.decodes;
  assert(decode);
  await decode.stop();
  const right = await ask(cluster.single.url, 5, false);
  for (let round = 0; round < 4; round++) {
    assertEquals(await ask(cluster.url, 5, false), right);
  }
});

for (const errorStyle of ["finish", "status", "event"] as const) {
  Deno.test(`NixlConnector: KV that cannot be loaded is prefilled again elsewhere: ${errorStyle}`, async () => {
    const { right, all } = await underFault(
      { prefills: 2, decodes: 2, protocol: "nixl", decode: { errorStyle } },
      ({ decodes }) => decodes[0],
      "failKvLoad",
      true,
    );
    assertEquals(right, all);
  });
}

Deno.test("NixlConnector: KV that cannot be loaded is prefilled again where there is one decode engine", async () => {
  const { right, all } = await underFault(
    { prefills: 2, decodes: 1, protocol: "nixl" },
    ({ decodes }) => decodes[0],
    "failKvLoad",
    1,
  );
  assertEquals(right, all);
});
