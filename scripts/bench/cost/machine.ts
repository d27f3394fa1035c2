/** What this machine is, in words. @module */
import { allowedCores } from "./cores.ts";

/** Its processor, how many cores may be used, and its system. */
export function machineText(): string {
  const cpu = Deno.readTextFileSync("/proc/cpuinfo");
  return `${allowedCores().length} cores of ${modelIn(cpu)}, Linux ${Deno.osRelease()}`;
}

/** The processor that `/proc/cpuinfo` names; its architecture says less, but always something. */
export function modelIn(cpuInfo: string): string {
  const name = /^model name\s*:\s*(.+)$/m.exec(cpuInfo)?.[1] ?? Deno.build.arch;
  return name.replace(/\((R|TM)\)/g, "").replace(/\s+/g, " ").trim();
}
