/** What this process and its machine use, as far as the process may know. @module */
import { statfsSync } from "node:fs";
import process from "node:process";
import type { HostFigures } from "../app_host.ts";

/** Of the machine; what is not permitted at this moment is not asked for later. */
export function systemFigures(): HostFigures {
  const memory = isPermitted({ name: "sys", kind: "systemMemoryInfo" });
  const disk = isPermitted({ name: "sys", kind: "statfs" }) &&
    isPermitted({ name: "read", path: "/" });
  return {
    cpuMs() {
      const { user, system } = process.cpuUsage();
      return (user + system) / 1000;
    },
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

function isPermitted(descriptor: Deno.PermissionDescriptor): boolean {
  return Deno.permissions.querySync(descriptor).state === "granted";
}
