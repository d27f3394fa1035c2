/** Every feature of the request matrix, through a router and from one engine itself. @module */
import type { Mode } from "../../lib/base/mod.ts";
import {
  CELLS,
  decisionFor,
  MATRIX,
  type MatrixCell,
  type MatrixPool,
  PATHS,
  requestOf,
  routeFor,
} from "../../tests/support/matrix.ts";
import { type Body, same } from "./ask.ts";
import { type Checks, EngineLimit, must } from "./check.ts";
import { MODEL, type RealEngine } from "./engine.ts";
import { until } from "./process.ts";
import type { RealRouter } from "./router.ts";

/** Tokens of an answer: an engine makes about 100 a second here. */
const ANSWER_TOKENS = 24;

/** Longest wait for KV to be read. */
const READ_MS = 5_000;

/** Where the requests of a matrix go. */
export interface MatrixRun {
  /** First column of the table. */
  readonly group: string;
  readonly router: RealRouter;
  /** The engine that says what is right. */
  readonly single: RealEngine;
  /** Set when KV moves: the routes expected, and the engine that reads the KV. */
  readonly handoff?: { readonly pool: MatrixPool; readonly decode: RealEngine };
  /** What the engines cannot do, with the evidence, by the feature's name. */
  readonly limits?: Readonly<Record<string, string>>;
}

/** One row for each feature, over all its endpoints, streamed and whole. */
export async function checkMatrix(checks: Checks, run: MatrixRun): Promise<void> {
  for (const { name } of MATRIX) {
    await checks.run(run.group, name, () => checkFeature(run, name));
  }
}

async function checkFeature(matrix: MatrixRun, name: string): Promise<string> {
  const limit = matrix.limits?.[name];
  if (limit !== undefined) throw new EngineLimit(limit);
  const cells = CELLS.filter(({ feature }) => feature.name === name);
  const seen: string[] = [];
  for (const cell of cells) {
    try {
      seen.push(await checkCell(matrix, cell));
    } catch (error) {
      throw new Error(`${cell.name}: ${error instanceof Error ? error.message : error}`);
    }
  }
  const counts = Map.groupBy(seen, (way) => way);
  return [...counts].map(([way, all]) => `${all.length} ${way}`).join(", ");
}

/** Gives what happened, for the row's evidence. */
async function checkCell(matrix: MatrixRun, cell: MatrixCell): Promise<string> {
  const { router, single, handoff } = matrix;
  const body = limited(requestOf(cell, MODEL));
  const before = await router.routes();
  const moved = await movedTokens(handoff?.decode);
  const status = statusOf(cell);
  await same(single.url, router.url, PATHS[cell.form], body, status);
  const after = await router.routes();
  // "none" are the requests that no engine answers, these readings among them.
  const routes = [...after].filter(([route, count]) =>
    route !== "none" && count > (before.get(route) ?? 0)
  );
  const route = routes.map(([each]) => each).join("+");
  if (handoff === undefined) return `equal (${status})`;
  const decision = decisionFor(cell, handoff.pool);
  if (decision.kind === "direct") {
    must(route === "direct", `went ${route}, not direct`);
    return `equal, direct (${decision.reason})`;
  }
  const mode: Mode = decision.mode;
  must(route === routeFor(cell, handoff.pool, mode), `went ${route}`);
  if (status !== 200) return `equal, refused (${status})`;
  // Of an answer that ended with its first token it is read by a drain.
  const { decode } = handoff;
  const read = await until(async () => await movedTokens(decode) > moved, READ_MS);
  must(read, "no KV was read by the decode engine");
  return `equal, KV moved`;
}

/** Prompt tokens whose KV the decode engine has taken from elsewhere. */
async function movedTokens(decode: RealEngine | undefined): Promise<number> {
  return await decode?.metric("vllm:external_prefix_cache_hits_total") ?? 0;
}

/** What the tiny model's engine says to it. */
function statusOf({ feature, form, stream }: MatrixCell): number {
  // A text model without vision, and no stored answers.
  if (feature.name === "images") return 400;
  if (feature.name === "beam search" && form === "completions" && stream) return 400;
  return feature.status ?? 200;
}

/** `body` with a limit that real engines reach soon, and without chance. */
function limited(body: Body): Body {
  const limits = ["max_tokens", "max_output_tokens"].filter((key) =>
    Number(body[key] ?? 0) > ANSWER_TOKENS
  );
  return {
    temperature: 0,
    ...body,
    ...Object.fromEntries(limits.map((key) => [key, ANSWER_TOKENS])),
  };
}
