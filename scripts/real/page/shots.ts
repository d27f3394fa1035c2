/** Pictures of the page, for the documentation. @module */
import type { Browser } from "./browser.ts";
import { startFleet } from "./fleet.ts";
import { SEEN_MS, untilLive } from "./scene.ts";
import { startTraffic } from "./traffic.ts";

/** How long traffic runs before a picture is taken, so that there is something to be seen. */
const BEFORE_MS = 45_000;

const SIZE = { width: 1240, height: 1080 };

/** Draw them into `folder`, as WebP. */
export async function drawShots(
  browser: Browser,
  folder: string,
  print: (line: string) => void,
): Promise<void> {
  await Deno.mkdir(folder, { recursive: true });
  await using fleet = await startFleet({ prefills: 2, decodes: 3, pace: { kvBlocks: 192 } });
  await using _traffic = startTraffic(fleet.url, 9);
  await Promise.all((["light", "dark"] as const).map(async (colorScheme) => {
    await using opened = await browser.open(fleet.admin, {
      viewport: SIZE,
      colorScheme,
      deviceScaleFactor: 1.5,
    });
    const { page } = opened;
    await untilLive(page);
    await page.locator(".request").first().waitFor({ timeout: SEEN_MS });
    await new Promise((resolve) => setTimeout(resolve, BEFORE_MS));
    const path = `${folder}/page-${colorScheme}.webp`;
    const session = await page.context().newCDPSession(page);
    const { data } = await session.send("Page.captureScreenshot", { format: "webp", quality: 86 });
    const bytes = Uint8Array.fromBase64(data);
    await Deno.writeFile(path, bytes);
    print(`${path}: ${bytes.length} bytes`);
  }));
}
