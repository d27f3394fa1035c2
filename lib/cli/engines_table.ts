/** Engines as a table for a terminal. Pure. @module */
import { recordOf } from "../base/mod.ts";
import { paragraph, TERMINAL_WIDTH } from "./columns.ts";

/** What is shown of an engine; it came from outside. */
export interface ShownEngine {
  readonly id: string;
  readonly state: string;
  readonly inflight: number;
  readonly role: string;
  readonly source: string;
  readonly verdict: string;
  readonly models: readonly string[];
  readonly problems: readonly string[];
}

/** The engine that `value`, an answer of the API, tells of. */
export function shownEngine(value: unknown): ShownEngine {
  const engine = recordOf(value) ?? {};
  const text = (name: string): string => String(engine[name] ?? "");
  const texts = (name: string): readonly string[] => {
    const list = engine[name];
    return Array.isArray(list) ? list.map(String) : [];
  };
  return {
    id: text("id"),
    state: text("state"),
    inflight: Number(engine["inflight"] ?? 0),
    role: text("role"),
    source: text("source"),
    verdict: text("verdict"),
    models: texts("models"),
    problems: texts("problems"),
  };
}

const HEADS = ["ENGINE", "ROLE", "STATE", "BUSY", "SOURCE", "MODELS"] as const;

/** Longest id that stands beside the rest, in columns: a longer one has a line of its own. */
const LONGEST_ID = 28;

/** Least room for models, in columns. */
const LEAST_MODELS = 8;

/** A line for each engine; what speaks against one stands below it. */
export function engineTable(engines: readonly ShownEngine[]): string {
  if (engines.length === 0) return "There are no engines";
  const rows = engines.map(cellsOf);
  const widths = HEADS.map((head, column) => {
    const cells = rows.map((row) => row[column] ?? "").filter((cell) => fits(cell, column));
    return Math.max(head.length, ...cells.map((cell) => cell.length));
  });
  const line = (cells: readonly string[]): string => {
    const [id = ""] = cells;
    const alone = !fits(id, 0);
    const padded = cells.slice(0, -1).map((cell, column) =>
      (alone && column === 0 ? "" : cell).padEnd(widths[column] ?? 0)
    );
    const before = `${padded.join("  ")}  `;
    const room = Math.max(LEAST_MODELS, TERMINAL_WIDTH - before.length);
    const text = (before + cut(cells.at(-1) ?? "", room)).trimEnd();
    return alone ? `${id}\n${text}` : text;
  };
  return [
    line(HEADS),
    ...engines.flatMap(({ problems }, index) => [
      line(rows[index] ?? []),
      ...problems.map((problem) => paragraph(problem, "    ")),
    ]),
  ].join("\n");
}

/** One engine in a line, while it is drained. */
export function drainLine({ id, state, inflight }: ShownEngine): string {
  return `${id}: ${state}, ${inflight} in flight`;
}

function cellsOf(engine: ShownEngine): readonly string[] {
  const { id, role, state, inflight, source, models, verdict } = engine;
  // Health has something to say of engines that would serve.
  const told = state === "ready" && verdict !== "good" && verdict !== "" ? verdict : state;
  return [id, role, told, String(inflight), cut(source, 14), models.join(",")];
}

function fits(cell: string, column: number): boolean {
  return column > 0 || cell.length <= LONGEST_ID;
}

function cut(text: string, room: number): string {
  return text.length <= room ? text : `${text.slice(0, room - 3)}...`;
}
