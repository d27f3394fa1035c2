/** The live stream of several processes: whichever answers tells of all. */
import { assert, assertEquals } from "../support/assert.ts";
import { MODEL, startSim } from "../support/cluster.ts";
import { eventually } from "../support/eventually.ts";
import { EventReader } from "../support/observed.ts";
import { startProcesses } from "../support/router_processes.ts";

Deno.test("--workers 2: GET /admin/live tells what both have done, and each request once", async () => {
  await using engine = await startSim({ role: "any" });
  await using router = await startProcesses({
    args: [
      ...["--port=0", "--routing-logic=roundrobin", `--static-backends=${engine.url}`],
      ...[`--static-models=${MODEL}`, "--service-discovery=static", "--expose-engines"],
      "--admin-listen=127.0.0.1:0",
    ],
  });
  const admin = (): string => /Admin API on (http:\S+)/.exec(router.text())?.[1] ?? "";
  await eventually(() => admin() !== "");
  const page = await fetch(`${admin()}/`);
  assertEquals([page.status, (await page.text()).includes("<title>pd-router</title>")], [
    200,
    true,
  ]);
  await using live = new EventReader(await fetch(`${admin()}/admin/live`));
  await live.until("fleet");
  // Each on a connection of its own, until both workers have answered some.
  const sent: string[] = [];
  const ask = async (): Promise<void> => {
    using client = Deno.createHttpClient({ poolMaxIdlePerHost: 0 });
    const id = `live-${sent.length}`;
    const answer = await fetch(`${router.url}/v1/completions`, {
      client,
      method: "POST",
      headers: { "content-type": "application/json", "x-request-id": id },
      body: JSON.stringify({ model: MODEL, prompt: "a", max_tokens: 2 }),
    });
    await answer.text();
    assertEquals(answer.status, 200);
    sent.push(id);
  };
  const answering = (): number => new Set(sent.map((id) => router.workerOf(id))).size;
  while (answering() < 2 && sent.length < 60) {
    await ask();
    await eventually(() => router.workerOf(sent.at(-1) ?? "") !== undefined);
  }
  assertEquals(answering(), 2);
  const told: string[] = [];
  while (told.length < sent.length) {
    const { ended } = await live.until("requests");
    told.push(...ended.map(({ id }: { id: string }) => id));
  }
  assertEquals(told.toSorted(), sent.toSorted());
  // Another reader, of whichever worker, is told of all as well.
  await using other = new EventReader(await fetch(`${admin()}/admin/live`));
  const { router: whole, engines } = await other.until("fleet");
  assertEquals([whole.ended.ok, whole.ready, engines.length], [sent.length, true, 1]);
  assert(whole.connections >= 0);
});
