/** What `deno task fuzz` is told. @module */

/** Which targets are tried, and how. */
export interface FuzzOptions {
  /** Names of the targets; all in their order where none is named. */
  readonly targets: readonly string[];
  /** For all targets together. */
  readonly minutes: number;
  readonly seed: number;
  /** One case alone is tried again. */
  readonly only: number | undefined;
}

/** The options in `args`, whose targets are among `names`; undefined when they make no sense. */
export function readOptions(
  args: readonly string[],
  names: readonly string[],
  seed: number,
): FuzzOptions | undefined {
  const targets: string[] = [];
  const numbers = { "--minutes": 5, "--seed": seed, "--case": -1 };
  for (let index = 0; index < args.length; index += 2) {
    const [flag = "", value = ""] = [args[index], args[index + 1]];
    if (flag === "--target") targets.push(value);
    else if (isNumber(flag) && /^\d+(\.\d+)?$/.test(value)) numbers[flag] = Number(value);
    else return undefined;
  }
  const { "--minutes": minutes, "--seed": chosen, "--case": only } = numbers;
  const known = targets.every((name) => names.includes(name));
  const whole = Number.isInteger(chosen) && Number.isInteger(only);
  if (!known || !whole || minutes <= 0 || (only >= 0 && targets.length !== 1)) return undefined;
  return {
    targets: targets.length === 0 ? names : targets,
    minutes,
    seed: chosen,
    only: only < 0 ? undefined : only,
  };
}

function isNumber(flag: string): flag is "--minutes" | "--seed" | "--case" {
  return ["--minutes", "--seed", "--case"].includes(flag);
}
