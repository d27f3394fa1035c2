/** CPU time and memory of a program with all the processes that it has begun. @module */
import { readProcessStat } from "../process_stat.ts";

/** What a tree of processes has used. */
export interface TreeStat {
  /** User and system time of those alive, in seconds. */
  readonly cpuSeconds: number;
  /** Resident memory of all, in bytes; what they share counts for each. */
  readonly residentBytes: number;
}

/** Read what process `pid` and those below it have used. Throws when there is no such process. */
export function readTreeStat(pid: number): TreeStat {
  const all = treeOf(pid).map(readProcessStat);
  return {
    cpuSeconds: all.reduce((sum, { cpuSeconds }) => sum + cpuSeconds, 0),
    residentBytes: all.reduce((sum, { residentBytes }) => sum + residentBytes, 0),
  };
}

/** `pid` and the ids of the processes below it. */
export function treeOf(pid: number): readonly number[] {
  const below: number[] = [];
  for (const { name } of Deno.readDirSync(`/proc/${pid}/task`)) {
    const text = Deno.readTextFileSync(`/proc/${pid}/task/${name}/children`);
    below.push(...text.split(" ").filter((word) => word !== "").map(Number));
  }
  return [pid, ...below.flatMap(treeOf)];
}
