/** What a fleet lacks to serve anything at all. Pure. @module */
import type { Engine } from "../base/mod.ts";
import type { Candidate } from "../selection/mod.ts";
import type { FleetView } from "./view.ts";

/**
 * What is missing, in words that name no engine; empty when some model can be served. With `paired`,
 * only a prefill and a decode engine that KV gets through between can serve, and that do not `differ`.
 */
export function missingOf(
  view: FleetView,
  paired: boolean,
  differ: (prefill: Engine, decode: Engine) => boolean = () => false,
): readonly string[] {
  const models = new Set(view.engines.flatMap((engine) => engine.models));
  const groups = [...models].map((model) => view.group(model));
  const serves = groups.some(({ direct }) => direct.some(isAble));
  if (!paired) return serves ? [] : [lack(view, (role) => role !== "prefill", "an engine")];
  const pairs = groups.flatMap((group) =>
    group.decode.filter(isAble).flatMap((decode) =>
      group.partners(decode.engine).filter(isAble).map((prefill) =>
        [prefill.engine, decode.engine] as const
      )
    )
  );
  if (pairs.some(([prefill, decode]) => !differ(prefill, decode))) return [];
  if (pairs.length > 0) {
    return ["a prefill and a decode engine that do not differ in what KV depends on"];
  }
  const sides = (["prefill", "decode"] as const).filter((role) =>
    !groups.some((group) => group[role].some(isAble))
  );
  return sides.length === 0
    ? ["a prefill and a decode engine with a model and a protocol in common, both able to serve"]
    : sides.map((side) => lack(view, (role) => role === side, `a ${side} engine`));
}

/** Whether it answers, and is not gone around. */
function isAble({ verdict: { kind } }: Candidate): boolean {
  return kind !== "shut" && kind !== "leaving";
}

function lack(view: FleetView, counts: (role: Engine["role"]) => boolean, what: string): string {
  const there = view.engines.filter(({ role }) => counts(role));
  const known = there.filter(({ models }) => models.length > 0).length;
  const state = there.length === 0
    ? "there is none"
    : known === 0
    ? `of ${there.length} none has told its models`
    : `of ${there.length} none answers and is free of failures`;
  return `${what} that can serve: ${state}`;
}
