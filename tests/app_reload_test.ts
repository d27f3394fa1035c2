import { openReloader } from "../lib/app_reload.ts";
import { silentLogger } from "../lib/base/mod.ts";
import { Metrics } from "../lib/metrics/mod.ts";
import type { ConfigOrigin } from "../lib/reload/mod.ts";
import { assertEquals, assertMatch } from "./support/assert.ts";
import { FakeClock } from "./support/fake_clock.ts";
import { BASE, readOf, resolved } from "./reload/support.ts";

/** An origin that says `problems`, or where there are none what is right. */
function originOf(problems: readonly string[], text = BASE): ConfigOrigin<undefined> {
  return {
    start: { digest: "", loaded: resolved(BASE) },
    taken: () => {},
    read: () =>
      Promise.resolve(problems.length > 0 ? { ok: false, digest: "", problems } : readOf(text)),
  };
}

async function told(
  origin: ConfigOrigin<undefined>,
  exposed: boolean,
): Promise<{ readonly remarks: unknown; readonly metrics: string }> {
  const metrics = new Metrics();
  const apply = (): Promise<void> => Promise.resolve();
  const parts = { clock: new FakeClock(), log: silentLogger(), metrics, exposed, apply };
  using reloader = openReloader(origin, parts);
  await reloader.reload();
  return { remarks: reloader.remarks(), metrics: await metrics.text().then(String) };
}

Deno.test("openReloader() tells why a configuration is refused, with addresses where they may be known", async () => {
  const problems = [
    '--static-backends "http://10.0.0.1:8000/x": already given by pd.yaml',
    "receives KV on d-1.svc:7300, as [fe80::1]:9 does",
  ];
  const hidden = await told(originOf(problems), false);
  assertEquals(hidden.remarks, {
    config_refused: '--static-backends "an address": already given by pd.yaml; ' +
      "receives KV on an address, as an address does",
  });
  const shown = await told(originOf(problems), true);
  assertEquals(shown.remarks, { config_refused: problems.join("; ") });
  const many = Array.from({ length: 50 }, (_, index) => `${index} ${"x".repeat(1_000)}`);
  assertEquals(JSON.stringify((await told(originOf(many), true)).remarks).length < 2_000, true);
});

Deno.test("openReloader() tells what needs a start, and counts", async () => {
  const { remarks, metrics } = await told(originOf([], `${BASE}port: 9\ntls_ca: /x\n`), false);
  // The file of authorities is looked at by whoever reads.
  assertEquals(remarks, { config_needs_restart: "--port, --tls-ca" });
  assertMatch(metrics, /^pd_router_config_reloads_total\{result="unchanged"\} 1$/m);
  assertMatch(metrics, /^pd_router_config_restart_needed 2$/m);
  assertMatch(metrics, /^pd_router_config_last_reload_success 1$/m);
  assertMatch(metrics, /^pd_router_config_last_reload_seconds 1700000000$/m);
  assertEquals((await told(originOf([]), false)).remarks, {});
});
