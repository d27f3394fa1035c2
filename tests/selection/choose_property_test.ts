import fc from "fast-check";
import type { Engine, Role } from "../../lib/base/mod.ts";
import {
  type Candidate,
  type Exclude,
  type Pair,
  policiesFor,
  type Verdict,
} from "../../lib/selection/mod.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { choiceOf, directOf, engine, enginesOf, named, SHUT, takes } from "./support.ts";

const IDS = ["a", "b", "c", "d", "e", "f"] as const;

const verdict = fc.constantFrom<Verdict>(
  { kind: "good" },
  { kind: "good" },
  { kind: "good" },
  { kind: "probation" },
  SHUT,
  { kind: "leaving" },
);

const fleet = fc.uniqueArray(
  fc.record({
    id: fc.constantFrom(...IDS),
    role: fc.constantFrom<Role>(
      "prefill",
      "prefill",
      "prefill",
      "decode",
      "decode",
      "decode",
      "any",
    ),
    models: fc.constantFrom(["m"], ["m"], ["m"], ["m", "n"], ["n"]),
    kv: fc.constantFrom("lmcache" as const, "lmcache" as const, "nixl" as const),
    receives: fc.constantFrom(true, true, true, false),
    inflight: fc.nat(2),
    verdict,
  }),
  { selector: ({ id }) => id, minLength: 1, maxLength: IDS.length },
).map((drafts) =>
  drafts.toSorted((a, b) => a.id < b.id ? -1 : 1).map((draft): Candidate => {
    const { id, role, models, kv, receives, inflight, verdict } = draft;
    const { nixl, ...rest } = engine(id, role, models, kv);
    const record: Engine = nixl !== undefined && receives ? { ...rest, nixl } : rest;
    return { engine: record, inflight, verdict };
  })
);

const why = fc.constantFrom("failed" as const, "tainted" as const, "spoilt" as const);

const wish = fc.record({
  exclude: fc.array(fc.record({ id: fc.constantFrom(...IDS), why }), { maxLength: 3 }),
  shut: fc.subarray(IDS.flatMap((prefill) => IDS.map((decode) => `${prefill} ${decode}`))),
  tried: fc.option(fc.tuple(fc.constantFrom(...IDS), fc.constantFrom(...IDS))),
  session: fc.option(fc.string(), { nil: undefined }),
  kind: fc.constantFrom("roundrobin" as const, "session" as const),
});

/** How bad an engine is for a request, worst first: never, excluded, shut, nothing. */
function badness({ engine: { id }, verdict }: Candidate, exclude: readonly Exclude[]): number {
  const whys = exclude.filter((one) => one.id === id).map((one) => one.why);
  if (verdict.kind === "leaving" || whys.includes("spoilt")) return Infinity;
  return (whys.length > 0 ? 10 : 0) + (verdict.kind === "shut" ? 1 : 0);
}

Deno.test("choosePair() takes a pair than which none is better, in any fleet", () => {
  const ends = new Map<string, number>();
  const note = (end: string): void => void ends.set(end, (ends.get(end) ?? 0) + 1);
  fc.assert(
    fc.property(fleet, wish, (all, { exclude, shut, tried, session, kind }) => {
      const able = all.filter(({ engine }) => engine.models.includes("m"));
      const receivers = able.filter(({ engine }) => engine.role === "decode" && takes(engine));
      const senders = able.filter(({ engine }) => engine.role === "prefill");
      const isShut = (pair: Pair): boolean => shut.includes(named(pair));
      const pairs = receivers.flatMap((decode) =>
        senders.filter((prefill) => prefill.engine.kv === decode.engine.kv).map((prefill) => ({
          name: named({ prefill: prefill.engine, decode: decode.engine }),
          bad: badness(prefill, exclude) + badness(decode, exclude),
          isShut: isShut({ prefill: prefill.engine, decode: decode.engine }),
          prefill: prefill.engine,
          decode: decode.engine,
        }))
      );
      const least = Math.min(...pairs.map(({ bad }) => bad));
      const best = least === Infinity ? [] : pairs.filter(({ bad }) => bad === least);
      const open = best.filter((pair) => !pair.isShut);
      const find = (id: string): Engine =>
        all.find((one) => one.engine.id === id)?.engine ??
          engine(id);
      const before = tried === null
        ? undefined
        : { prefill: find(tried[0]), decode: find(tried[1]) };
      const choice = choiceOf(all, policiesFor({ kind }), {
        exclude,
        session,
        attempt: before === undefined ? 1 : 2,
        tried: before,
        universe: enginesOf(all),
        pairVerdict: shut.length === 0
          ? undefined
          : (prefill, decode) => isShut({ prefill, decode }) ? SHUT : { kind: "good" },
      });
      if (choice.kind === "none") {
        assertEquals(best, []);
        const paired = receivers.filter(({ engine: { kv } }) =>
          senders.some((one) => one.engine.kv === kv)
        );
        const of = paired.length > 0 ? paired : receivers;
        const some = of.some((one) => badness(one, exclude) < Infinity);
        assertEquals(choice.lacks, some ? "prefill" : "receiver");
        return note(choice.lacks);
      }
      const name = named(choice.pair);
      const among = open.length > 0 ? open : best;
      assert(
        among.some((pair) => pair.name === name),
        `${name} of ${among.map((one) => one.name)}`,
      );
      note(open.length > 0 ? "open" : "shut");
      if (before === undefined || least >= 10) return;
      const keeps = among.filter(({ decode }) => decode === before.decode);
      if (keeps.length === 0) return;
      note("kept");
      assert(choice.pair.decode === before.decode, "the decode engine is kept");
      if (keeps.some(({ prefill }) => prefill === before.prefill)) {
        assert(choice.pair.prefill === before.prefill, "the prefill engine is kept");
      }
    }),
    { seed: 2026, numRuns: 3_000 },
  );
  for (const end of ["open", "shut", "prefill", "receiver", "kept"]) {
    assert((ends.get(end) ?? 0) > 40, `${end}: ${JSON.stringify([...ends])}`);
  }
});

Deno.test("chooseDirect() takes an engine than which none is better, in any fleet", () => {
  const ends = new Map<boolean, number>();
  fc.assert(
    fc.property(fleet, wish, (all, { exclude, session, kind }) => {
      const whole = all.filter(({ engine: { role, models } }) =>
        role !== "prefill" && models.includes("m")
      );
      const least = Math.min(...whole.map((one) => badness(one, exclude)));
      const picked = directOf(all, policiesFor({ kind }), { exclude, session });
      ends.set(picked === undefined, (ends.get(picked === undefined) ?? 0) + 1);
      if (picked === undefined) return assertEquals(least, Infinity);
      const of = whole.find((one) => one.engine === picked);
      assert(of !== undefined && badness(of, exclude) === least);
    }),
    { seed: 2026, numRuns: 1_000 },
  );
  assert((ends.get(true) ?? 0) > 50 && (ends.get(false) ?? 0) > 50, `${[...ends]}`);
});
