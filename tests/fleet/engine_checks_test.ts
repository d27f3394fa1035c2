import type { Engine } from "../../lib/base/mod.ts";
import { EngineChecks, staticSource } from "../../lib/fleet/mod.ts";
import { assertEquals } from "../support/assert.ts";
import { settle } from "../support/fake_clock.ts";
import { ScriptedSource } from "../support/scripted_source.ts";
import { cards, engine, failure, Scene } from "./support.ts";

const EVERY_MS = 10_000;

/** Checks of two kinds, for engines whose models are known, that end as `says` says. */
function checking(
  scene: Scene,
  says: (engine: Engine, what: string) => "ok" | "nothing" | Error,
): { readonly checks: EngineChecks; readonly asked: string[] } {
  const asked: string[] = [];
  const checksOf = (engine: Engine) =>
    engine.models.length === 0 ? [] : ["one", "two"].map((what) => ({
      what,
      ask: (): Promise<"ok" | "nothing"> => {
        asked.push(`${engine.id} ${what}`);
        const said = says(engine, what);
        return said instanceof Error ? Promise.reject(said) : Promise.resolve(said);
      },
    }));
  const { clock, fleet, written: { log } } = scene;
  return { checks: new EngineChecks({ clock, log, fleet, everyMs: EVERY_MS, checksOf }), asked };
}

/** How the flights of checks have ended. */
function ends({ outcomes }: Scene): readonly string[] {
  return outcomes.filter(({ leg }) => leg === "check")
    .map(({ engine, end, code }) => [engine.id, end, code].filter(Boolean).join(" "));
}

Deno.test("EngineChecks tries each engine as soon as its models are known, and then at intervals", async () => {
  await using scene = new Scene({ a: cards(["m"]) });
  const { checks, asked } = checking(scene, () => "ok");
  await using _checks = checks;
  scene.follow(staticSource([engine("a"), engine("b")]));
  await settle();
  assertEquals(asked, ["a one", "a two"]);
  scene.engines.waiting[0]?.answer.resolve(cards(["n"]));
  await settle();
  assertEquals(asked.slice(2), ["b one", "b two"]);
  await scene.clock.advance(EVERY_MS - 1);
  assertEquals(asked.length, 4);
  await scene.clock.advance(1);
  assertEquals(asked.length, 8);
  assertEquals(ends(scene), ["a ok", "b ok", "a ok", "b ok"]);
});

Deno.test("EngineChecks fails an engine by one of its checks, and tells of it once", async () => {
  await using scene = new Scene({ a: cards(["m"]) });
  let broken = true;
  const { checks, asked } = checking(
    scene,
    (_engine, what) => what === "two" && broken ? failure("check-failed") : "ok",
  );
  await using _checks = checks;
  scene.follow(staticSource([engine("a")]));
  await settle();
  await scene.clock.advance(EVERY_MS);
  assertEquals([ends(scene), asked.length], [
    ["a failed check-failed", "a failed check-failed"],
    4,
  ]);
  broken = false;
  await scene.clock.advance(EVERY_MS);
  assertEquals(ends(scene).at(-1), "a ok");
  const told = scene.written.messages().filter((line) => line.includes("check"));
  assertEquals(told, [
    "warning Engine fails a check: it is gone around",
    "info Engine passes its checks again",
  ]);
});

Deno.test("EngineChecks leaves open what an answer says nothing of", async () => {
  await using scene = new Scene({ a: cards(["m"]) });
  const { checks } = checking(scene, (_engine, what) => what === "one" ? "nothing" : "ok");
  await using _checks = checks;
  scene.follow(staticSource([engine("a")]));
  await settle();
  assertEquals(ends(scene), ["a left"]);
});

Deno.test("EngineChecks tries no engine that goes, and leaves nothing behind", async () => {
  await using scene = new Scene({ a: cards(["m"]), b: cards(["m"]) });
  const { checks, asked } = checking(scene, () => "ok");
  const source = ScriptedSource.of([engine("a"), engine("b")]);
  scene.follow(source);
  await settle();
  source.leaving("a");
  await settle();
  asked.length = 0;
  await scene.clock.advance(EVERY_MS);
  assertEquals(asked, ["b one", "b two"]);
  const before = scene.clock.pending;
  await checks[Symbol.asyncDispose]();
  assertEquals(before - scene.clock.pending, 1);
  await scene.clock.advance(EVERY_MS);
  assertEquals(asked.length, 2);
});
