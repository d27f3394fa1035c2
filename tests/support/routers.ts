/** Several whole routers in one process, side by side before the same engines. @module */
import { eventually } from "./eventually.ts";
import { MemoryHub } from "./memory_bus.ts";
import { type RouterChanges, startRouter, type TestEngine, type TestRouter } from "./router.ts";

/** Routers that share what they know. */
export interface Routers extends AsyncDisposable {
  readonly hub: MemoryHub;
  readonly all: readonly TestRouter[];
  /** The one at `index`, which is there. */
  at(index: number): TestRouter;
  /** Start one more, under a name of its own. */
  add(name: string): Promise<TestRouter>;
  /** Resolves when each has heard of all the others. */
  met(): Promise<void>;
}

/** Start `count` routers for `engines`, called "0", "1" and so on. */
export async function startRouters(
  count: number,
  engines: readonly TestEngine[],
  changes: RouterChanges | ((index: number) => RouterChanges) = {},
): Promise<Routers> {
  await using stack = new AsyncDisposableStack();
  const hub = new MemoryHub();
  const all: TestRouter[] = [];
  const start = async (name: string, more: RouterChanges): Promise<TestRouter> => {
    const bus = hub.join(name);
    const router = await startRouter(engines, { ...more, ports: { ...more.ports, bus } });
    all.push(router);
    parts.use(bus);
    parts.use(router);
    return router;
  };
  const parts = stack.use(new AsyncDisposableStack());
  const changesOf = (index: number): RouterChanges =>
    typeof changes === "function" ? changes(index) : changes;
  for (let index = 0; index < count; index++) await start(String(index), changesOf(index));
  const held = stack.move();
  return {
    hub,
    all,
    at(index) {
      const router = all[index];
      if (router === undefined) throw new Error(`There is no router ${index}`);
      return router;
    },
    add: (name) => start(name, changesOf(all.length)),
    async met() {
      for (const { url } of all) {
        await eventually(
          async () => await metricOf(url, "pd_router_gossip_peers") === all.length - 1,
          () => `${url} has not heard all`,
        );
      }
    },
    [Symbol.asyncDispose]: () => held.disposeAsync(),
  };
}

/** The value of one series, 0 where there is none. */
export async function metricOf(url: string, series: string): Promise<number> {
  const lines = (await (await fetch(`${url}/metrics`)).text()).split("\n");
  return Number(lines.find((line) => line.startsWith(`${series} `))?.split(" ").at(-1) ?? 0);
}

/** What a router tells of its engines, by id. */
export async function rowsOf(
  url: string,
): Promise<ReadonlyMap<string, Readonly<Record<string, unknown>>>> {
  const rows: Record<string, unknown>[] = await (await fetch(`${url}/engines`)).json();
  return new Map(rows.map((row) => [String(row["engine_id"]), row]));
}
