/** The fleet at a moment as lines for a terminal. Pure. @module */
import type { EngineLive, PairLive, RequestView } from "../observe/mod.ts";
import type { ScreenSize } from "./terminal.ts";
import { oneLine } from "./shown_text.ts";
import type { TopState } from "./top_state.ts";
import { duration } from "./trace_text.ts";

/** How the engines are sorted. */
export interface TopOrder {
  /** One of `COLUMNS`. */
  readonly column: number;
  readonly descending: boolean;
}

/** What a line is, for its color. */
export type LineKind = "plain" | "head" | "good" | "bad" | "dim";

/** One line of the screen. */
export interface ScreenLine {
  readonly text: string;
  readonly kind: LineKind;
}

/** A column of the table of engines. */
interface Column {
  readonly head: string;
  readonly width: number;
  readonly cell: (engine: EngineLive) => string;
  /** What it is sorted by. */
  readonly key: (engine: EngineLive) => number | string;
}

/** All columns; those that do not fit are left out from the right. */
export const COLUMNS: readonly Column[] = [
  column("ENGINE", 21, ({ id }) => id, ({ id }) => id),
  column("ROLE", 7, ({ role }) => role, ({ role }) => role),
  column("STATE", 10, stateOf, stateOf),
  number(
    "BUSY",
    7,
    ({ inflight, seats }) => seats === null ? `${inflight}` : `${inflight}/${seats}`,
    ({
      inflight,
    }) => inflight,
  ),
  number("RUN", 4, ({ running }) => count(running), ({ running }) => running ?? -1),
  number("WAIT", 4, ({ waiting }) => count(waiting), ({ waiting }) => waiting ?? -1),
  number("KV%", 4, ({ kv_use }) => percent(kv_use), ({ kv_use }) => kv_use ?? -1),
  number("HIT%", 4, ({ hit_rate }) => percent(hit_rate), ({ hit_rate }) => hit_rate ?? -1),
  number("QPS", 5, ({ qps }) => qps === null ? "-" : qps.toFixed(1), ({ qps }) => qps ?? -1),
];

function column(
  head: string,
  width: number,
  cell: Column["cell"],
  key: Column["key"],
): Column {
  return { head: head.padEnd(width), width, cell: (engine) => fit(cell(engine), width), key };
}

function number(head: string, width: number, cell: Column["cell"], key: Column["key"]): Column {
  return {
    head: head.padStart(width),
    width,
    cell: (engine) => cell(engine).slice(0, width).padStart(width),
    key,
  };
}

/** Lines of the whole screen: exactly as many as fit, the last for the keys. */
export function topScreen(
  state: TopState,
  { columns, rows }: ScreenSize,
  { order, where, note }: {
    readonly order: TopOrder;
    readonly where: string;
    /** In place of the keys, e.g. that the router is not reached. */
    readonly note?: string | undefined;
  },
): readonly ScreenLine[] {
  const head = headLines(state, where);
  const room = Math.max(0, rows - head.length - 1);
  const engines = engineLines(state, order);
  const pairs = pairLines(state);
  const recent = recentLines(state);
  // The engines come first, then pairs; what is left tells of requests.
  const shares = shareOut(room, [engines.length, pairs.length, recent.length]);
  const body = [engines, pairs, recent].flatMap((lines, at) => clipped(lines, shares[at] ?? 0));
  const blank = Array.from({ length: Math.max(0, room - body.length) }, () => plain(""));
  const keys = note === undefined
    ? { text: "q quit   left/right sort by   up/down order", kind: "dim" } as const
    : { text: note, kind: "bad" } as const;
  return [...head, ...body, ...blank, keys].slice(0, rows).map(({ text, kind }) => ({
    text: cut(oneLine(text), columns),
    kind,
  }));
}

/** The same as plain lines, as many as there are. */
export function topText(state: TopState, where: string, order: TopOrder): readonly string[] {
  return [...headLines(state, where), ...engineLines(state, order), ...pairLines(state)]
    .map(({ text }) => oneLine(text).trimEnd());
}

function headLines(state: TopState, where: string): readonly ScreenLine[] {
  const { hello, router, now, times } = state;
  if (hello === undefined || router === undefined) return [plain(`pd-router at ${where}`)];
  const { ended } = router;
  const failed = ended.server_error + ended.stream_error;
  const said = router.draining
    ? "draining"
    : router.ailment ?? (router.ready ? "ready" : "not ready");
  const p = (name: "ttft" | "kv_wait" | "itl"): string => {
    const of = times.get(name);
    return of === undefined || of.p50 === null || of.p95 === null
      ? "-"
      : `${duration(of.p50)} / ${duration(of.p95)}`;
  };
  return [
    {
      text: `pd-router ${hello.version} at ${where}, up ${uptime(now - hello.started)}: ${said}`,
      kind: router.ready ? "good" : "bad",
    },
    plain(
      `${router.rate.toFixed(1)}/s, ${router.under_way} under way, ${router.queued} queued, ` +
        `${router.kv_waiters} wait for KV; ${ended.ok} ok, ${failed} failed, ` +
        `${ended.client_error} refused, ${ended.client_gone} left`,
    ),
    plain(
      `p50 / p95 of 5 min: first token ${p("ttft")}, KV ${p("kv_wait")}, token ${p("itl")}`,
    ),
    plain(""),
  ];
}

function engineLines({ engines }: TopState, { column: at, descending }: TopOrder): ScreenLine[] {
  const sorted = [...engines.values()].sort((one, other) => {
    const key = COLUMNS[at]?.key ?? ((engine: EngineLive) => engine.id);
    const [a, b] = [key(one), key(other)];
    const order = a < b ? -1 : a > b ? 1 : one.id < other.id ? -1 : 1;
    return descending ? -order : order;
  });
  const mark = descending ? "▼" : "▲";
  const heads = COLUMNS.map(({ head, width }, index) => {
    if (index !== at) return ` ${head}`;
    // A number's head has the mark before it, where the gap is.
    const name = head.trim();
    return head.startsWith(name) && head !== name
      ? ` ${name}${mark}`.padEnd(width + 1)
      : `${mark}${name}`.padStart(width + 1);
  });
  return [
    { text: heads.join("").slice(1), kind: "head" },
    ...sorted.map((engine): ScreenLine => ({
      text: COLUMNS.map(({ cell }) => cell(engine)).join(" "),
      kind: kindOf(engine),
    })),
  ];
}

function kindOf({ state, verdict, why, remarks }: EngineLive): LineKind {
  if (why !== null || verdict === "shut" || remarks["recompute_suspected"] !== undefined) {
    return "bad";
  }
  return state === "ready" ? "good" : "dim";
}

/** Health has something to say of engines that would serve. */
function stateOf({ state, verdict }: EngineLive): string {
  return state === "ready" && verdict !== "good" ? verdict : state;
}

function pairLines({ pairs }: TopState): ScreenLine[] {
  if (pairs.size === 0) return [];
  const busy = ({ under_way }: PairLive): number =>
    Object.values<number>(under_way).reduce((sum, each) => sum + each, 0);
  const sorted = [...pairs.values()].sort((one, other) =>
    busy(other) - busy(one) || other.ok - one.ok || (one.prefill < other.prefill ? -1 : 1)
  );
  return [
    plain(""),
    {
      text:
        `${"PAIR".padEnd(36)} ${"BUSY".padStart(5)} ${"OK".padStart(7)} ${"FAILED".padStart(6)} ` +
        `${"KV WAIT".padStart(9)}  VERDICT`,
      kind: "head",
    },
    ...sorted.map((pair): ScreenLine => ({
      text: [
        fit(`${pair.prefill} > ${pair.decode}`, 36),
        String(busy(pair)).padStart(5),
        String(pair.ok).padStart(7),
        String(pair.failed).padStart(6),
        (pair.kv_wait === null ? "-" : duration(pair.kv_wait)).padStart(9),
        ` ${pair.recompute === null ? pair.verdict : `recomputed: ${pair.recompute}`}`,
      ].join(" "),
      kind: pair.verdict === "good" && pair.recompute === null ? "plain" : "bad",
    })),
  ];
}

function recentLines({ recent }: TopState): ScreenLine[] {
  if (recent.length === 0) return [];
  return [
    plain(""),
    { text: "LATEST REQUESTS", kind: "head" },
    ...recent.map(({ id, route, outcome, phases }: RequestView): ScreenLine => ({
      text: `${fit(id, 37)} ${route.padEnd(12)} ${(outcome ?? "").padEnd(12)} ` +
        duration(phases.total ?? 0).padStart(9),
      kind: outcome === "ok" ? "plain" : "bad",
    })),
  ];
}

/** Lines for each of several that want `wanted`: the first get theirs, but leave the next one some. */
function shareOut(room: number, wanted: readonly number[]): readonly number[] {
  let left = room;
  return wanted.map((want, at) => {
    const later = wanted.slice(at + 1).filter((each) => each > 0).length;
    const share = Math.min(want, Math.max(0, left - later * LEAST_LINES));
    left -= share;
    return share;
  });
}

/** A blank line, a head and one line. */
const LEAST_LINES = 3;

/** As many of `lines` as fit; the last says how many do not. */
function clipped(lines: readonly ScreenLine[], room: number): readonly ScreenLine[] {
  if (lines.length <= room) return lines;
  if (room === 0) return [];
  const shown = lines.slice(0, room - 1);
  return [...shown, { text: `  and ${lines.length - shown.length} more`, kind: "dim" }];
}

function uptime(seconds: number): string {
  const minutes = Math.floor(seconds / 60);
  if (minutes < 1) return `${Math.max(0, Math.floor(seconds))} s`;
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  return hours < 48 ? `${hours} h ${minutes % 60} min` : `${Math.floor(hours / 24)} days`;
}

function count(value: number | null): string {
  return value === null ? "-" : String(value);
}

function percent(share: number | null): string {
  return share === null ? "-" : String(Math.round(share * 100));
}

function plain(text: string): ScreenLine {
  return { text, kind: "plain" };
}

function fit(text: string, width: number): string {
  return cut(text, width).padEnd(width);
}

function cut(text: string, width: number): string {
  return text.length <= width ? text : `${text.slice(0, Math.max(0, width - 1))}…`;
}
