import type { TraceEvent } from "../../lib/request/mod.ts";
import { assert, assertEquals, assertStringIncludes } from "../support/assert.ts";
import { type Cluster, MODEL, startCluster, total } from "../support/cluster.ts";
import {
  CELLS,
  COLUMNS,
  decisionFor,
  MATRIX,
  type MatrixCell,
  type MatrixPool,
  matrixTable,
  PATHS,
  POOLS,
  requestOf,
  routeFor,
} from "../support/matrix.ts";
import { normal } from "../support/normal.ts";
import { post } from "../support/router.ts";

/** Problems after which a pool is given up. */
const MAX_PROBLEMS = 4;

/** What became of one request, by the router's own record. */
interface Taken {
  readonly route: string;
  readonly reason: string | undefined;
  readonly steps: readonly TraceEvent["step"][];
}

interface Counts {
  readonly prefills: number;
  readonly hits: number;
  readonly recomputes: number;
}

function countsOf({ prefills, decodes }: Cluster): Counts {
  return {
    prefills: total(prefills, "prefills"),
    hits: total(decodes, "externalHits"),
    recomputes: total(decodes, "recomputes"),
  };
}

/** Run one cell: the answer is one engine's, and what happened is what the tables say. */
async function runCell(
  cluster: Cluster,
  pool: MatrixPool,
  cell: MatrixCell,
  taken: Taken[],
): Promise<void> {
  const body = requestOf(cell, MODEL);
  const path = PATHS[cell.form];
  const before = countsOf(cluster);
  const right = await normal(await post(cluster.single.url + path, body));
  const ours = await normal(await post(cluster.url + path, body));
  assertEquals(right.status, cell.feature.status ?? 200, cell.name);
  assertEquals(ours, right, cell.name);
  // Also the KV of an answer that ended with its first token is read, by a drain.
  await cluster.quiet(10_000);
  const after = countsOf(cluster);
  assertEquals(taken.length, 1, cell.name);
  const [record] = taken;
  const decision = decisionFor(cell, pool);
  if (record?.route === "direct") {
    assert(decision.kind === "direct", `${cell.name}: direct for ${record.reason}`);
    assertEquals(record.reason, decision.reason, cell.name);
    return;
  }
  assert(decision.kind === "handoff", `${cell.name}: ${record?.route}, not ${decision.kind}`);
  assertEquals(record?.route, routeFor(cell, pool, decision.mode), cell.name);
  assertEquals(after.recomputes - before.recomputes, 0, cell.name);
  assert(after.prefills > before.prefills, `${cell.name}: no prefill`);
  assert(after.hits > before.hits, `${cell.name}: no KV was read`);
}

for (const pool of POOLS) {
  Deno.test(`every feature over ${pool.name} answers as one engine, by the route its table says`, async () => {
    const taken: Taken[] = [];
    const reasons = new Map<string, number>();
    await using cluster = await startCluster({
      ...pool.shape,
      router: {
        ...pool.shape.router,
        onTrace: (_id, _path, { route, directReason, events }) =>
          void taken.push({ route, reason: directReason, steps: events.map(({ step }) => step) }),
      },
    });
    const problems: string[] = [];
    for (const cell of CELLS) {
      taken.length = 0;
      try {
        await runCell(cluster, pool, cell, taken);
      } catch (error) {
        problems.push(`${cell.name}: ${error instanceof Error ? error.message : error}`);
        // KV that one cell has left behind makes every later one wait for it.
        if (problems.length === MAX_PROBLEMS) break;
      }
      const reason = taken[0]?.reason;
      if (reason !== undefined) reasons.set(reason, (reasons.get(reason) ?? 0) + 1);
    }
    assertEquals(problems, []);
    const metrics = await (await fetch(`${cluster.url}/metrics`)).text();
    for (const [reason, count] of reasons) {
      assertStringIncludes(metrics, `pd_router_direct_total{reason="${reason}"} ${count}\n`);
    }
    assertEquals(total(cluster.decodes, "staleReads"), 0);
    assertEquals(total(cluster.prefills, "plainOnSender"), 0);
  });
}

Deno.test("matrixTable() has every feature and a cell for every pool", () => {
  const lines = matrixTable().trimEnd().split("\n");
  for (const { name } of MATRIX) {
    assert(lines.some((line) => line.startsWith(`| ${name} |`)), name);
  }
  for (const line of lines) assertEquals(line.split("|").length, COLUMNS.length + 4, line);
});

Deno.test("POOLS that share a column of matrixTable() go the same ways", () => {
  for (const pool of POOLS) {
    const other = POOLS.find(({ name }) => name === pool.like);
    if (other === undefined) continue;
    for (const cell of CELLS) assertEquals(decisionFor(cell, pool), decisionFor(cell, other));
  }
  const shared = POOLS.filter(({ like }) => like !== undefined);
  assertEquals(shared.length, POOLS.length - COLUMNS.length);
  assert(shared.every(({ like }) => COLUMNS.some(({ name }) => name === like)));
});
