import { decodeUtf8, encodeUtf8, jsonOf } from "../../lib/base/mod.ts";
import { Metrics } from "../../lib/metrics/mod.ts";
import { Call } from "../../lib/workers/call.ts";
import { encodeJson } from "../../lib/workers/codec.ts";
import type { SlotState } from "../../lib/workers/worker_slot.ts";
import { TOLD_MS, Whole } from "../../lib/workers/whole.ts";
import { assert, assertEquals, assertStringIncludes } from "../support/assert.ts";
import { FakeClock, settle } from "../support/fake_clock.ts";

/** A worker that tells `body`, or never answers. */
class FakeWorker {
  readonly number: number;
  life = 1;
  state: SlotState = "serving";
  body: (() => Promise<Uint8Array>) | undefined;
  asked = 0;

  constructor(number: number, body: FakeWorker["body"]) {
    this.number = number;
    this.body = body;
  }

  call(): Call {
    this.asked++;
    const nothing = (): void => {};
    const call = new Call({
      ...{ head: nothing, data: nothing, end: nothing, credit: nothing },
      ...{ reset: nothing, forget: nothing },
    });
    void this.body?.().then((bytes) => {
      call.onHead(encodeJson({ status: 200, contentType: "text/plain" }));
      call.onData(bytes);
      call.onEnd();
    });
    return call;
  }
}

const OK = { endpoint: "/v1/completions", route: "direct", outcome: "ok" } as const;
const SERIES = 'pd_router_requests_total{endpoint="/v1/completions",route="direct",outcome="ok"}';

function telling(metrics: Metrics): FakeWorker["body"] {
  return async () => encodeUtf8(await metrics.text());
}

interface Stage {
  readonly clock: FakeClock;
  readonly whole: Whole;
  readonly workers: readonly FakeWorker[];
  readonly metrics: readonly Metrics[];
}

function stage(): Stage {
  const clock = new FakeClock();
  const metrics = [new Metrics(), new Metrics()];
  const workers = metrics.map((each, index) => new FakeWorker(index + 1, telling(each)));
  const whole = new Whole({
    clock,
    workers,
    breather: { tired: () => false, pause: () => Promise.resolve() },
    own: () =>
      new Map([["pd_router_workers", new Map([['pd_router_workers{state="serving"}', 2]])]]),
    stopping: () => false,
  });
  return { clock, whole, workers, metrics };
}

async function textOf(whole: Whole): Promise<string> {
  return decodeUtf8((await whole.ask("metrics")).body);
}

Deno.test("Whole.ask() sums what all tell, beside what the supervisor does", async () => {
  const { whole, metrics } = stage();
  metrics[0]?.count("pd_router_requests_total", OK, 2);
  metrics[1]?.count("pd_router_requests_total", OK, 3);
  const text = await textOf(whole);
  assertStringIncludes(text, `${SERIES} 5\n`);
  assertStringIncludes(text, 'pd_router_workers{state="serving"} 2\n');
});

Deno.test("Whole.ask() leaves out who does not answer in time, and says so; its counters stay", async () => {
  const { clock, whole, workers: [first, second], metrics } = stage();
  assert(first && second);
  metrics[0]?.count("pd_router_requests_total", OK, 2);
  metrics[1]?.count("pd_router_requests_total", OK, 3);
  await textOf(whole);
  second.body = undefined;
  metrics[0]?.count("pd_router_requests_total", OK, 1);
  const asked = textOf(whole);
  await clock.advance(TOLD_MS);
  const text = await asked;
  assertStringIncludes(text, 'pd_router_workers{state="silent"} 1\n');
  assertStringIncludes(text, `${SERIES} 6\n`);
});

Deno.test("Whole.ask() forgets nothing that one had counted whose end it was told", async () => {
  const { whole, workers: [, second], metrics } = stage();
  assert(second);
  metrics[0]?.count("pd_router_requests_total", OK, 2);
  metrics[1]?.count("pd_router_requests_total", OK, 3);
  await textOf(whole);
  second.state = "waiting";
  await whole.forget(second);
  assertStringIncludes(await textOf(whole), `${SERIES} 5\n`);
  const after = new Metrics();
  after.count("pd_router_requests_total", OK, 1);
  second.body = telling(after);
  second.state = "serving";
  second.life = 2;
  assertStringIncludes(await textOf(whole), `${SERIES} 6\n`);
});

Deno.test("Whole.ask() asks once for all who ask before a round has begun", async () => {
  const { whole, workers: [first] } = stage();
  const all = [whole.ask("metrics"), whole.ask("metrics"), whole.ask("metrics")];
  const answers = await Promise.all(all);
  assertEquals(first?.asked, 2);
  assert(answers[1] === answers[2] && answers[0] !== answers[1]);
  await settle();
  await whole.ask("metrics");
  assertEquals(first?.asked, 3);
});

Deno.test("Whole.ask() tells of engines and of health by those that serve", async () => {
  const { whole, workers: [first, second] } = stage();
  assert(first && second);
  first.body = () => Promise.resolve(encodeJson([{ engine_id: "a", inflight: 1 }]));
  second.body = () => Promise.resolve(encodeJson([{ engine_id: "a", inflight: 2 }]));
  assertEquals(jsonOf((await whole.ask("engines")).body), [{ engine_id: "a", inflight: 2 }]);
  first.body = () => Promise.resolve(encodeJson({ status: "healthy" }));
  second.state = "starting";
  const health = await whole.ask("health");
  assertEquals([health.status, jsonOf(health.body)], [
    200,
    { status: "healthy", workers: "1 of 2" },
  ]);
});
