/** What follows from files of the production-stack router: providers, and its dynamic configuration. @module */
import type { ConfigFile, FileValues } from "./file.ts";
import { fileKey } from "./flag.ts";
import { FLAGS } from "./flags.ts";
import type { Problem } from "./problem.ts";
import { type ProvidersRead, readProviders } from "./providers.ts";
import type { Settings } from "./settings.ts";
import { shownValue } from "./value.ts";

/** Engines' addresses are told where clients may know them. */
export function toldOf(
  { values }: FileValues,
  settings: Settings,
): Readonly<Record<string, string>> {
  const hidden = settings.on("expose-engines") ? [] : ["static-backends", "prefill", "decode"];
  return Object.fromEntries(
    FLAGS.flatMap((flag) => {
      const raw = values.get(flag.name);
      if (raw === undefined || hidden.includes(flag.name)) return [];
      return [[fileKey(flag.name), shownValue(flag, raw)]];
    }),
  );
}

/** Providers, and what does not fit to them. */
export function providersOf(
  settings: Settings,
  { providers: file, env }: {
    readonly providers?: ConfigFile | undefined;
    readonly env: (name: string) => string | undefined;
  },
): ProvidersRead {
  const discovery = settings.get("service-discovery");
  const only = discovery.value === "external-only";
  if (file === undefined) {
    if (!only) return { providers: [], problems: [] };
    const message = "required with --service-discovery external-only: the file of providers";
    return { providers: [], problems: [{ key: "--external-providers-config", message }] };
  }
  if (!file.ok) return { providers: [], problems: [{ key: file.path, message: file.message }] };
  const { providers, problems } = readProviders(file.content, file.path, env);
  const engines = settings.get("static-backends");
  const clash: Problem[] = only && engines.value !== undefined
    ? [{
      key: engines.where,
      message: "--service-discovery external-only has no engines: leave one of the two out",
    }]
    : [];
  const names = new Set([
    ...settings.list("static-models"),
    ...settings.map("static-aliases").keys(),
  ]);
  const doubled = providers.flatMap(({ name, models }) =>
    [...models.keys()].filter((model) => names.has(model)).map((model) => ({
      key: `models of ${name} in ${file.path}`,
      value: model,
      message: "an engine or an alias goes by this name: give the provider's another, as an alias",
    }))
  );
  return { providers, problems: [...problems, ...clash, ...doubled] };
}

/** Both dynamic files at once. */
export function dynamicProblems(settings: Settings): readonly Problem[] {
  const [yaml, json] = [settings.get("dynamic-config-yaml"), settings.get("dynamic-config-json")];
  if (yaml.value === undefined || json.value === undefined) return [];
  const message = "give either this or --dynamic-config-yaml, not both";
  return [{ key: json.where, value: json.text, message }];
}
