/** `pd-router top`: a running router, looked at again and again, by its admin API. @module */
import { describeError, RouterError, sleep } from "../base/mod.ts";
import {
  ADMIN_LINE_FLAGS,
  adminClient,
  type AdminLine,
  adminUrl,
  readAdminLine,
} from "./admin_line.ts";
import type { AdminClient } from "./engines_client.ts";
import { KEY_VARIABLE } from "./engines_flags.ts";
import { commandHelp, type HelpFlag } from "./help.ts";
import type { CliPorts } from "./ports.ts";
import { refuse } from "./report.ts";
import { keyOrder, type TopKey, topKeys } from "./top_keys.ts";
import { type ScreenLine, type TopOrder, topScreen, topText } from "./top_screen.ts";
import { TopState } from "./top_state.ts";
import { VERSION_LINE } from "./version.ts";

const FLAGS: readonly HelpFlag[] = [
  {
    name: "interval",
    placeholder: "SECONDS",
    text: "Time between two looks, from 1 to 60",
    choices: "",
    byDefault: "1",
  },
  { name: "once", placeholder: "", text: "Look once, and end", choices: "", byDefault: "" },
];

/** Engines are listed by role when nothing is said. */
const USUAL_ORDER: TopOrder = { column: 1, descending: true };

/** How long it is waited before a router that was lost is asked again, in milliseconds. */
const AGAIN_MS = 1_000;

/** How much longer than its interval an event may take, in milliseconds. */
const LATE_MS = 10_000;

/** Help of `pd-router top`. */
export function topHelp(): string {
  return [
    commandHelp("pd-router top [flags]", [
      { title: "Flags", flags: [...ADMIN_LINE_FLAGS, ...FLAGS] },
    ]),
    "Keys:\n  q            end\n  left, right  sort engines by another column\n" +
    "  up, down     the least, the greatest first",
    `Environment:\n  ${KEY_VARIABLE}  the key, where the API asks for one\n` +
    "  NO_COLOR                 set: no colors",
    "Where there is no terminal, or with --once, it prints plain lines.\n" +
    "Exit codes: 0 ended, 1 not reached, 2 wrong command line.",
  ].join("\n\n");
}

/** Run the command; resolves to the exit code, as its help tells. */
export async function runTop(argv: readonly string[], ports: CliPorts): Promise<number> {
  const read = readAdminLine(argv, FLAGS, []);
  switch (read.kind) {
    case "help":
    case "version":
      await ports.stdio.out.print(read.kind === "help" ? topHelp() : VERSION_LINE);
      return 0;
    case "wrong":
      return await refuse(read.problems, ports, "pd-router help top");
    case "ask": {
      const { flags } = read.line;
      const seconds = flags.get("interval")?.at(-1) ?? "1";
      if (!/^\d+(\.\d+)?$/.test(seconds) || Number(seconds) < 1 || Number(seconds) > 60) {
        const message = "expected seconds from 1 to 60";
        const problem = { key: "--interval", value: seconds, message };
        return await refuse([problem], ports, "pd-router help top");
      }
      return await watch(read.line, Number(seconds), ports);
    }
    default:
      return read satisfies never;
  }
}

async function watch(line: AdminLine, seconds: number, ports: CliPorts): Promise<number> {
  try {
    using client = adminClient(line, ports);
    const look: Look = {
      client,
      ports,
      where: adminUrl(line),
      path: `/admin/live?interval=${seconds}`,
      idleMs: seconds * 1000 + LATE_MS,
    };
    const once = line.flags.has("once");
    if (!once && ports.terminal.interactive) await drawing(look);
    else await printing(look, once);
    return 0;
  } catch (error) {
    if (!(error instanceof RouterError)) throw error;
    await ports.stdio.err.print(`pd-router: ${describeError(error)}`);
    return 1;
  }
}

/** A router that is looked at. */
interface Look {
  readonly client: AdminClient;
  readonly ports: CliPorts;
  readonly where: string;
  readonly path: string;
  readonly idleMs: number;
}

/** Print what there is whenever it is told; to the end of the stream, or once. */
async function printing(
  { client, ports, where, path, idleMs }: Look,
  once: boolean,
): Promise<void> {
  const state = new TopState();
  const over = new AbortController();
  using signals = ports.signals();
  const stop = signals.next().then(() => over.abort());
  try {
    for await (const data of client.events(path, { idleMs, signal: over.signal })) {
      if (!state.take(data)) continue;
      const lines = topText(state, where, USUAL_ORDER);
      await ports.stdio.out.print([...lines, ...(once ? [] : [""])].join("\n"));
      if (once) return;
    }
    throw new RouterError("upstream-lost", `The router at ${where} has ended the stream`);
  } catch (error) {
    if (!over.signal.aborted) throw error;
    await stop;
  }
}

/** Draw what there is on the terminal until a key or a signal ends it. */
async function drawing(look: Look): Promise<void> {
  const { ports } = look;
  const over = new AbortController();
  using signals = ports.signals();
  signals.next().then(() => over.abort());
  const screen = new Screen(look);
  let reached = false;
  using stack = new DisposableStack();
  const begin = async (): Promise<void> => {
    reached = true;
    stack.use(ports.terminal.listen({
      onKeys: (bytes) =>
        topKeys(bytes).forEach((key) => key === "quit" ? over.abort() : screen.key(key)),
      onResize: () => screen.draw(),
    }));
    await ports.stdio.out.print(ENTER);
  };
  try {
    while (!over.signal.aborted) {
      const lost = await follow(look, over.signal, async (data) => {
        if (!reached) await begin();
        screen.take(data);
      });
      if (!reached || over.signal.aborted) {
        if (lost !== undefined && !over.signal.aborted) throw lost;
        break;
      }
      screen.say(`Lost the router, and asking again: ${describeError(lost)}`);
      await sleep(ports.clock, AGAIN_MS, over.signal);
    }
  } finally {
    if (reached) await ports.stdio.out.print(LEAVE);
  }
}

/** Give `take` what is told until that ends; resolves to why it did. */
async function follow(
  { client, path, idleMs }: Look,
  signal: AbortSignal,
  take: (data: unknown) => Promise<void>,
): Promise<RouterError | undefined> {
  try {
    for await (const data of client.events(path, { idleMs, signal })) await take(data);
    return new RouterError("upstream-lost", "It has ended the stream");
  } catch (error) {
    if (error instanceof RouterError) return error;
    throw error;
  }
}

/** Another screen than the one with the shell's lines, without a cursor; and back. */
const ENTER = "\x1b[?1049h\x1b[?25l\x1b[2J";
const LEAVE = "\x1b[?25h\x1b[?1049l";

const COLORS: Readonly<Record<ScreenLine["kind"], string>> = {
  plain: "",
  head: "\x1b[7m",
  good: "\x1b[32m",
  bad: "\x1b[31m",
  dim: "\x1b[2m",
};

/** What is on the terminal. */
class Screen {
  readonly #look: Look;
  #state = new TopState();
  #order: TopOrder = USUAL_ORDER;
  #note: string | undefined;
  #drawing = false;
  /** What is being drawn does not hold any more. */
  #stale = false;

  constructor(look: Look) {
    this.#look = look;
  }

  take(data: unknown): void {
    this.#note = undefined;
    if (this.#state.take(data)) this.draw();
  }

  key(key: TopKey): void {
    this.#order = keyOrder(this.#order, key);
    this.draw();
  }

  say(note: string): void {
    this.#note = note;
    this.draw();
  }

  /** Draw what holds; a terminal that is slow gets the latest when it has taken the one before. */
  draw(): void {
    this.#stale = this.#drawing;
    if (this.#drawing) return;
    this.#drawing = true;
    const { ports: { terminal, stdio }, where } = this.#look;
    const { columns, rows } = terminal.size();
    // The line feed behind the last line leaves the cursor in the last row.
    const size = { columns, rows: Math.max(1, rows - 1) };
    const lines = topScreen(this.#state, size, {
      order: this.#order,
      where,
      note: this.#note,
    });
    const text = lines.map(({ text, kind }) => {
      const color = terminal.colors ? COLORS[kind] : "";
      return `${color}${text}${color === "" ? "" : "\x1b[0m"}\x1b[K`;
    });
    stdio.out.print(`\x1b[H${text.join("\r\n")}\x1b[J`).then(() => {
      this.#drawing = false;
      if (this.#stale) this.draw();
    });
  }
}
