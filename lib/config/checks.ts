/** How engines are tried, from settings. @module */
import type { Problem } from "./problem.ts";
import { type CheckOptions, MODEL_TYPES, type ModelType } from "./schema.ts";
import type { Settings } from "./settings.ts";
import { parseEngineUrl } from "./url.ts";

/** The options of checks; none where engines are not to be tried. */
export function checkOptions(settings: Settings): { readonly checks?: CheckOptions } {
  if (!settings.on("static-backend-health-checks")) return {};
  return {
    checks: {
      everyMs: settings.ms("static-backend-health-check-interval"),
      timeoutMs: settings.ms("static-backend-health-check-timeout-seconds"),
      types: typesOf(settings),
    },
  };
}

/** What checks lack: of an engine whose role says nothing, only its model's type says what to ask. */
export function checkProblems(settings: Settings): readonly Problem[] {
  const checks = settings.get("static-backend-health-checks");
  const isBare = settings.list("static-backends").length > 0 &&
    settings.get("static-model-types").value === undefined;
  if (checks.value !== true || !isBare) return [];
  const message = "required with --static-backend-health-checks: the type of each engine's model";
  return [{ key: "--static-model-types", message }];
}

function typesOf(settings: Settings): CheckOptions["types"] {
  const types = new Map<string, Map<string, ModelType>>();
  const models = settings.list("static-models");
  const named = settings.list("static-model-types");
  for (const [index, text] of settings.list("static-backends").entries()) {
    const url = parseEngineUrl(text);
    const model = models[index];
    const type = MODEL_TYPES.find((known) => known === named[index]);
    if (!url.ok || model === undefined || type === undefined) continue;
    const known = types.get(url.value.url) ?? new Map<string, ModelType>();
    types.set(url.value.url, known.set(model, type));
  }
  return types;
}
