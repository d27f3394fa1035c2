/** Which variables of the environment the router reads. @module */
import { ENV_PREFIX } from "./flag.ts";
import { ENVIRONMENT_ONLY } from "./flags.ts";
import { OTEL_PREFIX } from "./flags_tracing.ts";

const PREFIXES = [ENV_PREFIX, OTEL_PREFIX] as const;

/** Their names as a permission has them, where `X_*` stands for all that begin so; a cluster's not. */
export const VARIABLE_PATTERNS: readonly string[] = [
  `${ENV_PREFIX}*`,
  ...ENVIRONMENT_ONLY.map(({ name }) => name).filter((name) =>
    !PREFIXES.some((prefix) => name.startsWith(prefix))
  ),
  `${OTEL_PREFIX}*`,
];
