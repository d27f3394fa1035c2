/** Which core is whose: the router has one to itself, as far as there are two. @module */
import type { Program } from "../child.ts";

/** Who is put where: on the last core, or on all others. */
export type Place = "router" | "load";

/** The cores that this process may use, by their numbers. */
export function allowedCores(): readonly number[] {
  const list = /^Cpus_allowed_list:\s*(\S+)$/m.exec(Deno.readTextFileSync("/proc/self/status"));
  return parseCores(list?.[1] ?? "0");
}

/** A list of cores as Linux writes it: `0-2,5`. */
export function parseCores(list: string): readonly number[] {
  return list.split(",").flatMap((range) => {
    const [first = 0, last = first] = range.split("-").map(Number);
    return Array.from({ length: last - first + 1 }, (_, index) => first + index);
  });
}

/** `program` on the core or cores of `place`; as it is where there is one core alone. */
export function placed(
  program: Program,
  place: Place,
  cores: readonly number[] = allowedCores(),
): Program {
  if (cores.length < 2) return program;
  const own = place === "router" ? cores.slice(-1) : cores.slice(0, -1);
  return {
    ...program,
    command: "taskset",
    args: ["-c", own.join(","), program.command, ...program.args],
  };
}
