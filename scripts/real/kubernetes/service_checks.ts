/** Services as engines: by their names, and by whether anybody is behind them. @module */
import { must } from "../check.ts";
import { Load } from "./load.ts";
import { even, idsOf } from "./shares.ts";
import { type EngineService, Services } from "./services.ts";
import { setScene, type Stage } from "./scene.ts";

const GROUP = "services";
const STREAMS = 100;

/** All checks of one namespace. */
export async function serviceChecks(stage: Stage): Promise<void> {
  const hosts = `${stage.logs}/${GROUP}.hosts`;
  const wanted = [1, 2, 3].map((at) => ({ name: `vllm-${at}`, address: `127.96.0.${10 + at}` }));
  await Deno.writeTextFile(
    hosts,
    wanted.map(({ name, address }) => `${address} ${name}.${GROUP}\n`).join(""),
  );
  await using scene = await setScene(stage, {
    namespace: GROUP,
    flags: ["--routing-logic", "roundrobin", "--k8s-service-discovery-type", "service-name"],
    finds: "services",
    hosts,
  });
  const { router } = scene;
  await using services = new Services(stage.plane.admin, GROUP, scene.pods.port);
  const check = (name: string, run: () => Promise<string>): Promise<void> =>
    stage.checks.run(GROUP, name, run);
  const all: EngineService[] = [];
  await check("Services without endpoints that are ready are no engines", async () => {
    for (const each of wanted) {
      const service = await services.create(each);
      await service.slice("a", [false, false]);
      all.push(service);
    }
    return await scene.becomes([]);
  });
  await check("Services with an endpoint that is ready are engines", async () => {
    await Promise.all(all.map((service) => service.slice("b", [false, true])));
    return await scene.becomes(idsOf(all));
  });
  await using load = new Load(router.url, STREAMS);
  await load.begun();
  const [a, b, c] = all;
  must(a !== undefined && b !== undefined && c !== undefined, "three Services");
  await check("all endpoints of one are lost, and come again", async () => {
    await a.slice("b", [false]);
    const rest = await even([b, c]);
    const { asked } = a;
    await even([b, c]);
    must(a.asked === asked, `it was asked ${a.asked - asked} times more`);
    await a.slice("a", [true]);
    return `${rest}, again ${await even(all)}; ${load.whole()}`;
  });
  await check("an EndpointSlice goes, and the other is left", async () => {
    await b.slice("a", [true]);
    await b.removeSlice("b");
    return `${await even(all)}; ${load.whole()}`;
  });
  await check("a Service goes", async () => {
    await c.remove();
    return `${await scene.becomes(idsOf([a, b]))}; ${await even([a, b])}; ${load.whole()}`;
  });
}
