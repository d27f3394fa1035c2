/** Engines as they were looked at. @module */
import type { Engine } from "../../lib/base/mod.ts";
import type { Looked } from "../../lib/doctor/looked.ts";
import { engineOf } from "../support/flow_fakes.ts";

/** An engine that answers, serves model `m`, and tells nothing else but `more`. */
export function looked(
  id: string,
  role: Engine["role"],
  more: Partial<Looked> = {},
  kv: Engine["kv"] = "nixl",
): Looked {
  return { engine: engineOf(id, role, kv), tookMs: 2, cards: [{ id: "m" }], told: {}, ...more };
}

/** Outcome, subject and words of findings, one line each. */
export function lines(
  findings: readonly {
    readonly outcome: string;
    readonly subject: string;
    readonly said: string;
  }[],
): readonly string[] {
  return findings.map(({ outcome, subject, said }) => `${outcome} ${subject}: ${said}`);
}
