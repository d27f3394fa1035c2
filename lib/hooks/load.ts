/** The operator's modules, imported and looked at before anything is served. @module */
import { describeError, recordOf, RouterError } from "../base/mod.ts";
import type { ModuleName } from "../config/mod.ts";
import type { Callbacks, RewriteRequest } from "./contract.ts";

/** Imports a module by its path, as `import()` does. */
export type ImportModule = (file: string) => Promise<unknown>;

/** Hooks that are there. */
export interface LoadedHooks {
  readonly callbacks?: Callbacks;
  readonly rewriter?: RewriteRequest;
}

/** Which to load. */
export interface HookModules {
  readonly callbacks?: ModuleName;
  readonly rewriter?: ModuleName;
}

/** Load them. Rejects with `RouterError` `internal`, whose message says what to put right. */
export async function loadHooks(
  { callbacks, rewriter }: HookModules,
  importModule: ImportModule,
): Promise<LoadedHooks> {
  const given = callbacks && await exportOf("--callbacks", callbacks, importModule);
  const rewrite = rewriter && await exportOf("--request-rewriter", rewriter, importModule);
  return {
    ...(callbacks === undefined ? {} : { callbacks: callbacksOf(callbacks, given) }),
    ...(rewriter === undefined ? {} : { rewriter: rewriterOf(rewriter, rewrite) }),
  };
}

async function exportOf(
  flag: string,
  { file, name }: ModuleName,
  importModule: ImportModule,
): Promise<unknown> {
  let module: Readonly<Record<string, unknown>>;
  try {
    module = recordOf(await importModule(file)) ?? {};
  } catch (error) {
    throw new RouterError("internal", `${flag}: cannot import ${file}: ${describeError(error)}`, {
      cause: error,
    });
  }
  const found = module[name];
  if (found !== undefined) return found;
  const there = Object.keys(module).join(", ") || "nothing";
  throw new RouterError("internal", `${flag}: ${file} exports no "${name}"; it exports ${there}`);
}

function callbacksOf({ file, name }: ModuleName, given: unknown): Callbacks {
  const hooks = recordOf(given);
  const known = ["preRequest", "postRequest"] as const;
  const isRight = hooks !== undefined && known.some((hook) => hooks[hook] !== undefined) &&
    known.every((hook) => ["function", "undefined"].includes(typeof hooks[hook]));
  if (!isRight) {
    const message = `--callbacks: "${name}" of ${file} is no object with a function preRequest, ` +
      "postRequest or both: export one";
    throw new RouterError("internal", message);
  }
  return hooks as Callbacks;
}

function rewriterOf({ file, name }: ModuleName, given: unknown): RewriteRequest {
  if (typeof given === "function") return given as RewriteRequest;
  const object = recordOf(given) as { rewriteRequest?: unknown } | undefined;
  const method = object?.rewriteRequest;
  if (typeof method === "function") return (...rest) => method.apply(object, rest);
  const message =
    `--request-rewriter: "${name}" of ${file} is no function and has no function rewriteRequest: ` +
    "export (body, model, endpoint) => body";
  throw new RouterError("internal", message);
}
