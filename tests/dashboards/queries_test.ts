import { ABSENCES, filled, QUERIES, seriesIn } from "../../scripts/dashboards/queries.ts";
import { MODEL, startFleet } from "../../scripts/dashboards/fleet.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { eventually } from "../support/eventually.ts";

/** The names of the series in a text of metrics: of a histogram those of all its parts. */
function namesIn(text: string): ReadonlySet<string> {
  return new Set(text.split("\n").flatMap((line) => /^[a-z][\w:]*(?=[{ ])/.exec(line) ?? []));
}

async function textOf(url: string): Promise<string> {
  const response = await fetch(`${url}/metrics`);
  const text = await response.text();
  assertEquals(response.status, 200);
  return text;
}

/** The value of the one series of `text` whose name and labels match. */
function valueIn(text: string, series: RegExp): number {
  const [line = "", ...more] = text.split("\n").filter((each) => series.test(each));
  assertEquals([line !== "", more], [true, []], `${series}`);
  return Number(line.split(" ").at(-1));
}

Deno.test("seriesIn() finds each name that a query reads, once", () => {
  assertEquals(seriesIn('rate(vllm:a_sum{b="c"}[1m]) / rate(vllm:a_count[1m]) + vllm:a_sum'), [
    "vllm:a_sum",
    "vllm:a_count",
  ]);
  assertEquals(seriesIn("router_cpu_usage_percent * lmcache:x"), [
    "router_cpu_usage_percent",
    "lmcache:x",
  ]);
});

Deno.test("filled() leaves no variable of a dashboard in any query", () => {
  for (const { expr } of Object.values(QUERIES).flat()) {
    const query = filled(expr, "m", "1m");
    assert(!query.includes("$"), query);
    assert(seriesIn(query).length > 0, query);
  }
});

Deno.test("the dashboards' panels find their series in what a router and its engines tell, or a reason", async () => {
  await using fleet = await startFleet();
  const { router, engines } = fleet;
  const url = `http://127.0.0.1:${router.address.port}`;
  const stop = new AbortController();
  const asking = fleet.ask(stop.signal);
  try {
    const countOf = (text: string, name: string): number => text.split(`\n${name}{`).length - 1;
    // Each engine has been read, and each decode engine has told the tokens of an answer.
    await eventually(
      async () => {
        const text = await textOf(url);
        return countOf(text, "vllm:num_requests_waiting") === engines.length &&
          countOf(text, "vllm:output_tokens_total") === engines.length / 2;
      },
      () => "the engines' load, and tokens",
      60_000,
    );
  } finally {
    stop.abort();
  }
  const asked = await asking;
  const told = await textOf(url);
  const texts = [told, ...await Promise.all(engines.map((engine) => textOf(engine.url)))];
  const names = new Set(texts.flatMap((text) => [...namesIn(text)]));
  for (const { expr, absent } of Object.values(QUERIES).flat()) {
    const lacks = seriesIn(expr).filter((name) => !names.has(name));
    if (absent === undefined) assertEquals(lacks, [], expr);
    else assert(absent in ABSENCES);
  }
  // What is explained by LMCache is LMCache's, and nothing else is.
  for (const { expr, absent } of Object.values(QUERIES).flat()) {
    assertEquals(seriesIn(expr).some((name) => name.startsWith("lmcache:")), absent === "lmcache");
  }
  const incoming = valueIn(told, new RegExp(`^vllm:num_incoming_requests_total{model="${MODEL}"}`));
  assertEquals(incoming, asked);
  const decodes = engines.slice(2).map(({ url: server }) => server);
  const sum = (name: string, rest = ""): number =>
    decodes.reduce(
      (all, server) =>
        all + valueIn(told, new RegExp(`^${name}{server="${server}",model="${MODEL}"${rest}}`)),
      0,
    );
  assertEquals(sum("vllm:request_latency_seconds_count", ',status="success"'), asked);
  assert(sum("vllm:output_tokens_total") >= asked);
  assert(sum("vllm:input_tokens_total") > sum("vllm:output_tokens_total"));
});
