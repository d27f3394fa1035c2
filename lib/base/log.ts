/** Leveled, structured log lines; nothing is built that will not be written. @module */
import type { Clock } from "./clock.ts";

/** Names of the production-stack router's `--log-level`, most severe first. */
export const LOG_LEVELS = ["critical", "error", "warning", "info", "debug", "trace"] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** Values beside a message; `undefined` ones are left out. */
export type LogFields = Readonly<Record<string, string | number | boolean | undefined>>;

/** Fields given as a function are built only if the line is written. */
export type LazyFields = LogFields | (() => LogFields);

/** Where code reports what happened. */
export interface Logger {
  enabled(level: LogLevel): boolean;
  /**
   * Set while lines are on their way to where they can be read; resolves when those that there are have
   * come there, or after a moment when nothing reads them. Undefined for a logger that does not know.
   */
  readonly written?: (() => Promise<void> | undefined) | undefined;
  error(message: string, fields?: LazyFields): void;
  warning(message: string, fields?: LazyFields): void;
  info(message: string, fields?: LazyFields): void;
  debug(message: string, fields?: LazyFields): void;
}

/** Takes finished lines, without their line feed. Must not block and must not throw. */
export type LineSink = (line: string, level: LogLevel) => void;

/** How lines look. */
export interface LoggerOptions {
  readonly level: LogLevel;
  readonly format: "text" | "json";
}

/**
 * A logger that formats lines for `sink`; `written` is of the same sink. `options` are looked at for each
 * line: whoever holds them can change them.
 */
export function createLogger(
  clock: Clock,
  sink: LineSink,
  options: LoggerOptions,
  written?: Logger["written"],
): Logger {
  const enabled = (level: LogLevel): boolean =>
    LOG_LEVELS.indexOf(level) <= LOG_LEVELS.indexOf(options.level);
  // Many lines are of one millisecond, and to spell it costs as much as half of the line.
  let spelledMs = NaN;
  let spelled = "";
  const time = (): string => {
    const nowMs = clock.unixMs();
    if (nowMs !== spelledMs) {
      spelled = new Date(nowMs).toISOString();
      spelledMs = nowMs;
    }
    return spelled;
  };
  const write = (level: LogLevel, message: string, fields?: LazyFields): void => {
    if (!enabled(level)) return;
    const format = options.format === "json" ? jsonLine : textLine;
    const known = typeof fields === "function" ? fields() : fields ?? {};
    sink(format(time(), level, message, known), level);
  };
  return {
    enabled,
    written,
    error: (message, fields) => write("error", message, fields),
    warning: (message, fields) => write("warning", message, fields),
    info: (message, fields) => write("info", message, fields),
    debug: (message, fields) => write("debug", message, fields),
  };
}

/** A logger that says nothing. */
export function silentLogger(): Logger {
  const nothing = (): void => {};
  return {
    enabled: () => false,
    error: nothing,
    warning: nothing,
    info: nothing,
    debug: nothing,
  };
}

function jsonLine(time: string, level: LogLevel, message: string, fields: LogFields): string {
  return JSON.stringify({ time, level, message, ...fields });
}

function textLine(time: string, level: LogLevel, message: string, fields: LogFields): string {
  let line = `${time} ${level.toUpperCase()} ${oneLine(message)}`;
  for (const [key, value] of Object.entries(fields)) {
    if (value !== undefined) line += ` ${key}=${logText(value)}`;
  }
  return line;
}

/** A value as text lines have it: in quotes where it could be taken for more than one. */
export function logText(value: string | number | boolean): string {
  if (typeof value !== "string") return String(value);
  // deno-lint-ignore no-control-regex
  return /^[^\s"=\x00-\x1f]+$/.test(value) ? value : JSON.stringify(value);
}

/** A client's text in a message must not be able to start a line of its own. */
function oneLine(text: string): string {
  // deno-lint-ignore no-control-regex
  return /[\x00-\x1f\x7f]/.test(text) ? JSON.stringify(text).slice(1, -1) : text;
}
