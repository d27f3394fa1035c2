import {
  createLogger,
  LOG_LEVELS,
  type Logger,
  type LoggerOptions,
  type LogLevel,
  silentLogger,
} from "../../lib/base/mod.ts";
import { assertEquals, assertMatch } from "../support/assert.ts";
import { FakeClock } from "../support/fake_clock.ts";

const TIME = "2023-11-14T22:13:20.000Z";

function logging(
  options: Partial<LoggerOptions> = {},
): { readonly log: Logger; readonly lines: string[]; readonly levels: LogLevel[] } {
  const lines: string[] = [];
  const levels: LogLevel[] = [];
  const sink = (line: string, level: LogLevel): void => {
    lines.push(line);
    levels.push(level);
  };
  const log = createLogger(new FakeClock(), sink, { level: "info", format: "text", ...options });
  return { log, lines, levels };
}

Deno.test("createLogger() writes time, level, message and fields as text", () => {
  const { log, lines, levels } = logging();
  log.info("Engine answers", { url: "http://a:1", models: 2, ready: true, left: undefined });
  log.warning("Slow");
  log.error("Broken", {});
  assertEquals(lines, [
    `${TIME} INFO Engine answers url=http://a:1 models=2 ready=true`,
    `${TIME} WARNING Slow`,
    `${TIME} ERROR Broken`,
  ]);
  assertEquals(levels, ["info", "warning", "error"]);
});

Deno.test("createLogger() writes one JSON object per line", () => {
  const { log, lines } = logging({ format: "json" });
  log.info('say "hi"\n', { id: "a\nb", count: 2, left: undefined });
  assertEquals(lines.map((line) => JSON.parse(line)), [
    { time: TIME, level: "info", message: 'say "hi"\n', id: "a\nb", count: 2 },
  ]);
  assertEquals(lines.some((line) => line.includes("\n")), false);
});

for (const level of LOG_LEVELS) {
  Deno.test(`createLogger() writes at level ${level} what is as severe or more`, () => {
    const { log, levels } = logging({ level });
    log.error("m");
    log.warning("m");
    log.info("m");
    log.debug("m");
    const limit = LOG_LEVELS.indexOf(level);
    const expected = (["error", "warning", "info", "debug"] as const).filter((one) =>
      LOG_LEVELS.indexOf(one) <= limit
    );
    assertEquals(levels, expected);
    for (const one of LOG_LEVELS) {
      assertEquals(log.enabled(one), LOG_LEVELS.indexOf(one) <= limit, one);
    }
  });
}

Deno.test("createLogger() builds lazy fields only for a line that is written", () => {
  const { log, lines } = logging();
  let built = 0;
  const fields = (): { readonly built: number } => ({ built: ++built });
  log.debug("unseen", fields);
  assertEquals(built, 0);
  log.info("seen", fields);
  assertEquals(built, 1);
  assertMatch(lines[0] ?? "", / INFO seen built=1$/);
});

const HOSTILE = [
  "a\nFAKE line",
  "a\r\nFAKE",
  "\u001b[31mred",
  "\u001b]0;title\u0007",
  "tab\there",
  "nul\u0000",
  'quote" ',
  "a=b c=d",
  "",
];

for (const format of ["text", "json"] as const) {
  Deno.test(`createLogger() keeps hostile texts within one ${format} line`, () => {
    const { log, lines } = logging({ format });
    for (const text of HOSTILE) {
      log.info(text, { field: text });
      log.info(`asked for ${text}`, () => ({ field: text }));
    }
    assertEquals(lines.length, HOSTILE.length * 2);
    for (const line of lines) {
      // deno-lint-ignore no-control-regex
      assertEquals(/[\x00-\x1f]/.test(line), false, JSON.stringify(line));
    }
  });
}

Deno.test("createLogger() quotes text fields that would not read back as one", () => {
  const { log, lines } = logging();
  log.info("m", { a: "x y", b: "x=y", c: 'x"y', d: "", e: "x\ny", f: "\u001b[2J" });
  assertEquals(
    lines[0],
    `${TIME} INFO m a="x y" b="x=y" c="x\\"y" d="" e="x\\ny" f="\\u001b[2J"`,
  );
});

Deno.test("silentLogger() is enabled for nothing and builds nothing", () => {
  const log = silentLogger();
  let built = 0;
  const fields = (): { readonly built: number } => ({ built: ++built });
  for (const say of [log.error, log.warning, log.info, log.debug]) say("m", fields);
  assertEquals(built, 0);
  assertEquals(LOG_LEVELS.some((level) => log.enabled(level)), false);
});
