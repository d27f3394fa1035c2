/** What a process has used, out of `/proc` (Linux, proc(5)). @module */

/** Clock ticks per second in `/proc`: `USER_HZ`, 100 on every Linux platform of Deno. */
const TICKS_PER_SECOND = 100;

/** Page size of the platforms benched on, in bytes. */
const PAGE_BYTES = 4096;

/** CPU time and memory of one process, all its threads. */
export interface ProcessStat {
  /** User and system time so far, in seconds. */
  readonly cpuSeconds: number;
  /** Resident memory, in bytes. */
  readonly residentBytes: number;
}

/** Read what process `pid` has used. Throws when there is no such process. */
export function readProcessStat(pid: number): ProcessStat {
  return parseProcessStat(Deno.readTextFileSync(`/proc/${pid}/stat`));
}

/** `/proc/PID/stat` as figures. */
export function parseProcessStat(text: string): ProcessStat {
  // The second field is the program's name in parentheses, which may hold anything.
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ").map(Number);
  const [user, system, pages] = [fields[11], fields[12], fields[21]];
  if (user === undefined || system === undefined || pages === undefined || Number.isNaN(pages)) {
    throw new Error(`Cannot read /proc/PID/stat: ${text}`);
  }
  return {
    cpuSeconds: (user + system) / TICKS_PER_SECOND,
    residentBytes: pages * PAGE_BYTES,
  };
}

/** The most memory that process `pid` had resident since `forgetPeak`, in bytes. */
export function readPeak(pid: number): number {
  const kib = /^VmHWM:\s*(\d+) kB$/m.exec(Deno.readTextFileSync(`/proc/${pid}/status`))?.[1];
  if (kib === undefined) throw new Error(`Cannot read VmHWM of process ${pid}`);
  return Number(kib) * 1024;
}

/** Have the peak of process `pid` begin at what it has resident. */
export function forgetPeak(pid: number): void {
  Deno.writeTextFileSync(`/proc/${pid}/clear_refs`, "5");
}
