/** How engines are chosen, from settings. @module */
import {
  POLICY_NAMES,
  type PolicyName,
  PREFIX_POLICIES,
  ROUTING_POLICIES,
  SESSION_POLICIES,
} from "./policy_names.ts";
import type { Problem } from "./problem.ts";
import { protocolOf } from "./protocol.ts";
import type { Routing } from "./schema.ts";
import type { Settings } from "./settings.ts";

/** Flags for the sides of a handoff. */
const SIDES = ["prefill-policy", "decode-policy"] as const;

/** How engines are chosen. */
export function routingOf(settings: Settings): Routing {
  const logic = settings.optional("routing-logic");
  const named = ROUTING_POLICIES.find((name) => name === logic);
  const usual = named ?? usualOf(settings);
  const prefill = sideOf(settings, "prefill-policy") ?? usual;
  const decode = sideOf(settings, "decode-policy") ?? usual;
  // One engine alone is no pair: its load is what there is to go by.
  const kind = decode === "pair_score" ? "least_loaded" : decode;
  const used = [kind, prefill, decode];
  const sessionKey = settings.optional("session-key");
  const isUsed = (names: ReadonlySet<PolicyName>): boolean => used.some((name) => names.has(name));
  return {
    kind,
    ...(prefill === kind ? {} : { prefill }),
    ...(decode === kind ? {} : { decode }),
    // Other policies do not look at sessions.
    ...(sessionKey === undefined || !isUsed(SESSION_POLICIES) ? {} : { sessionKey }),
    ...(isUsed(PREFIX_POLICIES)
      ? {
        prefix: {
          minMatch: settings.number("prefix-min-match-length"),
          indexBytes: settings.number("prefix-index-bytes"),
        },
      }
      : {}),
    ...(used.includes("kvaware") ? { kvThreshold: settings.number("kv-aware-threshold") } : {}),
    ...(used.includes("pair_score") ? { topology: settings.list("topology-levels") } : {}),
  };
}

/** The policy of handoffs of which nothing was said: with a session key, their pairs stay together. */
function usualOf(settings: Settings): PolicyName {
  if (settings.optional("session-key") !== undefined) return "session";
  return settings.optional("routing-logic") === "disaggregated_prefill_orchestrated"
    ? "roundrobin"
    : "power_of_two";
}

function sideOf(settings: Settings, name: typeof SIDES[number]): PolicyName | undefined {
  const said = settings.optional(name);
  return POLICY_NAMES.find((policy) => policy === said);
}

/** What is wrong with the policies of the sides of a handoff. */
export function policyProblems(settings: Settings): readonly Problem[] {
  const sessions = settings.get("session-key");
  return SIDES.flatMap((name): Problem[] => {
    const { value, where, valid, text } = settings.get(name);
    if (!valid || value === undefined) return [];
    if (settings.get("routing-logic").valid && protocolOf(settings) === "none") {
      const message = "needs --routing-logic disaggregated_prefill";
      return [{ key: where, value: text, message }];
    }
    if (value !== "session" || !sessions.valid || sessions.value !== undefined) return [];
    const message = `required with --${name} session: the header or body field that names the ` +
      "session";
    return [{ key: "--session-key", message }];
  });
}
