/** Which core is whose: the router has one to itself, as far as this machine has two. @module */
import type { Program } from "../child.ts";

/** Who is put where. */
export type Place = "router" | "load";

/** `program` on the cores of `place`, of `count` there are: the router on the last, all else on the others. */
export function placed(program: Program, place: Place, count: number): Program {
  if (count < 2) return program;
  const cores = place === "router" ? `${count - 1}` : count === 2 ? "0" : `0-${count - 2}`;
  return { ...program, command: "taskset", args: ["-c", cores, program.command, ...program.args] };
}
