import { seededRandom } from "../../lib/base/mod.ts";
import { accessLog, type AccessLogOptions, phasesOf } from "../../lib/observe/mod.ts";
import type { RequestOutcome } from "../../lib/request/mod.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { HANDOFF, leg, traced } from "./support.ts";

interface Log {
  readonly lines: string[];
  end(outcome: RequestOutcome): Promise<void>;
}

function startLog(options: AccessLogOptions): Log {
  const clock = new FakeClock();
  const lines: string[] = [];
  const tell = accessLog({
    clock,
    random: seededRandom(3),
    idOf: (url) => new URL(url).host,
    options: () => options,
    write: (line) => lines.push(line),
  });
  return {
    lines,
    async end(outcome) {
      const trace = await traced(clock, "handoff_p1", HANDOFF);
      trace.client = "10.0.0.7";
      trace.key = "alice";
      trace.status = 200;
      trace.landed(leg({ ms: 113, firstMs: 13, tokens: { prompt: 7, answer: 11 } }));
      trace.end = { outcome, atMs: clock.now(), code: undefined };
      tell(trace, phasesOf(trace, clock.now()));
    },
  };
}

Deno.test("accessLog() writes a JSON object of what is known of a request", async () => {
  const { lines, end } = startLog({ share: 1, format: "json" });
  await end("ok");
  assertEquals(JSON.parse(lines[0] ?? ""), {
    time: new Date(new FakeClock().unixMs() + 59).toISOString(),
    id: "r",
    client: "10.0.0.7",
    key: "alice",
    method: "POST",
    path: "/v1/completions",
    status: 200,
    outcome: "ok",
    model: "m",
    stream: false,
    route: "handoff_p1",
    prefill: "p:8000",
    decode: "d:8000",
    tokenize_ms: 2,
    prefill_ms: 40,
    kv_wait_ms: 3,
    first_byte_ms: 12,
    stream_ms: 0,
    itl_ms: 10,
    total_ms: 59,
    prompt_tokens: 7,
    answer_tokens: 11,
  });
});

Deno.test("accessLog() writes key=value where it shall, values in quotes that need them", async () => {
  const { lines, end } = startLog({ share: 1, format: "text" });
  await end("ok");
  const [line = ""] = lines;
  assert(line.includes(" id=r client=10.0.0.7 key=alice method=POST "), line);
  assert(!line.includes("\n"));
  const clock = new FakeClock();
  const odd: string[] = [];
  const trace = await traced(clock, "none", []);
  trace.id = 'a b" c=d\n';
  trace.end = { outcome: "client_error", atMs: 0, code: "bad-request" };
  const deps = { clock, random: seededRandom(1), idOf: () => undefined };
  accessLog({
    ...deps,
    options: () => ({ share: 1, format: "text" }),
    write: (text) => odd.push(text),
  })(trace, phasesOf(trace, 0));
  assert(odd[0]?.includes(' id="a b\\" c=d\\n" '), odd[0]);
  assert(odd[0]?.includes("error=bad-request"), odd[0]);
});

Deno.test("accessLog() writes of a share of the requests, and of all that were spoilt", async () => {
  const { lines, end } = startLog({ share: 0.25, format: "json" });
  for (let at = 0; at < 400; at++) await end("ok");
  assert(lines.length > 60 && lines.length < 140, `${lines.length}`);
  const before = lines.length;
  for (const outcome of ["server_error", "stream_error"] as const) await end(outcome);
  assertEquals(lines.length, before + 2);
});

Deno.test("accessLog() writes nothing while it is off, whatever the outcome", async () => {
  const { lines, end } = startLog({ share: 0, format: "json" });
  await end("server_error");
  assertEquals(lines, []);
});
