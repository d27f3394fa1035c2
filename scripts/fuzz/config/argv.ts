/** Command lines. @module */
import { parseArgv } from "../../../lib/cli/argv.ts";
import { findFlag, FLAGS, problemText, resolveConfig } from "../../../lib/config/mod.ts";
import type { Corpus } from "../mutate.ts";
import { difference, short } from "../outcome.ts";
import { parserTarget } from "../parser_target.ts";
import type { FuzzTarget } from "../target.ts";
import { textOf } from "../text.ts";

/** Splits a command line. Total. */
export type SplitArgv = typeof parseArgv;

const SECRET = "sk-very-secret";

/** One argument to a line. */
const CORPUS: Corpus = {
  seeds: [
    "--prefill\nhttp://a:1;model=m;notifications=2\n--decode\nhttp://b:2;init=1,2;alloc=3,4",
    "--routing-logic=roundrobin\n--static-backends=http://a,http://b\n--static-models=m,n",
    `--api-key\n${SECRET}\n--api-key=${SECRET}\n--port=x`,
    "--early-head\n5\n--early-head\n--port\n70000",
    "--help\n-h\n--version\n--\nstray",
    "--no-such\nvalue\n-x\n-\n--=\n--",
    "--static-aliases=a:b,a:c\n--trusted-proxies=10.0.0.0/33\n--allowed-origins=*",
    "--tls-cert=/a\n--tls-key=/b\n--protect=metrics,health\n--config=/c",
    ...FLAGS.map(({ name }) => `--${name}\n1\n--${name}=true`),
  ],
  words: [
    ...FLAGS.map(({ name }) => `--${name}`),
    ..."=,;:-/@? \t",
    "\n",
    "--",
    "true",
    "0",
    "-1",
    "1e999",
    "http://",
    "http://u:p@a",
    "[::1]",
    "10.0.0.0/8",
    ";model=",
    SECRET,
  ],
  maxGrownBytes: 4_096,
};

/** The target, with `split` as the splitter. */
export function argvTarget(split: SplitArgv = parseArgv): FuzzTarget {
  return parserTarget({
    name: "argv",
    about: "command lines, split and resolved",
    corpus: CORPUS,
    // Whoever starts the router waits for it alone.
    bounds: { ms: 5_000 },
    check(input) {
      const argv = textOf(input).split("\n");
      const parsed = split(FLAGS, argv);
      const result = resolveConfig({
        flags: parsed.flags,
        problems: parsed.problems,
        env: () => undefined,
      });
      const told = result.ok ? [] : result.problems.map(problemText);
      const given = parsed.flags.get("api-key") ?? [];
      const leak = told.find((text) =>
        given.includes(SECRET) && text.startsWith("--api-key ") &&
        text.includes(SECRET)
      );
      if (leak !== undefined) return `secret: ${short(leak)}`;
      // Both ways of giving a value are the same.
      const joined = split(FLAGS, joinedArguments(argv));
      return difference("joined", joined.flags, parsed.flags);
    },
  });
}

/** `--name value` as `--name=value`, where it is certain what is a value. */
function joinedArguments(argv: readonly string[]): readonly string[] {
  const joined: string[] = [];
  for (let index = 0; index < argv.length; index++) {
    const [argument = "", value] = [argv[index], argv[index + 1]];
    if (argument === "--") return [...joined, ...argv.slice(index)];
    const flag = argument.startsWith("--") ? findFlag(argument.slice(2)) : undefined;
    const takes = flag !== undefined && flag.type !== "flag";
    if (takes && value !== undefined && !value.startsWith("-") && value !== "") {
      joined.push(`${argument}=${value}`);
      index++;
    } else joined.push(argument);
  }
  return joined;
}
