/**
 * `deno run -A scripts/readme.ts [--check]`: writes the generated blocks of README.md, each between
 * `<!-- NAME:begin -->` and `<!-- NAME:end -->`, from the tables they describe. With `--check` it
 * writes nothing and fails when a block is stale.
 * @module
 */
import { describeError } from "../lib/base/mod.ts";
import { renderMarkdown } from "../lib/config/mod.ts";
import { type DirectReason, FEATURES } from "../lib/disagg/mod.ts";
import { METRICS } from "../lib/metrics/mod.ts";
import { noFaults } from "../lib/sim/mod.ts";
import { matrixTable } from "../tests/support/matrix.ts";
import { GRANTS } from "./compile/permissions.ts";
import { LAST_RUN, type LastRun, lastRunMarkdown } from "./real/last_run.ts";

/** Produces one block's Markdown, which ends in a line feed. */
type Block = () => string;

/** The generated blocks by name. */
export const BLOCKS: Readonly<Record<string, Block>> = {
  features: featureTable,
  matrix: matrixTable,
  metrics: metricTable,
  flags: renderMarkdown,
  faults: faultList,
  permissions: permissionTable,
  real: realTable,
};

/** Reasons found while a request is served, which no row of `FEATURES` can tell beforehand. */
const LATER: readonly (readonly [reason: DirectReason, what: string])[] = [
  ["tokenize_refused", "`/tokenize` answered 4xx (P1)"],
  [
    "prompt_unknown",
    "No engine told ids of the prompt that are sure to be the endpoint's own (P1, `--tokenize`)",
  ],
  ["prefill_refused", "A prefill engine answered the client's own request 4xx (P1, `--tokenize`)"],
  ["context_length", "The prompt and the limit exceed the context, or there is no limit (P1)"],
  [
    "detokenize_unavailable",
    "The first token ends inside a character, and `/detokenize` does not answer (P1)",
  ],
  ["tools", "A prefill engine refused a forced tool call (D1)"],
  ["decode_refused", "The decode engine answered 4xx, and the answer is not streamed (P1)"],
  ["no_prefill_engine", "No prefill engine serves the model"],
  ["no_nixl_receiver", "No decode engine that serves the model can take the handoff"],
];

/** Features in order of precedence, then what is found later. */
function featureTable(): string {
  const way = (carried: boolean): string => carried ? "handoff" : "direct";
  const asked = FEATURES.map(({ reason, what, p1, d1, readsAgain }) =>
    `| \`${reason}\` | ${what} | ${way(p1)} | ${way(d1)}${readsAgain ? ", not with LMCache" : ""} |`
  );
  const found = LATER.map(([reason, what]) => `| \`${reason}\` | ${what} |`);
  const first = table(["reason", "what the request asks for", "P1", "D1"], asked);
  return `${first}\n${table(["reason", "what is found on the way"], found)}`;
}

function metricTable(): string {
  const rows = Object.entries(METRICS).map(([name, { kind, labels, help }]) =>
    `| \`${name}\` | ${kind} | ${labels.join(", ")} | ${help} |`
  );
  return table(["name", "kind", "labels", "meaning"], rows);
}

function permissionTable(): string {
  return table(["flag", "why"], GRANTS.map(({ flag, why }) => `| \`${flag}\` | ${why} |`));
}

function realTable(): string {
  const run: LastRun = JSON.parse(Deno.readTextFileSync(LAST_RUN));
  return lastRunMarkdown(run);
}

/** Faults that strike or not, then the measures that go with them. */
function faultList(): string {
  const entries = Object.entries(noFaults());
  const faults = entries.filter(([, value]) => typeof value === "boolean");
  const measures = entries.filter(([, value]) => typeof value !== "boolean");
  const names = faults.map(([name]) => `\`${name}\``).join(", ");
  const values = measures.map(([name, value]) =>
    `\`${name}\`${value.toString() === "" ? "" : ` (${value})`}`
  ).join(", ");
  return wrap(`Faults: ${names}.`) + "\n" + wrap(`Measures, with their defaults: ${values}.`);
}

function table(heads: readonly string[], rows: readonly string[]): string {
  const rule = `|${"---|".repeat(heads.length)}`;
  return `${[`| ${heads.join(" | ")} |`, rule, ...rows].join("\n")}\n`;
}

/** `text` in lines of at most 100 characters. */
function wrap(text: string): string {
  let lines = "";
  let line = "";
  for (const word of text.split(" ")) {
    if (line !== "" && line.length + 1 + word.length > 100) {
      lines += `${line}\n`;
      line = word;
    } else line += line === "" ? word : ` ${word}`;
  }
  return `${lines}${line}\n`;
}

/**
 * `text` with the content of every block of `blocks` made new. The formatter leaves them alone: it
 * would pad each table to its longest cell.
 *
 * Throws when a block is not there exactly once, or `text` marks one that `blocks` does not have.
 */
export function renderReadme(text: string, blocks: Readonly<Record<string, Block>>): string {
  for (const [, name = ""] of text.matchAll(/^<!-- (\w+):(?:begin|end) -->$/gm)) {
    if (!Object.hasOwn(blocks, name)) throw new Error(`Cannot fill "${name}": there is no block`);
  }
  let filled = text;
  for (const [name, render] of Object.entries(blocks)) {
    const begin = `<!-- ${name}:begin -->\n`;
    const end = `<!-- ${name}:end -->\n`;
    const [before, inside, ...more] = filled.split(begin);
    const [old, after, ...rest] = inside?.split(end) ?? [];
    if (before === undefined || old === undefined || after === undefined) {
      throw new Error(`Cannot fill "${name}": its begin and end are not there in this order`);
    }
    if (more.length + rest.length > 0) throw new Error(`Cannot fill "${name}": it is there twice`);
    const body = `<!-- deno-fmt-ignore-start -->\n\n${render()}\n<!-- deno-fmt-ignore-end -->\n`;
    filled = before + begin + body + end + after;
  }
  return filled;
}

function main(args: readonly string[]): number {
  const print = (line: string): void => {
    Deno.stdout.writeSync(new TextEncoder().encode(`${line}\n`));
  };
  if (args.some((arg) => arg !== "--check")) {
    print(`Usage: scripts/readme.ts [--check]; received: ${args.join(" ")}`);
    return 2;
  }
  const file = new URL("../README.md", import.meta.url);
  try {
    const text = Deno.readTextFileSync(file);
    const filled = renderReadme(text, BLOCKS);
    if (filled === text) return 0;
    if (args.includes("--check")) {
      print("README.md is stale: run `deno run -A scripts/readme.ts`");
      return 1;
    }
    Deno.writeTextFileSync(file, filled);
    print("README.md written");
    return 0;
  } catch (error) {
    print(describeError(error));
    return 1;
  }
}

if (import.meta.main) Deno.exit(main(Deno.args));
