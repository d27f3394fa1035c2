/** How much of a machine others have taken, out of `/proc/stat` (Linux, proc(5)). @module */

/** Ticks since the start of the machine, of all cores. */
export interface MachineStat {
  readonly total: number;
  readonly idle: number;
  /** Taken by the hypervisor for others. */
  readonly steal: number;
}

/** Read them. */
export function readMachineStat(): MachineStat {
  return parseMachineStat(Deno.readTextFileSync("/proc/stat"));
}

/** The first line of `/proc/stat` as figures. Throws where it is none. */
export function parseMachineStat(text: string): MachineStat {
  const fields = /^cpu +([\d ]+)$/m.exec(text)?.[1]?.split(" ").map(Number) ?? [];
  // user nice system idle iowait irq softirq steal; guest times are in user and nice.
  const [idle, wait, steal] = [fields[3], fields[4], fields[7]];
  if (idle === undefined || wait === undefined || steal === undefined) {
    throw new Error(`Cannot read /proc/stat: ${text.slice(0, 80)}`);
  }
  const total = fields.slice(0, 8).reduce((sum, ticks) => sum + ticks, 0);
  return { total, idle: idle + wait, steal };
}

/** The share of the time between two readings that was stolen, 0 to 1. */
export function stealBetween(before: MachineStat, after: MachineStat): number {
  const total = after.total - before.total;
  return total > 0 ? (after.steal - before.steal) / total : 0;
}
