/** Whether everybody can read it: contrast and names by axe-core, widths, large fleets. @module */
import type { Page } from "playwright-core";
import { must } from "../check.ts";
import { type Fleet, startFleet } from "./fleet.ts";
import { DESKTOP, idOf, PHONE, type Scene, SEEN_MS, untilLive } from "./scene.ts";
import { startTraffic } from "./traffic.ts";

const GROUP = "form";

const AXE = new URL("../../../node_modules/axe-core/axe.min.js", import.meta.url);

/** Rules of WCAG 2.2 AA, and what axe-core recommends besides. */
const TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];

/** What a drawing of 1,000 engines may take, in milliseconds. */
const LARGE_MS = 1_500;

interface Violation {
  readonly id: string;
  readonly nodes: readonly {
    readonly target: readonly string[];
    readonly failureSummary: string;
  }[];
}

/** Run them. */
export async function formChecks({ browser, checks }: Scene): Promise<void> {
  const axe = await Deno.readTextFile(AXE);
  await using fleet = await startFleet({ prefills: 2, decodes: 3 });
  await using _traffic = startTraffic(fleet.url, 6);
  await trouble(fleet);
  for (const colorScheme of ["light", "dark"] as const) {
    for (const [name, viewport] of [["desktop", DESKTOP], ["phone", PHONE]] as const) {
      await checks.run(GROUP, `contrast and names, ${colorScheme}, ${name}`, async () => {
        await using opened = await browser.open(fleet.admin, {
          viewport,
          colorScheme,
          reducedMotion: "reduce",
          // axe-core is no file of the page's own.
          bypassCSP: true,
        });
        const { page } = opened;
        await untilLive(page);
        await page.locator(".request").first().waitFor({ timeout: SEEN_MS });
        await page.locator(".pairs summary").click();
        await page.click("#pause");
        let rules = await violations(page, axe);
        const wide = await page.evaluate<number>(
          `document.documentElement.scrollWidth - document.documentElement.clientWidth`,
        );
        must(wide <= 0, `It is ${wide} pixels too wide`);
        await page.locator(".side-decode .engine").first().click();
        rules += await violations(page, axe);
        await page.getByRole("button", { name: /Drain this|Let it serve/ }).click();
        rules += await violations(page, axe);
        await page.keyboard.press("Escape");
        await page.locator(".request").first().click();
        await page.locator("#request-dialog[open]").waitFor({ timeout: SEEN_MS });
        rules += await violations(page, axe);
        return `${rules} rules passed on the page and its panels; no scrolling to the side`;
      });
    }
  }
  await checks.run(GROUP, "500 x 500 engines are drawn without a halt", async () => {
    await using opened = await browser.open(fleet.admin, { viewport: DESKTOP });
    await untilLive(opened.page);
    const { folded, all } = await opened.page.evaluate<Record<"folded" | "all", Drawn>>(LARGE);
    must(folded.cards === 120, `${folded.cards} engines are drawn`);
    must(all.cards === 1_000 && all.flows === 400, `${all.cards} engines, ${all.flows} flows`);
    for (const { first, next } of [folded, all]) {
      must(first < LARGE_MS && next < LARGE_MS / 2, `${first} ms, then ${next} ms`);
    }
    const told = ({ first, next, cards, flows }: Drawn): string =>
      `${cards} cards and ${flows} flows in ${first.toFixed(0)} ms, then ${next.toFixed(0)} ms`;
    return `folded, ${told(folded)}; all, ${told(all)}`;
  });
}

/** One engine drained, one gone without a word. */
async function trouble(fleet: Fleet): Promise<void> {
  const [prefill] = fleet.prefills;
  const [, decode] = fleet.decodes;
  must(prefill !== undefined && decode !== undefined, "There are no engines");
  const path = `admin/engines/${encodeURIComponent(idOf(decode))}/drain`;
  const headers = { "content-type": "application/json" };
  const answer = await fetch(fleet.admin + path, { method: "POST", headers });
  await answer.body?.cancel();
  await fleet.end(prefill);
}

/** How many rules hold; throws with those that do not. */
async function violations(page: Page, axe: string): Promise<number> {
  await page.evaluate(axe);
  const found = await page.evaluate<{ passes: number; violations: readonly Violation[] }>(
    `axe.run({ runOnly: ${JSON.stringify(TAGS)} })
      .then(({ passes, violations }) => ({ passes: passes.length, violations }))`,
  );
  const told = found.violations.map(({ id, nodes }) =>
    `${id}: ${
      nodes.slice(0, 3).map(({ target, failureSummary }) =>
        `${target.join(" ")} (${failureSummary.replaceAll("\n", " ")})`
      ).join("; ")
    }`
  );
  must(told.length === 0, told.join("\n       "));
  return found.passes;
}

interface Drawn {
  readonly first: number;
  readonly next: number;
  readonly cards: number;
  readonly flows: number;
}

/** Draws a large fleet in place of the router's, by the page's own modules. */
const LARGE = `(async () => {
  const { FleetState } = await import("/page/state.js");
  const { FleetView } = await import("/page/fleet_view.js");
  document.getElementById("drawing").replaceChildren();
  const engine = (id, role, inflight) => ({
    id, url: "http://" + id, role, elastic: false, models: [], state: "ready", drained: false,
    verdict: "good", why: null, inflight, seats: 256, running: 1, waiting: 0, kv_use: 0.4,
    hit_rate: 0.5, qps: 1, latency: 1, itl: 0.01, remarks: {},
  });
  const router = { ready: true, draining: false, ailment: null, under_way: 0, queued: 0,
    kv_waiters: 0, connections: 0, buffered_bytes: 0, ended: {}, routes: {}, rate: 0 };
  const event = (now, turn) => ({
    full: turn === 0, now, router, gone: [], gone_pairs: [], times: {},
    engines: Array.from({ length: 1000 }, (_, at) =>
      engine((at % 2 ? "p" : "d") + at, at % 2 ? "prefill" : "decode", (at * 7 + turn) % 60)),
    pairs: Array.from({ length: 1024 }, (_, at) => ({
      prefill: "p" + ((at * 2 + 1) % 1000), decode: "d" + ((at * 6) % 1000), verdict: "good",
      why: null, recompute: null, under_way: { stream: (at + turn) % 5 }, ok: turn * 3, failed: 0,
      tokens: 0, kv_wait: 3, last: now,
    })),
  });
  const state = new FleetState();
  const view = new FleetView({ open() {} });
  const drawn = (turn) => {
    const since = performance.now();
    state.take("fleet", event(10 + turn, turn));
    view.draw(state);
    document.body.getBoundingClientRect();
    return performance.now() - since;
  };
  const counted = (first, turn) => ({
    first, next: Math.max(drawn(turn), drawn(turn + 1), drawn(turn + 2)),
    cards: document.querySelectorAll(".engine").length,
    flows: document.querySelectorAll(".flow").length,
  });
  const folded = counted(drawn(0), 1);
  const since = performance.now();
  document.querySelector(".more:not([hidden])").click();
  document.body.getBoundingClientRect();
  return { folded, all: counted(performance.now() - since, 4) };
})()`;
