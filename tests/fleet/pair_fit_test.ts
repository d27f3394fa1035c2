import type { Engine, Role } from "../../lib/base/mod.ts";
import { type EngineEntry, type EngineTold, FleetView, PairFit } from "../../lib/fleet/mod.ts";
import { assertEquals } from "../support/assert.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { engine, LogLines } from "./support.ts";

interface Tells {
  readonly told?: EngineTold;
  readonly card?: Readonly<Record<string, unknown>>;
  readonly more?: Partial<Engine>;
}

const told = new Map<string, EngineTold>();

function entry(
  id: string,
  role: Role,
  { told: tells = {}, card = {}, more = {} }: Tells = {},
): EngineEntry {
  told.set(id, tells);
  return {
    engine: engine(id, ["m"], { role, kv: "nixl", ...more }),
    cards: [{ id: "m", ...card }],
    created: 1,
  };
}

function fitting(entries: readonly EngineEntry[]): {
  readonly fit: PairFit;
  readonly view: FleetView;
  readonly lines: readonly string[];
  readonly telling: { revision: number };
} {
  const { lines, log } = new LogLines(new FakeClock());
  const telling = { revision: 1, of: ({ id }: Engine) => told.get(id) ?? {} };
  return { fit: new PairFit(log, telling), view: new FleetView(entries, []), lines, telling };
}

/** In what a prefill and a decode engine differ that tell `one` and `other`. */
function differ(one: Tells, other: Tells): readonly string[] {
  const { fit, view } = fitting([entry("p", "prefill", one), entry("d", "decode", other)]);
  return fit.misfitsIn(view).flatMap((misfit) => misfit.differ);
}

Deno.test("PairFit compares what matters to KV, by protocol", () => {
  const lmcache = { kv: "lmcache" } as const;
  const rows: readonly (readonly [one: Tells, other: Tells, expected: readonly string[]])[] = [
    [{ card: { root: "a" } }, { card: { root: "b" } }, ["root"]],
    [{ card: { dtype: "a" } }, { card: { dtype: "b" } }, ["dtype"]],
    [{ card: { max_model_len: 1 } }, { card: { max_model_len: 2 } }, []],
    [{ told: { cacheDtype: "auto" } }, { told: { cacheDtype: "fp8" } }, ["cache_dtype"]],
    [{ told: { cacheDtype: "auto" } }, { told: { cacheDtype: "bfloat16" } }, []],
    [{ told: { blockSize: "16" } }, { told: { blockSize: "32" } }, []],
    [{ told: { version: "0.11.0" } }, { told: { version: "0.11.1" } }, ["version"]],
    [{ told: { version: "0.11.0" }, more: lmcache }, {
      told: { version: "0.11.1" },
      more: lmcache,
    }, []],
    [{ told: { version: "0.11.0" }, more: lmcache }, {
      told: { version: "0.12.0" },
      more: lmcache,
    }, ["version"]],
    [{ more: { ...lmcache, chunkTokens: 256 } }, { more: { ...lmcache, chunkTokens: 512 } }, [
      "chunk_size",
    ]],
    [{ more: { chunkTokens: 256 } }, { more: { chunkTokens: 512 } }, []],
    // Other protocols are never paired, and other models need not be alike.
    [{ told: { version: "1.0" }, more: lmcache }, { told: { version: "2.0" } }, []],
    [{ told: { version: "1.0" }, more: { models: ["x"] } }, { told: { version: "2.0" } }, []],
  ];
  for (const [one, other, expected] of rows) {
    assertEquals(differ(one, other), expected, JSON.stringify([one, other]));
  }
});

Deno.test("PairFit takes what is not known for equal", () => {
  const known: Tells = { told: { version: "1.0.0", cacheDtype: "fp8" }, card: { root: "a" } };
  assertEquals([differ(known, {}), differ({}, known), differ(known, known)], [[], [], []]);
});

Deno.test("PairFit.in() tells those of two generations apart, and is undefined where all are alike", () => {
  const [one, two] = [{ told: { version: "1.0" } }, { told: { version: "2.0" } }];
  const { fit, view, lines } = fitting([
    entry("d1", "decode", one),
    entry("d2", "decode", two),
    entry("p1", "prefill", one),
    entry("p2", "prefill", two),
    entry("x", "any"),
  ]);
  const isUnequal = fit.in(view);
  const pairs = ["p1 d1", "p1 d2", "p2 d1", "p2 d2"].filter((pair) => {
    const [prefill = "", decode = ""] = pair.split(" ");
    return isUnequal?.(prefill, decode) === true;
  });
  assertEquals(pairs, ["p1 d2", "p2 d1"]);
  assertEquals(fit.misfitsIn(view).length, 2);
  assertEquals(lines.length, 2);
  const alike = new FleetView([entry("p", "prefill", one), entry("d", "decode", one)], []);
  assertEquals(fit.in(alike), undefined);
});

Deno.test("PairFit compares again when something told is another, and says a difference once", () => {
  const { fit, view, lines, telling } = fitting([
    entry("p", "prefill", { told: { version: "1.0" } }),
    entry("d", "decode", { told: { version: "1.0" } }),
  ]);
  assertEquals(fit.in(view), undefined);
  told.set("d", { version: "2.0" });
  assertEquals(fit.in(view), undefined);
  for (let turn = 0; turn < 3; turn++) {
    telling.revision++;
    assertEquals(fit.in(view)?.("p", "d"), true);
  }
  assertEquals(lines.length, 1);
  told.set("p", { version: "2.0" });
  telling.revision++;
  assertEquals(fit.in(view), undefined);
});
