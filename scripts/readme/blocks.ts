/** Which page has which generated blocks. @module */
import { renderMarkdown, renderPeerFlags } from "../../lib/config/mod.ts";
import { matrixTable } from "../../tests/support/matrix.ts";
import { failureTable } from "./failure_table.ts";
import type { Blocks } from "./render.ts";
import {
  clientsTable,
  costTable,
  faultTable,
  featureTable,
  lessonTable,
  metricTable,
  otelTable,
  permissionTable,
  realTable,
  simOptionTable,
  stackMetricTable,
} from "./tables.ts";

/** The blocks of each page by its path; pages that are not named have none. */
export const BLOCKS: Readonly<Record<string, Blocks>> = {
  "lib/config/README.md": { flags: renderMarkdown, peer: renderPeerFlags },
  "lib/disagg/README.md": { features: featureTable, matrix: matrixTable },
  "lib/fleet/README.md": { lessons: lessonTable },
  "lib/flow/README.md": { failures: failureTable },
  "lib/front/README.md": { clients: clientsTable },
  "lib/metrics/README.md": { metrics: metricTable, stack: stackMetricTable },
  "lib/sim/README.md": { faults: faultTable, options: simOptionTable },
  "lib/tracing/README.md": { otel: otelTable },
  "scripts/bench/README.md": { cost: costTable },
  "scripts/compile/README.md": { permissions: permissionTable },
  "scripts/real/README.md": { real: realTable },
};
