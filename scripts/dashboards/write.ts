/** `deno run -A scripts/dashboards/write.ts`: writes the dashboard's file from the table of its panels. @module */
import { dashboardText } from "./grafana.ts";
import { ROWS } from "./panels.ts";

/** Where it is shipped. */
export const DASHBOARD_FILE = new URL(
  "../deploy/helm/pd-router/files/dashboard.json",
  import.meta.url,
);

if (import.meta.main) await Deno.writeTextFile(DASHBOARD_FILE, dashboardText(ROWS));
