/** What this process and its machine use, as far as the process may know. @module */
import { statfsSync } from "node:fs";
import process from "node:process";
import type { HostFigures } from "../app_host.ts";
import type { ProcessMemory } from "./resting_memory.ts";

/** Of the machine; what is not permitted at this moment is not asked for later. */
export function systemFigures(): HostFigures {
  const memory = isPermitted({ name: "sys", kind: "systemMemoryInfo" });
  const disk = isPermitted({ name: "sys", kind: "statfs" }) &&
    isPermitted({ name: "read", path: "/" });
  return {
    cpuMs,
    memoryUse() {
      if (!memory) return undefined;
      const { total, available } = Deno.systemMemoryInfo();
      return total > 0 ? 1 - available / total : undefined;
    },
    diskUse() {
      if (!disk) return undefined;
      const { blocks, bfree, bavail } = statfsSync("/");
      const used = blocks - bfree;
      return used + bavail > 0 ? used / (used + bavail) : undefined;
    },
  };
}

/** CPU time of this process since its start, in milliseconds. */
function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

/** V8's, there where it is started with `--expose-gc`. */
type Collect = (how: { readonly type: "major"; readonly flavor: "last-resort" }) => void;

/** The memory of this process; undefined where V8 was not told to leave giving it back to the router. */
export function processMemory(): ProcessMemory | undefined {
  const { gc } = globalThis as { readonly gc?: Collect };
  if (gc === undefined) return undefined;
  return {
    cpuMs,
    residentBytes: () => Deno.memoryUsage().rss,
    giveBack: () => gc({ type: "major", flavor: "last-resort" }),
  };
}

function isPermitted(descriptor: Deno.PermissionDescriptor): boolean {
  return Deno.permissions.querySync(descriptor).state === "granted";
}
